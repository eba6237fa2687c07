// What we write decodes in a Go program with the types of the Go package and the BSON library that it uses.
import { execFileSync, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { MongoClient } from "mongodb";
import { expect, it } from "vitest";
import type { Job } from "../../src/index.ts";
import { mongoUrl, testStores } from "../setup/stores.ts";

const folder = fileURLToPath(new URL("decode", import.meta.url));
const hasGo = spawnSync("go", ["version"]).status === 0;

interface Decoded {
  readonly id: string;
  readonly status: number;
  readonly tries: readonly { readonly runner: string; readonly when: string; readonly err?: string }[] | null;
  readonly created: string;
  readonly runat: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly Retries: number;
  readonly RetryInterval: number;
  readonly Kind: string;
}

it("documents on MongoDB decode in Go as the Go package's own", { timeout: 300_000 }, async ({ skip }) => {
  skip(mongoUrl === undefined, "DAYJOB_TEST_STORES=sqlite: no MongoDB");
  skip(!hasGo, "go is not installed");
  const place = testStores.find(({ name }) => name === "MongoDB")?.place();
  if (place === undefined) throw new Error("no MongoDB among the stores");
  try {
    const jobs = await place.open();
    const runAt = new Date("2031-04-01T10:00:00.500Z");
    const put = await jobs.putMany([
      { kind: "due", data: { message: "Hello world", n: 1, big: 2 ** 40, list: ["a"], deep: { yes: true } } },
      {
        kind: "later",
        data: {},
        runAt,
        retries: 5,
        retryInterval: "1m",
        key: "k",
        tags: ["t"],
        meta: { a: "b" },
        priority: 3,
      },
      { kind: "broken", data: {}, retries: 3, retryInterval: "10m" },
      { kind: "doomed", data: {}, retries: 1 },
    ]);
    const fail = (): never => {
      throw new Error("did not work");
    };
    await jobs.runner("runner-1", { due: () => undefined, broken: fail, doomed: fail }).drain({ within: "10s" });

    const decoded = await decodeInGo(
      place.collection,
      put.map(({ id }) => id),
    );
    const found = await Promise.all(put.map(({ id }) => jobs.get(id)));
    expect(decoded).toEqual(found.map((job) => asGoHasIt(job as Job)));
    expect(decoded.map(({ status }) => status)).toEqual([4, 1, 3, 5]);
    expect(decoded[0]?.data).toEqual({ message: "Hello world", n: 1, big: 2 ** 40, list: ["a"], deep: { yes: true } });
    expect(decoded[1]).toMatchObject({ runat: "2031-04-01T10:00:00.5Z", Retries: 5, RetryInterval: 60e9 });
    expect(decoded[2]?.tries).toMatchObject([{ runner: "runner-1", err: "did not work" }]);
  } finally {
    await place.dispose();
  }
});

/** Go's encoder leaves out trailing zeros of a second's fraction, and prints the machine's time zone. */
function asGoHasIt(job: Job): unknown {
  const when = (date: Date): string => date.toISOString().replace(/\.?0*Z$/, "Z");
  return {
    id: job.id,
    status: job.status,
    tries: job.tries.map(({ runner, when: at, err }) => ({
      runner,
      when: when(at),
      ...(err === undefined ? {} : { err }),
    })),
    created: when(job.created),
    runat: when(job.runAt),
    data: job.data,
    Retries: job.retries,
    RetryInterval: job.retryInterval * 1e6,
    Kind: job.kind,
  };
}

async function decodeInGo(collection: string, ids: readonly string[]): Promise<Decoded[]> {
  const client = await new MongoClient(mongoUrl ?? "").connect();
  try {
    const db = client.db(client.options.dbName === "test" ? "dayjob" : client.options.dbName);
    const raw = await db.collection(collection).find({}, { raw: true }).toArray();
    const byId = new Map((raw as unknown as Buffer[]).map((bytes) => [idOf(bytes), bytes.toString("hex")]));
    const input = ids.map((id) => byId.get(id)).join("\n");
    const output = execFileSync("go", ["run", "."], {
      cwd: folder,
      input,
      encoding: "utf8",
      env: { ...process.env, TZ: "UTC" },
    });
    return output
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Decoded);
  } finally {
    await client.close();
  }
}

/** `_id` is a document's first field: length (4), type (1), "_id\0" (4), then the 12 bytes. */
function idOf(bytes: Buffer): string {
  return bytes.subarray(9, 21).toString("hex");
}
