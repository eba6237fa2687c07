// What users may say as they open a client.
import type { Duration } from "../job/duration.ts";
import type { AnyKind } from "../job/kind-name.ts";
import type { NewJob } from "../job/new-job.ts";

/** The options that do not depend on the store. */
export interface ClientOptions {
  /** Kinds whose rules hold for puts by their plain name as well. */
  kinds?: readonly AnyKind[] | undefined;
  /** Called for each new job, before it is checked: may add meta, refuse by throwing, or change it. Synchronous. */
  beforePut?: ((job: NewJob) => NewJob) | undefined;
  /** How long a call may take, 10 s by default. */
  timeout?: Duration | undefined;
  /** The most bytes of a job's data as BSON: 1 MB by default, 8 MB at most. */
  dataLimit?: number | undefined;
  /** The most bytes of a result as BSON: 1 MB by default, 4 MB at most. */
  resultLimit?: number | undefined;
}

export interface OpenOptions extends ClientOptions {
  /** MongoDB: the collection of the jobs, "jobs" by default. Those of runners and the like begin with its name. */
  collection?: string | undefined;
  /** MongoDB: the driver's module (`import * as mongodb`, or `mongoose.mongo`), where its classes cannot be found from a client or database. */
  driver?: { readonly BSON: unknown } | undefined;
  /**
   * False: make and change no indexes or tables; `jobs.migrate()` does. A store that lacks them is a warning; one of a newer
   * version is refused all the same.
   */
  migrate?: boolean | undefined;
  /** SQLite: "full" by default: a put is on the disk when it resolves. "normal": a power cut may lose the last moments. */
  durability?: "full" | "normal" | undefined;
}
