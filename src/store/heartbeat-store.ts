// Where the modules are that the heartbeat's thread loads.
import { existsSync } from "node:fs";
import type { HeartbeatStore } from "./store.ts";

/**
 * The URL of a module beside another one, compiled or not as that one is; undefined where it is not there, since dayjob was
 * bundled: the other one is then part of the bundle, or has no URL at all (CommonJS).
 */
export function beside(module: string | undefined, name: string): URL | undefined {
  const extension = /\.[cm]?[jt]s$/.exec(module ?? "")?.[0];
  if (extension === undefined || !URL.canParse(module ?? "")) return undefined;
  const url = new URL(`./${name}${extension}`, module);
  return url.protocol === "file:" && existsSync(url) ? url : undefined;
}

/** The module `heartbeat-store` beside the given one, with its target. */
export function heartbeatStoreOf(module: string | undefined, target: unknown): HeartbeatStore | undefined {
  const url = beside(module, "heartbeat-store");
  return url === undefined ? undefined : { module: url.href, target };
}
