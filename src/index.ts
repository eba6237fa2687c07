// dayjob: background jobs for MongoDB and SQLite. Importing it starts nothing.

export type { Bulk, Change, Changed } from "./api/changes.ts";
export { type DayjobError, isDayjobError } from "./api/errors.ts";
export type { ClaimedJob, Outcome, SessionLike } from "./api/handler.ts";
export type { AnyHandler, Around, Context, Jobs, JobsEvents, Kind, PutOptions, RunnerOptions } from "./api/jobs.ts";
export type { Failure, KindRules } from "./api/kind-rules.ts";
export type { ClientOptions, OpenOptions } from "./api/options.ts";
export type { Drained, Runner, RunnerEvents } from "./api/runner.ts";
export type { MongoConnection, MongoDatabase, MongooseConnection, SqliteDatabase, Target } from "./api/target.ts";
export { kind } from "./client/kind.ts";
export type { Code } from "./errors.ts";
export { type Duration, parseDuration } from "./job/duration.ts";
export type { Span, Where, Which } from "./job/filter.ts";
export { formatGoJob, type GoJob, type GoTry, parseGoJob } from "./job/go-json.ts";
export type { JobId } from "./job/id.ts";
export type { Job, LogLine, PutJob, Try } from "./job/job.ts";
export { parseJob } from "./job/json.ts";
export type { AnyKind } from "./job/kind-name.ts";
export type { JobDefaults, JobOptions, NewJob } from "./job/new-job.ts";
export { formatStatus, parseStatus, Status, type StatusText } from "./job/status.ts";
export { open, openLazy } from "./open.ts";
export { cancel, giveUp, retryIn, snooze } from "./runner/run/outcome.ts";
