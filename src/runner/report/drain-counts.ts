// What a session did, for the answer of a drain.

import type { Drained } from "../../api/runner.ts";
import type { Ending } from "../../job/lifecycle.ts";
import { Status } from "../../job/status.ts";
/** Counts what a session did, for `drain`. */
export class DrainCounts {
  started = 0;
  success = 0;
  failed = 0;
  waiting = 0;
  cancelled = 0;
  givenBack = 0;

  drained(more: boolean): Drained {
    const { started, success, failed, waiting, cancelled, givenBack } = this;
    return { started, success, failed, waiting, cancelled, givenBack, more };
  }

  count(ending: Ending, status: number): void {
    if (status === Status.success) this.success++;
    else if (status === Status.failed) this.failed++;
    else if (status === Status.cancelled) this.cancelled++;
    else if (ending.how === "unstarted" || ending.how === "interrupted") this.givenBack++;
    else this.waiting++;
  }
}
