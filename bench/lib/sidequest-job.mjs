// The job class of sidequest: a file of its own, which its threads load with little else.
import { Job } from "sidequest";
import { noteOutside } from "./outside.mjs";

/** @type {import("./contender.mjs").Handler | undefined} in the process of the bench; in those that sidequest forks, none */
let current;

/** @param {import("./contender.mjs").Handler} handler */
export function runHere(handler) {
  current = handler;
}

export class BenchJob extends Job {
  // oxlint-disable-next-line no-useless-constructor -- sidequest finds this file by its line in a stack trace.
  constructor() {
    super();
  }

  /** @param {import("./contender.mjs").Item} item */
  async run(item) {
    if (current) await current(item);
    else noteOutside(item.i);
  }
}
