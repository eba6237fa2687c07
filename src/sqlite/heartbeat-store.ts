// The store as the heartbeat's thread has it: a connection of its own, by the same library, since two copies of SQLite do not
// see each other's locks (docs/engine.md, "one copy of SQLite"); threads that use one copy do.
import type { OpenHeartbeatStore } from "../store/store.ts";
import { openSqliteStore, type SqliteHeartbeatTarget } from "./open.ts";

/** Milliseconds to wait for a locked file; a lock that lasts longer is an outage, and the thread tries again. */
const timeout = 1000;

/** Beats need not outlive a power cut, which no runner does: no wait for the disk. */
export const openHeartbeatStore: OpenHeartbeatStore = ({ path, driver }: SqliteHeartbeatTarget) =>
  openSqliteStore(path, { driver, timeout, durability: "normal" });
