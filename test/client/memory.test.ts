import { describe } from "vitest";
import { jobsOver } from "../../src/client/jobs-over.ts";
import { memoryStore } from "../../src/testing/memory/store.ts";
import { clientRules } from "./client-rules.ts";

describe("the client on a memory store", () => {
  clientRules(async (options) => jobsOver(memoryStore(), options));
});
