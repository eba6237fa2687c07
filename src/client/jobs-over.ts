// A client over a store that is there already: for tests, and for stores of others.

import type { Jobs } from "../api/jobs.ts";
import type { ClientOptions } from "../api/options.ts";
import type { Clock } from "../clock.ts";
import { checkOptions } from "../job/options.ts";
import type { Random } from "../random.ts";
import type { Store } from "../store/store.ts";
import { createJobs } from "./jobs.ts";
import { clientOptionNames, clientSettings } from "./options.ts";

export interface JobsOverOptions extends ClientOptions {
  /** Default: the system's. */
  clock?: Clock | undefined;
  /** Default: Math.random. */
  random?: Random | undefined;
}

/**
 * A client over `store`, which is migrated at first use, and closed with the client.
 *
 * @throws BAD_OPTION.
 */
export function jobsOver(store: Store, options?: JobsOverOptions): Jobs {
  const given = checkOptions(options, [...clientOptionNames, "clock", "random"]);
  const settings = clientSettings(given);
  const connect = async (): Promise<Store> => {
    await store.migrate(settings.timeout);
    return store;
  };
  return createJobs(connect, settings);
}
