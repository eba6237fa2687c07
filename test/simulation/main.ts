// `npm run simulate -- --seeds N --from S`: many seeds, on all processors. `--seed S`: one, with its trace. `--bug NAME`: with
// a planted bug, until it is found. Exit status 1 if a seed failed (with a bug: if none did).
import { fork } from "node:child_process";
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { type BugName, bugs } from "./bugs.ts";
import { simulate } from "./simulation.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "500" },
    from: { type: "string", default: "1" },
    seed: { type: "string" },
    bug: { type: "string" },
    block: { type: "boolean", default: false },
  },
});

const bug = bugName(values.bug);
const options = bug === undefined ? {} : { bug };
/** A process takes so many seeds, then it makes room: what was running in crashed processes is never freed. */
const blockSize = 500;

if (values.seed !== undefined) process.exitCode = await replay(whole(values.seed));
else if (values.block) await block(whole(values.from), whole(values.seeds));
else process.exitCode = await many(whole(values.from), whole(values.seeds));

async function replay(seed: number): Promise<number> {
  const { violations, steps, jobs, time } = await simulate(seed, { ...options, print: (line) => console.log(line) });
  console.log(`seed ${seed}: ${jobs} jobs, ${steps} steps, ${(time / 1000).toFixed(1)} s of virtual time`);
  for (const violation of violations) console.log(violation);
  return violations.length > 0 ? 1 : 0;
}

/** In a child: tells each failing seed, and how many were run. */
async function block(from: number, seeds: number): Promise<void> {
  for (let seed = from; seed < from + seeds; seed++) {
    const { violations } = await simulate(seed, options);
    process.send?.({ seed, violation: violations[0] });
  }
  process.disconnect?.();
}

interface Told {
  readonly seed: number;
  readonly violation?: string;
}

async function many(from: number, seeds: number): Promise<number> {
  const began = performance.now();
  const failed: Told[] = [];
  let run = 0;
  let next = from;
  const heard = (told: Told): void => {
    run++;
    if (told.violation === undefined) return;
    failed.push(told);
    if (bug === undefined || failed.length === 1) console.log(`seed ${told.seed} failed: ${told.violation}`);
  };
  const worker = async (): Promise<void> => {
    const isOver = (): boolean => next >= from + seeds || (bug !== undefined && failed.length > 0);
    while (!isOver()) {
      const first = next;
      const size = Math.min(blockSize, from + seeds - first);
      next += size;
      await child(first, size, heard);
      if (bug === undefined) process.stderr.write(`${run} seeds, ${failed.length} failed\r`);
    }
  };
  await Promise.all(Array.from({ length: Math.min(availableParallelism(), Math.ceil(seeds / 50)) }, worker));
  const took = (performance.now() - began) / 1000;
  const first = failed.map(({ seed }) => seed).sort((a, b) => a - b)[0];
  console.log(
    `${run} seeds from ${from}, ${failed.length} failed, ${took.toFixed(0)} s, ${(run / took).toFixed(0)} seeds/s`,
  );
  if (first !== undefined)
    console.log(`replay: npm run simulate -- --seed ${first}${bug === undefined ? "" : ` --bug ${bug}`}`);
  if (bug === undefined) return failed.length > 0 ? 1 : 0;
  return failed.length > 0 ? 0 : 1;
}

function child(from: number, seeds: number, heard: (told: Told) => void): Promise<void> {
  const args = ["--block", "--from", String(from), "--seeds", String(seeds)];
  if (bug !== undefined) args.push("--bug", bug);
  const started = fork(process.argv[1] as string, args, { execArgv: ["--import", "tsx"] });
  return new Promise((resolve, reject) => {
    started.on("message", (told) => {
      heard(told as Told);
      if (bug !== undefined && (told as Told).violation !== undefined) started.kill();
    });
    started.on("exit", (code, signal) => {
      if (code === 0 || signal === "SIGTERM") resolve();
      else reject(new Error(`a block of seeds from ${from} ended with ${code ?? signal}`));
    });
  });
}

function bugName(given: string | undefined): BugName | undefined {
  if (given === undefined || given in bugs) return given as BugName | undefined;
  throw new Error(`--bug is ${given}; give one of ${Object.keys(bugs).join(", ")}`);
}

function whole(given: string): number {
  const number = Number(given);
  if (!Number.isInteger(number)) throw new Error(`${given} was given; give a whole number`);
  return number;
}
