// Runs the tasks of one runner on one loop. A task that is slow or fails holds up no other one: each has one step under way at a time,
// and one that fails is reported, backs off by itself, and goes on.
import type { Clock } from "../clock.ts";
import { backoff, Loop } from "../loop.ts";
import type { Random } from "../random.ts";
import type { Task } from "./task.ts";

export interface MaintainerParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly tasks: readonly Task[];
  readonly failed: (error: unknown, during: string) => void;
}

interface Planned {
  readonly task: Task;
  /** Monotonic; Infinity: when it is woken. */
  due: number;
  running: Promise<void> | undefined;
  /** It was woken during its step. */
  isWoken: boolean;
  failures: number;
}

export class Maintainer {
  readonly #parts: MaintainerParts;
  readonly #planned: ReadonlyMap<Task, Planned>;
  readonly #loop: Loop;
  #isStopped = false;

  constructor(parts: MaintainerParts) {
    const { clock, random, failed, tasks } = parts;
    this.#parts = parts;
    this.#planned = new Map(
      tasks.map((task) => [
        task,
        { task, due: Number.POSITIVE_INFINITY, running: undefined, isWoken: false, failures: 0 },
      ]),
    );
    this.#loop = new Loop({ name: "maintenance", clock, random, failed, tick: async () => this.#tick() });
  }

  start(): void {
    for (const planned of this.#planned.values()) this.#plan(planned, planned.task.every);
    this.#loop.start();
  }

  /** The task is due now: its step begins at once, or after the one under way. A backoff after a failure is not cut short. */
  wake(task: Task): void {
    const planned = this.#planned.get(task);
    if (planned === undefined || planned.failures > 0) return;
    if (planned.running !== undefined) planned.isWoken = true;
    else {
      planned.due = Number.NEGATIVE_INFINITY;
      this.#loop.wake();
    }
  }

  /** There may be something to do again for a task that had nothing: its step comes after its usual wait. */
  expect(task: Task): void {
    const planned = this.#planned.get(task);
    if (planned === undefined || planned.due !== Number.POSITIVE_INFINITY || planned.running !== undefined) return;
    this.#plan(planned, task.every);
    this.#loop.wakeIn(task.every);
  }

  /** No step begins after this call; resolves when those under way have ended. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all([this.#loop.stop(), ...[...this.#planned.values()].map(({ running }) => running)]);
  }

  /** Begins what is due; answers with the milliseconds until the next task is. */
  #tick(): number {
    const now = this.#parts.clock.monotonic();
    for (const planned of this.#planned.values())
      if (planned.due <= now && planned.running === undefined) planned.running = this.#run(planned);
    const waiting = [...this.#planned.values()].filter(({ running }) => running === undefined);
    return Math.max(0, Math.min(...waiting.map(({ due }) => due)) - now);
  }

  async #run(planned: Planned): Promise<void> {
    const { task } = planned;
    planned.due = Number.POSITIVE_INFINITY;
    planned.isWoken = false;
    const wait = await this.#step(planned);
    planned.running = undefined;
    if (this.#isStopped) return;
    if (planned.isWoken && planned.failures === 0) return this.wake(task);
    this.#plan(planned, wait);
    if (planned.due !== Number.POSITIVE_INFINITY) this.#loop.wakeIn(wait);
  }

  /** Answers with the milliseconds until the next step. */
  async #step(planned: Planned): Promise<number> {
    const { task } = planned;
    try {
      if (task.isWanted?.() === false) return Number.POSITIVE_INFINITY;
      await task.run();
      planned.failures = 0;
      return task.every;
    } catch (error) {
      this.#parts.failed(error, task.name);
      return backoff(++planned.failures, this.#parts.random);
    }
  }

  #plan(planned: Planned, wait: number): void {
    planned.due = this.#parts.clock.monotonic() + wait;
  }
}
