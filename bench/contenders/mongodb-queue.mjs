import { promisify } from "node:util";
import mongodbQueue from "mongodb-queue";
import mongodb3 from "mongodb3";
import { blocks, noteLooseError } from "../lib/contender.mjs";
import { versionOf } from "../lib/versions.mjs";

// It has no retries, no schedule and no worker: the floor of two commands a job. Needs the driver of its time.

/** @type {import("../lib/contender.mjs").Contender} */
export const contender = {
  name: "mongodb-queue",
  server: "mongodb",
  version: versionOf("mongodb-queue"),
  puts: { put: "add", bulk: "add of 500" },
  variants: {
    best: { label: "50 loops of get and ack", loops: 50 },
    tuned: { label: "50 loops, and an index of ours for its query", loops: 50, index: { deleted: 1, _id: 1 } },
    default: { label: "1 loop of get and ack", loops: 1 },
    ...Object.fromEntries(
      [10, 20, 50, 100, 200].map((loops, index) => [`tune-${index + 1}`, { label: `${loops} loops`, loops }]),
    ),
  },

  async open(url, { loops, index }) {
    const options = { useUnifiedTopology: true, poolSize: 100, w: "majority" };
    const client = await new mongodb3.MongoClient(url, /** @type {never} */ (options)).connect();
    const db = client.db();
    const queue = mongodbQueue(db, "bench", { visibility: 600 });
    const [add, get, ack] = [queue.add, queue.get, queue.ack].map((method) => promisify(method.bind(queue)));
    await promisify(queue.createIndexes.bind(queue))();
    if (index) await db.collection("bench").createIndex(index);
    const life = { open: true };
    return {
      put: (item) => add(item),
      putMany: async (items) => {
        for (const block of blocks(items, 500)) await add(block);
      },
      stored: () => db.collection("bench").countDocuments({}),
      run: async (handler) => {
        const loop = async () => {
          while (life.open) {
            const message = await get();
            if (!message) await new Promise((resolve) => setTimeout(resolve, 10));
            else {
              await handler(message.payload);
              await ack(message.ack);
            }
          }
        };
        for (let n = 0; n < Number(loops); n++) loop().catch(noteLooseError);
      },
      left: () =>
        db
          .collection("bench")
          .findOne({ deleted: null }, { projection: { _id: 1 } })
          .then((one) => (one ? 1 : 0)),
      close: async () => {
        life.open = false;
        await client.close();
      },
    };
  },
};
