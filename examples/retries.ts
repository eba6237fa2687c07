// What a handler can do about trouble: fail (and be tried again), give up, or ask to be called later.
import { formatStatus, giveUp, open, snooze } from "dayjob";

const jobs = await open(process.env.DAYJOB_URL ?? ":memory:");

let calls = 0;
let isOpen = false;
const runner = jobs.runner(
  "runner-1",
  {
    // Fails twice, then works: an error is a failed try, and the next one comes after `retryInterval`.
    flaky: () => {
      calls += 1;
      if (calls < 3) throw new Error(`no answer (${calls})`);
    },
    // Trying again would not help: failed for good, though tries are left.
    hopeless: () => {
      throw giveUp(new Error("no such user"));
    },
    // Not yet: called again later, without spending a try.
    early: () => {
      if (isOpen) return undefined;
      isOpen = true;
      return snooze("20ms");
    },
    // Never works: failed when its tries are used up.
    doomed: () => {
      throw new Error("still broken");
    },
  },
  { interval: "20ms" },
);

await jobs.putMany([
  { kind: "flaky", retries: 5, retryInterval: "10ms" },
  { kind: "hopeless", retries: 5 },
  { kind: "early", retries: 1 },
  { kind: "doomed", retries: 2, retryInterval: "10ms" },
]);
const allEnded = new Promise<void>((resolve) => {
  let left = 4;
  const ended = () => {
    left -= 1;
    if (left === 0) resolve();
  };
  runner.on("success", ended);
  runner.on("failed", ended);
});
await runner.start();
await allEnded;
await runner.stop();

for await (const job of jobs.find({}, { order: "oldest" })) {
  const errors = job.tries.flatMap(({ err }) => (err === undefined ? [] : [err]));
  console.log(
    `${job.kind}: ${formatStatus(job.status)}, tries: ${job.tries.length}, errors: ${errors.join(", ") || "none"}`,
  );
}
await jobs.close();
