// What reading a window of due jobs costs, by the server's own count of the index keys that it examined. Only where `explain`
// counts them.
import { MongoClient } from "mongodb";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Status } from "../../src/job/status.ts";
import { openMongoStore } from "../../src/mongodb/index.ts";
import type { Store } from "../../src/store/store.ts";
import { at, jobFixture } from "../../src/testing/fixtures/factories.ts";
import { type MongoPlace, mongoPlace, request, url } from "./test-collections.ts";

type Command = Record<string, unknown>;

describe.skipIf(url === undefined)("the plans on MongoDB", () => {
  let place: MongoPlace;
  let client: MongoClient;
  let store: Store;
  let finds: Command[];

  beforeEach(async () => {
    place = await mongoPlace();
    finds = [];
    client = new MongoClient(url ?? "", { monitorCommands: true });
    client.on("commandStarted", ({ command }) => {
      const { lsid: _lsid, $db: _db, $clusterTime: _time, ...rest }: Command = command;
      if (rest["find"] === place.collection) finds.push(rest);
    });
    store = await openMongoStore(client.db("dayjob_store_tests"), { collection: place.collection, timeout: 10_000 });
    await store.migrate(10_000);
  });
  afterEach(async () => {
    await store.close();
    await client.close();
    await place.dispose();
  });

  const insert = (count: number, fields: Parameters<typeof jobFixture>[0]): Promise<unknown> =>
    store.jobs.insert(
      Array.from({ length: count }, () => jobFixture(fields)),
      {},
      20_000,
    );

  const executed = async (find: Command): Promise<Stage | undefined> => {
    const explain = { explain: find, verbosity: "executionStats" };
    const plan = await client
      .db("dayjob_store_tests")
      .command(explain)
      .catch(() => undefined);
    return plan?.["executionStats"] as Stage | undefined;
  };

  it("a window costs what is due, not what is finished, future or of another kind (windows and lanes)", async ({
    skip,
  }) => {
    const due = 600;
    await insert(due, {});
    await insert(3000, { status: Status.success });
    await insert(3000, { runAt: at(1_000_000) });
    await insert(1000, { kind: "other" });
    await store.claims.claim(request({ slots: 20, now: at(100), horizon: at(200) }), 20_000);
    expect(finds.length).toBeGreaterThan(0);
    for (const find of finds) {
      const stats = await executed(find);
      skip(stats?.totalKeysExamined === undefined, "explain does not count keys here");
      const stages = stagesOf(stats ?? {});
      const keys = Math.max(...stages.map((one) => one.totalKeysExamined ?? one.keysExamined ?? 0));
      // A server that does not use the index's order has to sort all that is due.
      const sorts = stages.some(({ stage }) => stage === "SORT");
      expect(keys).toBeLessThanOrEqual(1.1 * (sorts ? due : (stats?.nReturned ?? 0)) + 20);
    }
  });
});

/** A stage of an executed plan, as mongod and DocumentDB's gateway tell of it. */
interface Stage {
  readonly stage?: string;
  readonly nReturned?: number;
  readonly keysExamined?: number;
  readonly totalKeysExamined?: number;
  readonly executionStages?: Stage;
  readonly inputStage?: Stage;
  readonly inputStages?: readonly Stage[];
}

function stagesOf(stage: Stage): Stage[] {
  const { executionStages, inputStage, inputStages = [] } = stage;
  return [stage, ...[executionStages, inputStage, ...inputStages].flatMap((one) => (one ? stagesOf(one) : []))];
}
