// All steps of the schema, in order. A new file is made by the same steps as an old one, so that both end up alike.
import type { Step } from "./step.ts";
import { step1 } from "./step-1.ts";
import { step2 } from "./step-2.ts";

export const steps: readonly Step[] = [step1, step2];
