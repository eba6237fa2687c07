// Loaded before anything else in a process: its wall clock is wrong, by what DAYJOB_TEST_CLOCK says (JSON of Step[]).
// Monotonic clocks and timers are right, as on a machine whose clock is set.
import type { Step } from "./processes.ts";

const steps = JSON.parse(process.env["DAYJOB_TEST_CLOCK"] ?? "[]") as readonly Step[];
const RealDate = Date;
const realNow = Date.now.bind(Date);

function skewedNow(): number {
  const age = performance.now();
  return realNow() + (steps.findLast(({ after }) => age >= after)?.skew ?? 0);
}

RealDate.now = skewedNow;
globalThis.Date = new Proxy(RealDate, {
  construct: (target, args: unknown[], newTarget) =>
    Reflect.construct(target, args.length === 0 ? [skewedNow()] : args, newTarget) as Date,
});
