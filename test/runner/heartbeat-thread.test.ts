// The heartbeat's thread, by real processes on the built package: a blocked event loop, a stuck process, a thread that fails.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, it, type TestContext } from "vitest";
import type { Jobs } from "../../src/api/jobs.ts";
import { Status } from "../../src/job/status.ts";
import { openSqliteStore } from "../../src/sqlite/open.ts";
import { root } from "../setup/scratch.ts";
import { type Place, type TestStore, testStores } from "../setup/stores.ts";
import { until } from "../setup/until.ts";
import { type HeartbeatConfig, HeartbeatProcess, startsOf } from "./heartbeat-processes.ts";

interface Scene {
  /** The least there is on SQLite; a server that others keep busy answers slowly. */
  readonly lease: number;
  readonly place: Place;
  readonly jobs: Jobs;
  readonly folder: string;
  readonly log: string;
  readonly start: (name: string, config?: Partial<HeartbeatConfig>) => Promise<HeartbeatProcess>;
  /** A runner of another kind: it sees who is silent, and gives their jobs back. */
  readonly startObserver: () => Promise<HeartbeatProcess>;
  /** Resolves when the process's thread is up: only then is a blocked loop told of. */
  readonly warmUp: (process: HeartbeatProcess) => Promise<void>;
  /** Stops a process at a moment at which it holds no lock: else, on SQLite, nobody could be declared dead. */
  readonly freeze: (process: HeartbeatProcess) => Promise<void>;
  readonly succeeds: (id: string, limit?: number) => Promise<void>;
}

/** A place of the test's own, since tests wait at the same time; it is gone after the test. */
async function begin(store: TestStore, finished: TestContext["onTestFinished"]): Promise<Scene> {
  const lease = store.name === "SQLite" ? 2000 : 4000;
  const place = store.place();
  const jobs = await place.open();
  const folder = mkdtempSync(join(tmpdir(), "dayjob-heartbeat-"));
  const log = join(folder, "log");
  writeFileSync(log, "");
  const living: HeartbeatProcess[] = [];
  finished(async () => {
    await Promise.all(living.splice(0).map((one) => one.kill()));
    await place.dispose();
    rmSync(folder, { recursive: true, force: true });
  });

  const scene: Scene = {
    lease,
    place,
    jobs,
    folder,
    log,
    async start(name, config = {}) {
      const { url, collection } = place;
      const options = { lease, interval: 50, ...config.options };
      const made = await HeartbeatProcess.start({ url, collection, name, kinds: ["work"], log, ...config, options });
      living.push(made);
      return made;
    },
    startObserver: () => scene.start("observer", { kinds: ["other"] }),
    async warmUp(process) {
      for (let rounds = 0; process.warnings("LOOP_BLOCKED").length === 0; rounds++) {
        if (rounds === 10) throw new Error("a blocked loop is not told of: the thread is not there");
        const { id } = await jobs.put("work", { blocked: 1400 }, { retryInterval: 1 });
        await scene.succeeds(id);
      }
      process.told.length = 0;
    },
    freeze: ({ child }) => freezeUnlocked(child, place),
    async succeeds(id, limit = 60_000) {
      await until("the job has succeeded", async () => (await jobs.get(id))?.status === Status.success, limit);
    },
  };
  return scene;
}

async function freezeUnlocked(child: HeartbeatProcess["child"], place: Place): Promise<void> {
  const probe = await place.open({ timeout: 1000 });
  const canWrite = (): Promise<boolean> =>
    probe.put("probe", {}).then(
      () => true,
      () => false,
    );
  child.kill("SIGSTOP");
  while (!(await canWrite())) {
    child.kill("SIGCONT");
    child.kill("SIGSTOP");
  }
}

