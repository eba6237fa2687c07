// The job and the row it is about commit together, or neither does: an order without its receipt, or a receipt for an order
// that was rolled back, cannot happen. On SQLite: your transaction, on your connection, to your file.
import { open } from "dayjob";
import { within } from "dayjob/sqlite";
import Database from "libsql";

const database = new Database(process.env.APP_DB ?? "app.db");
database.exec("create table if not exists orders (id integer primary key, item text not null)");
const jobs = await open(database);

const order = database.transaction((item: string) => {
  const { lastInsertRowid } = database.prepare("insert into orders (item) values (?)").run(item);
  within(jobs, database).put("send-receipt", { order: Number(lastInsertRowid), item });
  if (item === "") throw new Error("nothing was ordered");
});

order("a kettle");
try {
  order("");
} catch (error) {
  console.log(`rolled back: ${(error as Error).message}`);
}

console.log(`${await jobs.count({ kind: "send-receipt" })} receipt to send`);

const runner = jobs.runner<{ order: number; item: string }>("receipts", "send-receipt", (job) => {
  // Exactly once: the note that the receipt went out commits together with the job's success.
  database.transaction(() => {
    database.prepare("update orders set item = item || ' (receipt sent)' where id = ?").run(job.data.order);
    within(jobs, database).complete(job);
  })();
});
await runner.drain({ within: "5s" });
for (const { id, item } of database.prepare("select id, item from orders").all() as { id: number; item: string }[]) {
  console.log(`order ${id}: ${item}`);
}
await jobs.close();
database.close();
