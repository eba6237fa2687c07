// The job and the document it is about commit together, or neither does. On MongoDB: a session in a transaction, for which
// the server must be a replica set or a sharded cluster.
import { open } from "dayjob";
import { MongoClient } from "mongodb";

const client = await new MongoClient(process.env.MONGODB_URI ?? "mongodb://localhost/app").connect();
const orders = client.db().collection<{ item: string; receipt?: string }>("orders");
const jobs = await open(client);

async function order(item: string): Promise<void> {
  await client.withSession((session) =>
    session.withTransaction(async () => {
      const { insertedId } = await orders.insertOne({ item }, { session });
      await jobs.put("send-receipt", { order: insertedId }, { session });
      if (item === "") throw new Error("nothing was ordered");
    }),
  );
}

await order("a kettle");
await order("").catch((error: Error) => console.log(`rolled back: ${error.message}`));
console.log(`${await jobs.count({ kind: "send-receipt" })} receipt to send`);

const runner = jobs.runner<{ order: never }>("receipts", "send-receipt", async (job) => {
  // Exactly once: the note that the receipt went out commits together with the job's success.
  await client.withSession((session) =>
    session.withTransaction(async () => {
      await orders.updateOne({ _id: job.data.order }, { $set: { receipt: "sent" } }, { session });
      await job.complete({ session });
    }),
  );
});
await runner.drain({ within: "5s" });
for (const { item, receipt } of await orders.find().toArray()) console.log(`${item}: receipt ${receipt}`);
await jobs.close();
await client.close();
