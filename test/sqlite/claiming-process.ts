// Run by claims.test.ts, several at once: claims what is due, finishes it, and prints the ids that it got.
import { newId } from "../../src/job/id.ts";
import { Status } from "../../src/job/status.ts";
import { openSqliteStore } from "../../src/sqlite/open.ts";

const limit = 30_000;
const [path = "", name = ""] = process.argv.slice(2);
const store = await openSqliteStore(path, { timeout: limit });
const runner = { instance: newId(), name };
const got: string[] = [];
for (;;) {
  const token = newId();
  const now = new Date(await store.now(limit));
  const request = { runner, token, kinds: [{ kind: "k", most: 7 }], slots: 7, ahead: 0, suspects: true };
  const { jobs } = await store.claims.claim({ ...request, now, horizon: now }, limit);
  if (jobs.length === 0) break;
  got.push(...jobs.map(({ id }) => id));
  const settlement = { status: Status.success, ended: now, try: {} } as const;
  const finished = await store.claims.finish(
    jobs.map(({ id }) => ({ id, token, settlement })),
    limit,
  );
  if (finished.some(({ status }) => status !== Status.success))
    throw new Error("a finish under a valid claim was refused");
}
await store.close();
console.log(JSON.stringify(got));
