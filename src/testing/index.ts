// dayjob/testing: what tests of programs that use dayjob need, and what authors of other stores need.
export { type JobsOverOptions, jobsOver } from "../client/jobs-over.ts";
export { at, fixtureTime, jobFixture } from "./factories.ts";
export { type Call, type Fault, faultyStore, type Plan, type Verb } from "./faulty-store.ts";
export { type ManualClock, manualClock } from "./manual-clock.ts";
export { type MemoryData, memoryData } from "./memory-data.ts";
export { type MemoryOptions, memoryStore } from "./memory-store.ts";
export { type StorePlace, storeConformance, type TestRunner } from "./store-conformance.ts";
