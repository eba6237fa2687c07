// Where the modules are that the heartbeat's thread loads.
import type { HeartbeatStore } from "./store.ts";

/**
 * The URL of a module beside another one, compiled or not as that one is; undefined where the other has no URL, in what some
 * bundlers make of it.
 */
export function beside(module: string | undefined, name: string): URL | undefined {
  const extension = /\.[cm]?[jt]s$/.exec(module ?? "")?.[0];
  return extension === undefined || !URL.canParse(module ?? "") ? undefined : new URL(`./${name}${extension}`, module);
}

/** The module `elsewhere` beside the given one, with its target. */
export function heartbeatStoreOf(module: string | undefined, target: unknown): HeartbeatStore | undefined {
  const url = beside(module, "heartbeat-store");
  return url === undefined ? undefined : { module: url.href, target };
}
