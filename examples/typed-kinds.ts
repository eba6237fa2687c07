// Kinds as values: data and results are checked by the compiler, and the file that declares a kind imports no handler, so
// that a web server which only puts jobs does not pull the handlers in.
import { kind, open } from "dayjob";

// kinds.ts, shared by those who put and those who run
const resize = kind<{ image: string; width: number }, { bytes: number }>("resize", {
  retries: 3,
  retryInterval: "10s",
});
const notify = kind<{ to: string }>("notify");

// the runner's program
const jobs = await open(process.env.DAYJOB_URL ?? ":memory:");
const runner = jobs.runner("images", [
  resize.handle(async (job) => ({ bytes: job.data.image.length * job.data.width }), { concurrency: 2 }),
  notify.handle(async (job) => console.log(`told ${job.data.to}`)),
]);

// the web server's
const { id } = await jobs.put(resize, { image: "cat.png", width: 200 });
await jobs.putMany([notify.job({ to: "Ada" }, { priority: 10 }), notify.job({ to: "Grace" })]);
// @ts-expect-error: width is missing, which the compiler sees
const refused = () => jobs.put(resize, { image: "dog.png" });
void refused;

const { started, success } = await runner.drain({ within: "10s" });
console.log(`${success} of ${started} succeeded`);

const resized = await jobs.get(id, resize);
console.log(`${resized?.data.image} has ${resized?.result?.bytes} bytes, in try ${resized?.tryNumber}`);
await jobs.close();
