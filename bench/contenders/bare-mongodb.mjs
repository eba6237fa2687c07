// The MongoDB driver alone, doing the writes that we do: the try recorded at the claim, a token a batch, the finish under
// it. Documents and indexes are like ours. It has no lease, no retries, no key, no events: the floor for a batching engine.
import { randomUUID } from "node:crypto";
import { MongoClient, ObjectId } from "mongodb";
import { blocks, noteLooseError, pause } from "../lib/contender.mjs";
import { versionOf } from "../lib/versions.mjs";

const BATCH = 500;

/** @type {import("../lib/contender.mjs").Contender} */
export const contender = {
  name: "bare mongodb driver",
  server: "mongodb",
  version: versionOf("mongodb"),
  puts: { put: "insertOne", bulk: "insertMany of 1,000" },
  variants: {
    best: { label: "batches of 500 out of windows of 5,000 ids", window: 5_000 },
    afresh: { label: "batches of 500, each read afresh", window: BATCH },
    acknowledged: { label: "one insert; its acknowledgement is the start", starts: true },
  },

  async open(url, { window, starts = false }) {
    const client = await new MongoClient(url, { maxPoolSize: 100, writeConcern: { w: "majority" } }).connect();
    const jobs = client.db().collection("jobs");
    const hot = { kind: 1, status: 1, priority: -1, runat: 1, lane: 1 };
    await jobs.createIndex(hot, { name: "hot", partialFilterExpression: { status: { $lte: 3 } } });
    await jobs.createIndex(
      { kind: 1, holds: 1 },
      { name: "holds", unique: true, partialFilterExpression: { holds: { $exists: true } } },
    );
    await jobs.createIndex(
      { "claim.runner": 1, "claim.token": 1 },
      { name: "claims", partialFilterExpression: { status: 2 } },
    );
    const runner = new ObjectId();
    const life = { open: true };
    /** Where an insert's acknowledgement is taken for a start: the floor of a put that is durable. @type {import("../lib/contender.mjs").Handler} */
    let start = () => {};

    /** @param {import("../lib/contender.mjs").Handler} handler */
    async function work(handler) {
      /** @type {ObjectId[]} */
      let ids = [];
      while (life.open) {
        if (ids.length === 0) ids = await readWindow();
        if (ids.length === 0) await pause(10);
        else await runBatch(ids.splice(0, BATCH), handler);
      }
    }

    async function readWindow() {
      const due = { kind: "bench", status: { $in: [1, 3] }, runat: { $lte: new Date() } };
      const limit = Number(window);
      const options = { projection: { _id: 1 }, limit, batchSize: limit + 1 };
      const found = await jobs.find(due, options).sort({ priority: -1, runat: 1 }).toArray();
      return found.map(({ _id }) => _id);
    }

    /** @param {ObjectId[]} ids @param {import("../lib/contender.mjs").Handler} handler */
    async function runBatch(ids, handler) {
      const claim = { runner, token: randomUUID() };
      await jobs.updateMany(
        { _id: { $in: ids }, status: { $in: [1, 3] } },
        {
          $set: { status: 2, claim },
          $inc: { retries: -1, trycount: 1 },
          $push: /** @type {never} */ ({ tries: { $each: [{ runner: "bare", when: new Date() }], $slice: -20 } }),
        },
      );
      const mine = { _id: { $in: ids }, "claim.token": claim.token };
      const held = await jobs.find(mine, { batchSize: ids.length + 1 }).toArray();
      await Promise.all(held.map(({ data }) => handler(data)));
      await jobs.updateMany(
        { _id: { $in: held.map(({ _id }) => _id) }, "claim.token": claim.token, status: 2 },
        { $set: { status: 4, finished: new Date() }, $unset: { holds: "" } },
      );
    }

    return {
      put: async (item) => {
        await jobs.insertOne(newJob(item));
        await start(item);
      },
      putMany: async (items) => {
        for (const block of blocks(items, 1_000)) await jobs.insertMany(block.map(newJob), { ordered: false });
      },
      fill: async (items, state, due) => {
        if (state !== "due") throw new Error(`has no way to be filled with ${state} jobs`);
        const runat = new Date(due ?? Date.now());
        for (const block of blocks(items, 2_000)) {
          await jobs.insertMany(
            block.map((item) => ({ ...newJob(item), runat })),
            { ordered: false },
          );
        }
      },
      stored: () => jobs.countDocuments({}),
      run: async (handler) => {
        if (starts) start = handler;
        else work(handler).catch(noteLooseError);
      },
      left: () =>
        jobs.countDocuments({ kind: "bench", status: { $lte: 3 }, runat: { $lte: new Date() } }, { limit: 1 }),
      close: async () => {
        life.open = false;
        await client.close();
      },
    };
  },
};

/** @param {import("../lib/contender.mjs").Item} data */
function newJob(data) {
  const now = new Date();
  return {
    kind: "bench",
    status: 1,
    data,
    created: now,
    runat: now,
    retries: 20,
    retryinterval: 1_000_000_000,
    tries: [],
    priority: 0,
    lane: Math.floor(Math.random() * 64),
  };
}
