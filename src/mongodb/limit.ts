// Time limits: each verb settles by its limit, and starts no further round trip after it.
import { type Clock, within } from "../clock.ts";
import { storeOutage } from "../errors.ts";
import { translated } from "./errors.ts";

/**
 * What is left of a verb's time, as the driver's option.
 *
 * @throws an outage once nothing is left, so that a verb whose caller has given up writes nothing more.
 */
export type Limit = () => { readonly maxTimeMS: number };

/** What there is to know when the time of a verb is over. */
const whenLate: Readonly<Record<string, string>> = {
  migrate:
    "; if the collection is large, the server is still building its indexes, and goes on: open or call jobs.migrate() again, or raise timeout to wait for them",
};

/** Runs a verb within its limit; the driver's errors come out in our words. */
export function limited<T>(
  clock: Clock,
  verb: string,
  limit: number,
  work: (left: Limit) => Promise<T>,
  translate: (error: unknown, verb: string) => unknown = translated,
): Promise<T> {
  const end = clock.monotonic() + limit;
  const late = (): never => {
    throw storeOutage(`MongoDB did not answer ${verb} within ${limit} ms${whenLate[verb] ?? ""}`);
  };
  const left: Limit = () => {
    const rest = Math.ceil(end - clock.monotonic());
    return rest > 0 ? { maxTimeMS: Math.min(rest, 2 ** 31 - 1) } : late();
  };
  const settled = (async () => await work(left))().catch((error: unknown) => {
    throw translate(error, verb);
  });
  return within(clock, limit, settled, late);
}