for (const store of testStores) {
  describe.concurrent(`the heartbeat's thread on ${store.name}`, { timeout: 90_000 }, () => {
    it("a loop blocked for more than two leases keeps its lease: the job runs once, with a warning (case 14)", async ({
      onTestFinished,
    }) => {
      const { jobs, lease, log, start, startObserver, warmUp, succeeds } = await begin(store, onTestFinished);
      const blocked = await start("blocked");
      await warmUp(blocked);
      const observer = await startObserver();
      const { id } = await jobs.put("work", { blocked: 2.5 * lease });
      await succeeds(id);
      expect({ starts: startsOf(log, id), tries: (await jobs.get(id))?.tryNumber }).toEqual({
        starts: ["blocked"],
        tries: 1,
      });
      const { message } = await blocked.hears("warning", "LOOP_BLOCKED");
      expect(Number(/blocked for (\d+) ms/.exec(message)?.[1])).toBeGreaterThan(2.25 * lease);
      expect([...blocked.warnings("RUNNER_DECLARED_DEAD"), ...observer.warnings("RUNNER_DIED")]).toEqual([]);
    });

    it("past stuckAfter the others take the job, and the late result is refused (case 14)", {
      timeout: 60_000,
    }, async ({ onTestFinished }) => {
      const { jobs, lease, start, startObserver, warmUp, succeeds } = await begin(store, onTestFinished);
      const stuck = await start("stuck", { options: { stuckAfter: 3000 } });
      await warmUp(stuck);
      const observer = await startObserver();
      const { id } = await jobs.put("work", { blocked: 3000 + 3 * lease }, { retryInterval: "1h" });
      await observer.hears("warning", "RUNNER_DIED");
      const rescued = await jobs.get(id);
      expect({ status: rescued?.status, error: rescued?.tries[0]?.err }).toEqual({
        status: Status.waiting,
        error: "runner lost",
      });
      await stuck.hears("lost", id);
      expect((await stuck.hears("warning", "LOOP_BLOCKED")).message).toContain("stuckAfter");
      await stuck.hears("warning", "RUNNER_DECLARED_DEAD");
      expect((await jobs.get(id))?.status).toBe(Status.waiting);
      const next = await jobs.put("work", {});
      await succeeds(next.id);
    });

    it("cases 5, 10, 11: a handler that runs for three leases runs once, though another runner is idle", async ({
      onTestFinished,
    }) => {
      const { jobs, lease, log, start, succeeds } = await begin(store, onTestFinished);
      const both = await Promise.all([start("one"), start("two")]);
      const { id } = await jobs.put("work", { wait: 3 * lease });
      await succeeds(id);
      expect(startsOf(log, id)).toHaveLength(1);
      expect((await jobs.get(id))?.tryNumber).toBe(1);
      expect(both.flatMap((one) => [...one.warnings("RUNNER_DIED"), ...one.warnings("RUNNER_DECLARED_DEAD")])).toEqual(
        [],
      );
    });

    it("a process stopped beyond its lease loses what it ran, and registers anew (lease before start)", async ({
      onTestFinished,
    }) => {
      const { jobs, log, start, startObserver, warmUp, freeze, succeeds } = await begin(store, onTestFinished);
      const stopped = await start("stopped", { options: { concurrency: 1 } });
      await warmUp(stopped);
      const observer = await startObserver();
      const running = await jobs.put("work", { wait: 5000 }, { retryInterval: "1h" });
      await until("it runs", () => startsOf(log, running.id).length === 1);
      await freeze(stopped);
      await observer.hears("warning", "RUNNER_DIED");
      const waiting = await jobs.put("work", {});
      stopped.child.kill("SIGCONT");
      await stopped.hears("lost", running.id);
      await succeeds(waiting.id);
      expect((await jobs.get(waiting.id))?.tryNumber).toBe(1);
      expect(stopped.warnings("LOOP_BLOCKED")).toEqual([]);
    });

    it("is gone after stop(), and leaves nothing open", async ({ onTestFinished }) => {
      const { start, warmUp } = await begin(store, onTestFinished);
      const process = await start("stopped", { kinds: ["work", "other"] });
      await warmUp(process);
      const left = await process.stop();
      // The driver has sockets and timers of its own until the client is closed.
      if (store.name === "SQLite") expect(left).toBe("");
    });
  });
}

