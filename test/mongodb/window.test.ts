// A window that claims share: whoever comes while it is being read waits for it, but not for an answer that never comes.
// And how it and the time of the next job are read, which the server of the tests does not show: it sorts without an index.
import * as bson from "bson";
import { expect, it } from "vitest";
import type { Collections } from "../../src/mongodb/collections.ts";
import type { Doc } from "../../src/mongodb/driver.ts";
import { nextAfter, readWindow, windowsOf } from "../../src/mongodb/window.ts";
import { at } from "../../src/testing/fixtures/factories.ts";
import { manualClock } from "../../src/testing/fixtures/manual-clock.ts";

it("a read that never ends is waited for until its timeout; the next claim reads again", async () => {
  const clock = manualClock();
  const answers = [new Promise<Doc[]>(() => {}), Promise.resolve<Doc[]>([])];
  let reads = 0;
  const find = (): unknown => ({ toArray: () => answers[reads++] });
  const windows = windowsOf({ clock, bson, jobs: { find } } as unknown as Collections);
  const look = (): Promise<unknown> =>
    windows.window({ kinds: ["k"] }, { now: at(1), batch: 1, fresh: false }, () => ({ maxTimeMS: 100 }));

  void look();
  clock.advance(99);
  void look();
  expect(reads).toBe(1);
  clock.advance(1);
  expect(await look()).toMatchObject({ due: [], isComplete: true });
  expect(reads).toBe(2);
});

it("a reading for which no time is left fails, and leaves nothing behind that nobody hears", async () => {
  const strays: unknown[] = [];
  const hear = (error: unknown): void => void strays.push(error);
  process.on("unhandledRejection", hear);
  const find = (): never => {
    throw new Error("asked");
  };
  const windows = windowsOf({ clock: manualClock(), bson, jobs: { find } } as unknown as Collections);
  const late = (): never => {
    throw new Error("late");
  };
  const looked = windows.window({ kinds: ["k"] }, { now: at(1), batch: 1, fresh: false }, late);
  await expect(looked).rejects.toThrow("late");
  await new Promise((resolve) => setImmediate(resolve));
  process.off("unhandledRejection", hear);
  expect(strays).toEqual([]);
});

interface Row {
  readonly priority?: number;
  readonly runat: Date;
}

interface Search {
  readonly query: Readonly<Record<string, unknown>> & { readonly runat: Readonly<Record<string, Date>> };
  readonly options: { readonly sort: Doc; readonly limit: number };
}

/** A place with these jobs, which finds them by `runat` and the missing priority, and what was searched for. */
function placeOf(rows: readonly Row[]): { place: Collections; searches: Search["options"][] } {
  const searches: Search["options"][] = [];
  const find = (query: Search["query"], options: Search["options"]): unknown => {
    searches.push(options);
    const { $gt, $lt, $lte } = query.runat;
    const found = rows.filter(
      ({ priority, runat }) =>
        ($gt === undefined || runat > $gt) &&
        ($lt === undefined || runat < $lt) &&
        ($lte === undefined || runat <= $lte) &&
        (!("priority" in query) || priority === undefined),
    );
    const rank = ({ priority = -1000 }: Row): number => ("priority" in options.sort ? priority : 0);
    found.sort((a, b) => rank(b) - rank(a) || a.runat.getTime() - b.runat.getTime());
    return { toArray: async () => found.slice(0, options.limit).map((row) => ({ ...row, _id: new bson.ObjectId() })) };
  };
  return { place: { clock: manualClock(), bson, jobs: { find } } as unknown as Collections, searches };
}

const limit = (): { maxTimeMS: number } => ({ maxTimeMS: 1000 });
const many = (count: number, from: number, priority?: number): Row[] =>
  Array.from({ length: count }, (_, n) => ({ runat: at(from + n), ...(priority === undefined ? {} : { priority }) }));

it("jobs without a priority, behind a full window, are read in the order that the index has for them", async () => {
  const { place, searches } = placeOf([...many(250, 2, 0), ...many(250, 1)]);
  const window = await readWindow(place, { kinds: ["k"] }, { now: at(1000), batch: 1, fresh: false }, limit);
  expect(searches.map(({ sort }) => sort)).toEqual([{ priority: -1, runat: 1 }, { runat: 1 }]);
  expect(window.due.map(({ runAt }) => runAt)).toEqual(
    [...many(100, 2), ...many(100, 1)].map(({ runat }) => runat.getTime()).toSorted((a, b) => a - b),
  );
});

it("the next time is read in the index's order, some rows at once, and is the soonest of all priorities", async () => {
  const span = { since: at(10), horizon: at(10_000) };
  const next = async (rows: readonly Row[]): Promise<unknown> => {
    const { place, searches } = placeOf(rows);
    const date = await nextAfter(place, { kinds: ["k"] }, span, limit);
    for (const { sort } of searches) expect(sort).toEqual({ priority: -1, runat: 1 });
    return [date, searches.length];
  };
  expect(await next([])).toEqual([undefined, 1]);
  expect(await next([...many(20, 50, 5), ...many(20, 5, 0), ...many(3, 9990)])).toEqual([at(11), 1]);
  expect(await next(many(5000, 50, 5))).toEqual([at(50), 2]);
  expect(await next([...many(500, 5000, 5), ...many(500, 3000, 0), ...many(500, 2000)])).toEqual([at(2000), 4]);
});
