// Time limits: each verb settles by its limit, and starts no further round trip after it.
import { type Clock, within } from "../clock.ts";
import { storeOutage } from "../errors.ts";
import { translated } from "./errors.ts";

/**
 * What is left of a verb's time, as the driver's option.
 *
 * @throws an outage once nothing is left, so that a verb whose caller has given up writes nothing more.
 */
export type Deadline = () => { readonly maxTimeMS: number };

/** What there is to know when the time of a verb is over. */
const whenLate: Readonly<Record<string, string>> = {
  migrate:
    "; if the collection is large, the server is still building its indexes, and goes on: open or call jobs.migrate() again, or raise timeout to wait for them",
};

/** Runs a verb within its limit; the driver's errors come out in our words. */
export function withDeadline<T>(
  clock: Clock,
  verb: string,
  timeout: number,
  work: (deadline: Deadline) => Promise<T>,
  translate: (error: unknown, verb: string) => unknown = translated,
): Promise<T> {
  const end = clock.monotonic() + timeout;
  const late = (): never => {
    throw storeOutage(`MongoDB did not answer ${verb} within ${Math.round(timeout)} ms${whenLate[verb] ?? ""}`);
  };
  const deadline: Deadline = () => {
    const rest = Math.ceil(end - clock.monotonic());
    return rest > 0 ? { maxTimeMS: Math.min(rest, 2 ** 31 - 1) } : late();
  };
  const settled = (async () => await work(deadline))().catch((error: unknown) => {
    throw translate(error, verb);
  });
  return within(clock, timeout, settled, late);
}

/** Makes a verb of the port of its work: the last argument of the verb is its timeout. */
export type MakeVerb = <A extends readonly unknown[], T>(
  name: string,
  work: (deadline: Deadline, ...args: A) => Promise<T>,
) => (...args: [...A, number]) => Promise<T>;

export function verbsWith(clock: Clock, translate: (error: unknown, verb: string) => unknown = translated): MakeVerb {
  return <A extends readonly unknown[], T>(name: string, work: (deadline: Deadline, ...args: A) => Promise<T>) =>
    (...args: [...A, number]): Promise<T> => {
      const given = args.slice(0, -1) as unknown as A;
      return withDeadline(clock, name, args.at(-1) as number, (deadline) => work(deadline, ...given), translate);
    };
}
