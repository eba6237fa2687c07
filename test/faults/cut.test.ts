// A client of ours finds its server again where the driver has given up for ever (src/mongodb/reconnect.ts): all its connections
// were cut while the server hung, or the server was away when it was to connect first.
import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { isDayjobError } from "../../src/api/errors.ts";
import { open } from "../../src/open.ts";
import { until } from "../setup/until.ts";
import { noFront, openStage, stores } from "./fault-setup.ts";
import { proxyTo, throughProxy } from "./proxy.ts";

describe.skipIf(!stores.includes("MongoDB") || noFront !== undefined)("a client of MongoDB", () => {
  it("whose connections were all cut while the server hung finds it again", { timeout: 120_000 }, async () => {
    const stage = await openStage("MongoDB");
    const { hostname, port } = new URL(stage.url);
    const proxy = await proxyTo({ host: hostname, port: Number(port) });
    const jobs = await open(throughProxy(stage.url, proxy), { timeout: 2000 });
    const answers = async (): Promise<boolean> => {
      try {
        await jobs.count();
        return true;
      } catch (error) {
        if (!isDayjobError(error, "STORE_FAILED")) throw error;
        return false;
      }
    };
    try {
      await until("it answers", answers);
      for (let time = 0; time < 2; time++) {
        stage.front?.freeze();
        const waiting = answers();
        await pause(300);
        proxy.cut();
        await pause(700);
        stage.front?.thaw();
        await waiting;
        await until("it answers again", answers, 40_000);
      }
      expect(await jobs.put("k", {})).toMatchObject({ duplicate: false });
    } finally {
      stage.front?.thaw();
      await jobs.close();
      await proxy.close();
      await stage.dispose();
    }
  });

  it("that was to connect first while the server was away finds it later", { timeout: 120_000 }, async () => {
    const stage = await openStage("MongoDB");
    const jobs = await open(stage.url, { timeout: 1000 });
    const { openHeartbeatStore } = await import("../../src/mongodb/heartbeat-store.ts");
    const heartbeatConnection = await openHeartbeatStore({ url: stage.url, collection: "jobs" } as never);
    const runner = jobs.runner("one", "k", () => {});
    const starts = (): Promise<boolean> =>
      runner.start().then(
        () => true,
        () => false,
      );
    const beats = (): Promise<boolean> => {
      const beat = { instance: "other", name: "other", kinds: [], lease: 2000, beats: 1, seen: new Date() };
      return heartbeatConnection.runners.beat([beat], 300).then(
        (gone) => gone.length === 0,
        () => false,
      );
    };
    try {
      const back = await stage.takeAway();
      // The clients of the beats connect when they are first used: the runner's, and that of the heartbeat's thread.
      expect(await Promise.all([starts(), beats()])).toEqual([false, false]);
      // Longer than they try at first.
      await pause(2500);
      expect(await beats()).toBe(false);
      await back();
      await until("the runner starts", starts, 20_000);
      await until("the thread's client beats", beats, 20_000);
      await jobs.put("k", {});
      await until("its job has run", async () => (await jobs.count({ status: "success" })) === 1, 20_000);
    } finally {
      await heartbeatConnection.close();
      await jobs.close();
      await stage.dispose();
    }
  });
});
