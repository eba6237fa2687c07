// All connections of a client are cut while the server hangs: the driver then asks it over a socket that is closed already, and
// would wait for the answer for ever (src/mongodb/revival.ts).
import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { isDayjobError } from "../../src/errors.ts";
import { open } from "../../src/open.ts";
import { until } from "../setup/until.ts";
import { proxyTo, throughProxy } from "./proxy.ts";
import { noFront, openStage, stores } from "./stage.ts";

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
});
