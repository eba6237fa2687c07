// `npm run faults -- --minutes N --store sqlite|mongodb --seed S`: rounds of random faults on real processes, and an audit after
// each. Prints a line a round and the sums; exit status 1 if anything was lost or is not explained.
import { parseArgs } from "node:util";
import { ensureMongo } from "../../scripts/mongo-server.mjs";
import { machineTime } from "./effects.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "1" },
    store: { type: "string", default: "sqlite" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
  },
});
if (values.store !== "sqlite" && values.store !== "mongodb")
  throw new Error(`--store is ${values.store}; give sqlite or mongodb`);
const seed = Number(values.seed);
const minutes = Number(values.minutes);
const server = values.store === "mongodb" ? await ensureMongo({ log: console.error }) : undefined;
const { playRounds } = await import("./rounds.ts");
const isOver = deadline(minutes * 60_000);
const sum = await playRounds({
  store: values.store === "sqlite" ? "SQLite" : "MongoDB",
  seed,
  lasts: 6000,
  isOver,
  tell: (line) => console.log(line),
});
await server?.stop();
console.log(`faults on ${values.store}, seeds from ${seed}, ${minutes} min: ${sum.line}`);
process.exitCode = sum.isGood ? 0 : 1;

function deadline(ms: number): () => boolean {
  const end = machineTime() + ms;
  return () => machineTime() >= end;
}
