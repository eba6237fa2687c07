// The smallest program: a job is put, a runner runs it.
import { open } from "dayjob";

const jobs = await open(process.env.DAYJOB_URL ?? ":memory:");

const runner = jobs.runner<{ message: string }>("runner-1", "notifications", async (job) => {
  console.log(`${job.kind}: ${job.data.message}`);
});
await runner.start();

const done = new Promise((resolve) => runner.on("success", resolve));
await jobs.put("notifications", { message: "Hello world" });
await done;

await runner.stop();
console.log(`${await jobs.count({ status: "success" })} succeeded`);
await jobs.close();
