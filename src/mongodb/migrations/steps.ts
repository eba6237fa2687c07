// All steps of the schema, in order.
import type { Step } from "./step.ts";
import { step1 } from "./step-1.ts";
import { step2 } from "./step-2.ts";

export const steps: readonly Step[] = [step1, step2];
