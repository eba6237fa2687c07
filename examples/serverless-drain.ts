// A function that is called now and then, by cron or by a web request, and may run for a few seconds: it runs what is due,
// leaves no lease and no timer behind, and says whether more is left.
import { kind, openLazy } from "dayjob";

// At the top of the module: nothing is connected before the first use, and a warm function uses the connection again.
const jobs = openLazy(process.env.DAYJOB_URL ?? ":memory:");
const greet = kind<{ name: string }>("greet");

export async function handler(): Promise<{ done: number; more: boolean }> {
  const runner = jobs.runner("cron", [greet.handle((job) => console.log(`Hello ${job.data.name}`))], {
    concurrency: 1,
  });
  const { success, more } = await runner.drain({ within: "5s", limit: 2 });
  return { done: success, more };
}

await jobs.putMany(["Ada", "Grace", "Edsger"].map((name, index) => greet.job({ name }, { priority: -index })));
console.log(await handler());
console.log(await handler());
await jobs.close();
