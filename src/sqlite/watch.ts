// Hearing of other processes' writes: SQLite says when another connection has committed.
import type { Unwatch } from "../store/store.ts";
import type { SqliteAccess } from "./access.ts";

/** Milliseconds between two looks. */
const watchInterval = 10;

export function watch(access: SqliteAccess, heard: () => void): Unwatch {
  let seen = access.dataVersion();
  let cancel = (): void => {};
  const look = (): void => {
    const version = access.dataVersion();
    if (version !== seen && version !== undefined) heard();
    seen = version ?? seen;
    cancel = access.clock.timer(watchInterval, look);
  };
  cancel = access.clock.timer(watchInterval, look);
  return async () => cancel();
}
