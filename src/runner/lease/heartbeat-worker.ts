// What runs in the heartbeat's thread: a store of its own, and a loop of beats for each runner. It knows of no jobs. While the main
// thread's event loop is blocked the beats go on, up to a limit: then the process is considered stuck, and its jobs are left to the others.
import { parentPort, workerData } from "node:worker_threads";
import { systemClock as clock, pause } from "../../clock.ts";
import { isOutage, type WrittenError, written } from "../../errors.ts";
import { Loop } from "../../loop.ts";
import type { HeartbeatConnection, HeartbeatStore, OpenHeartbeatStore } from "../../store/store.ts";
import { untilNextBeat } from "./beat-times.ts";
import { EventLoopWatch, lookInterval } from "./event-loop-watch.ts";
import { type BeatingRunner, LeaseState } from "./lease-state.ts";
import { beatsTogether, type SendBeat } from "./shared-registry.ts";

/** What the thread is started with. */
export interface ThreadData {
  readonly heartbeatStore: HeartbeatStore;
  readonly watch: SharedArrayBuffer;
  /** Milliseconds before it opens its store: what runs only for a moment, or starts with many others, does without that work. */
  readonly wait: number;
}

export interface HeartbeatOrder {
  readonly runner: BeatingRunner;
  readonly beats: SharedArrayBuffer;
  /** Milliseconds after which a blocked loop gets no more beats. */
  readonly stuckAfter: number;
}

export type ToThread =
  | { readonly begin: HeartbeatOrder }
  | { readonly hurry: string }
  | { readonly end: string }
  | { readonly close: true };

/** What became of a beat. */
export type Answer = { readonly alive: boolean } | { readonly error: WrittenError };

export type FromThread =
  | { readonly instance: string; readonly answer: Answer }
  | { readonly instance: string; readonly ended: true };

const { heartbeatStore, watch: memory, wait } = workerData as ThreadData;
const watch = new EventLoopWatch(memory);
const loops = new Map<string, Loop>();

// It listens at once: a runner that ends before the store is open does not wait for it.
parentPort?.on("message", (message: ToThread) => void obey(message));
const origin = clock.monotonic();
const opened = open();
let send: SendBeat | undefined;
await opened;

async function open(): Promise<HeartbeatConnection> {
  await pause(clock, wait);
  if (!watch.open()) process.exit();
  const store = await openStore();
  const look = (): void => {
    watch.look(clock.monotonic());
    clock.timer(lookInterval, look);
  };
  look();
  return store;
}

async function openStore(): Promise<HeartbeatConnection> {
  const { openHeartbeatStore } = (await import(heartbeatStore.module)) as { openHeartbeatStore: OpenHeartbeatStore };
  for (;;) {
    try {
      return await openHeartbeatStore(heartbeatStore.target as never);
    } catch (error) {
      if (!isOutage(error)) throw error;
      await pause(clock, lookInterval);
    }
  }
}

async function obey(message: ToThread): Promise<void> {
  if ("begin" in message) return begin(message.begin);
  if ("hurry" in message) return loops.get(message.hurry)?.wake();
  if ("end" in message) {
    await end(message.end);
    return tell({ instance: message.end, ended: true });
  }
  await Promise.all([...loops.keys()].map(end));
  await (await opened).close();
  process.exit();
}

async function begin(order: HeartbeatOrder): Promise<void> {
  const { instance } = order.runner;
  const beats = new LeaseState(order.beats);
  const failed = (error: unknown): void => tell({ instance, answer: { error: written(error) } });
  const tick = async (): Promise<number> => {
    send ??= beatsTogether((await opened).runners);
    return beat(order, beats, send);
  };
  const loop = new Loop({ name: "heartbeat", clock, random: Math.random, tick, failed });
  loops.set(instance, loop);
  await opened;
  if (loops.get(instance) === loop) loop.start();
}

async function end(instance: string): Promise<void> {
  const loop = loops.get(instance);
  loops.delete(instance);
  await loop?.stop();
}

/** One beat; answers with the milliseconds until the next one. */
async function beat({ runner, stuckAfter }: HeartbeatOrder, beats: LeaseState, sendBeat: SendBeat): Promise<number> {
  const started = clock.monotonic();
  if (watch.look(started) > stuckAfter) return lookInterval;
  try {
    const alive = await beats.send(runner, sendBeat, new Date(Math.floor(started + beats.storeOffset)), clock);
    tell({ instance: runner.instance, answer: { alive } });
    if (!alive) return Number.POSITIVE_INFINITY;
  } catch (error) {
    if (!isOutage(error)) throw error;
    tell({ instance: runner.instance, answer: { error: written(error) } });
  }
  const now = clock.monotonic();
  return Math.max(1, Math.min(beats.interval - (now - started), untilNextBeat(origin, beats.interval, now)));
}

function tell(message: FromThread): void {
  parentPort?.postMessage(message);
}