describe.concurrent("a heartbeat's thread on SQLite, opened by a module of the test's", { timeout: 90_000 }, () => {
  const sqlite = testStores[0] as TestStore;

  /** A module that opens the store as ever, but for what `beat` does; `n` counts the beats of one thread. */
  function heartbeatModule(folder: string, beat: string): string {
    const file = join(folder, "heartbeat-store.mjs");
    const own = pathToFileURL(join(root, "dist/sqlite/heartbeat-store.js")).href;
    writeFileSync(
      file,
      `import { appendFileSync } from "node:fs";
      import { openHeartbeatStore as open } from ${JSON.stringify(own)};
      let n = 0;
      export const openHeartbeatStore = async (target) => {
        appendFileSync(${JSON.stringify(join(folder, "opened"))}, "x");
        const store = await open(target);
        const beat = async (...args) => { n++; ${beat}; return store.runners.beat(...args); };
        return { runners: { beat }, close: () => store.close() };
      };`,
    );
    return pathToFileURL(file).href;
  }

  it.for([
    ["ends", 'if (n === 3) setImmediate(() => { throw new Error("a bug") })', "a bug"],
    ["hangs", "if (n >= 3) await new Promise(() => {})", "silent"],
  ] as const)(
    "that %s is told of and started anew, and the lease is kept",
    { timeout: 60_000 },
    async ([, beat, why], { onTestFinished }) => {
      const { folder, jobs, log, start, startObserver, succeeds } = await begin(sqlite, onTestFinished);
      const failing = await start("failing", { heartbeatModule: heartbeatModule(folder, beat) });
      const observer = await startObserver();
      const { id } = await jobs.put("work", { wait: 4000 });
      await until("it has ended twice", () => failing.warnings("HEARTBEAT_ON_MAIN_THREAD").length >= 2, 40_000);
      expect(failing.warnings("HEARTBEAT_ON_MAIN_THREAD")[0]).toContain(why);
      await succeeds(id);
      expect(startsOf(log, id)).toEqual(["failing"]);
      expect(observer.warnings("RUNNER_DIED")).toEqual([]);
    },
  );

  it("is one for all runners of a store", async ({ onTestFinished }) => {
    const { jobs, folder, start, warmUp, succeeds } = await begin(sqlite, onTestFinished);
    const two = await start("two", { kinds: ["work", "other"], heartbeatModule: heartbeatModule(folder, "") });
    await Promise.all(["work", "other"].map(async (kind) => succeeds((await jobs.put(kind, { wait: 100 })).id)));
    await warmUp(two);
    expect(readFileSync(join(folder, "opened"), "utf8")).toBe("x");
    expect(await two.stop()).toBe("");
  });

  it("lets one of two runners go at once, though it has not opened its store yet", async ({ onTestFinished }) => {
    const { place, jobs, start, succeeds } = await begin(sqlite, onTestFinished);
    const two = await start("two", { kinds: ["work", "other"], options: { lease: "5m" } });
    await Promise.all(["work", "other"].map(async (kind) => succeeds((await jobs.put(kind, {})).id)));
    const before = performance.now();
    await two.stopOne("work");
    expect(performance.now() - before).toBeLessThan(5000);
    const store = await openSqliteStore(place.url.slice("file:".length), { timeout: 10_000 });
    const records = await store.runners.list(10_000);
    await store.close();
    expect(records.filter(({ state }) => state === "live").map(({ name }) => name)).toEqual(["two-other"]);
    expect(await two.stop()).toBe("");
  });

  it("that never beats is reported once, however much is claimed, and the main thread beats", async ({
    onTestFinished,
  }) => {
    const { jobs, log, start, startObserver, succeeds } = await begin(sqlite, onTestFinished);
    const failing = await start("failing", { heartbeatModule: "file:///nowhere/heartbeat-store.js" });
    const observer = await startObserver();
    const { id } = await jobs.put("work", { wait: 4000 });
    await succeeds(id);
    for (let claims = 0; claims < 3; claims++) await succeeds((await jobs.put("work", { wait: 200 })).id);
    expect(failing.warnings("HEARTBEAT_ON_MAIN_THREAD")).toHaveLength(1);
    expect(startsOf(log, id)).toEqual(["failing"]);
    expect(observer.warnings("RUNNER_DIED")).toEqual([]);
    expect(await failing.stop()).toBe("");
  });
});
