// dayjob/testing: what tests of programs that use dayjob need, and what authors of other stores need: the port, the rules
// that are the same for every store, and the conformance suite.
export { type JobsOverOptions, jobsOver } from "../client/jobs-over.ts";
export { type Code, dayjobError, storeOutage } from "../errors.ts";
export type { Warning } from "../events.ts";
export type { Bson } from "../job/data.ts";
export { type Filter, matches } from "../job/filter.ts";
export {
  type CancelMark,
  type Claim,
  type LogLine,
  linesKept,
  type StoredJob,
  type Try,
  triesKept,
} from "../job/job.ts";
export type { Settleable, Settlement } from "../job/lifecycle.ts";
export { endOf, settledJob } from "../job/settled.ts";
export {
  type Act,
  type ActPlan,
  type Change,
  changedJob,
  changeFor,
  failedAt,
  type JobChange,
  planOf,
  released,
  type Seen,
  takesKey,
} from "../job/transitions.ts";
export { type Term, termsOf, type Writes, type WrittenField, written } from "../job/writes.ts";
export type { Acted, ActPage, BulkStore } from "../store/bulk.ts";
export {
  type Candidate,
  type Choice,
  type Claimed,
  type ClaimRequest,
  choose,
  inOrder,
  type KindWanted,
} from "../store/claim.ts";
export type { ClaimStore, Finish, Finished, Held, HeldMark, Note } from "../store/claims.ts";
export type { Inserted, InsertOptions, JobStore } from "../store/jobs.ts";
export type { Page, ReadingStore } from "../store/reading.ts";
export type { Beat, Orphan, RunnerRecord, RunnerStore } from "../store/runners.ts";
export type {
  Capabilities,
  HeartbeatConnection,
  HeartbeatStore,
  OpenHeartbeatStore,
  Store,
  Unwatch,
} from "../store/store.ts";
export {
  type ConformanceOptions,
  type Lacks,
  storeConformance,
  type TestRunner,
} from "./conformance/store-conformance.ts";
export type { StorePlace } from "./conformance/suite.ts";
export { type Call, type Fault, faultyStore, type Plan } from "./faulty-store.ts";
export { at, fixtureTime, jobFixture } from "./fixtures/factories.ts";
export { type ManualClock, manualClock } from "./fixtures/manual-clock.ts";
export { type MemoryData, memoryData } from "./memory/data.ts";
export { type MemoryOptions, memoryStore } from "./memory/store.ts";
export { type Verb, type Verbs, withVerbs, wrappedStore } from "./verbs.ts";
