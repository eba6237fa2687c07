// The server behind a gate that can be shut (connections refused and cut) or stopped (connections hang).

import type { AddressInfo } from "node:net";
import { connect, createServer, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isOutage } from "../../src/errors.ts";
import { openMongoStore } from "../../src/mongodb/index.ts";
import type { Store } from "../../src/store/store.ts";
import { at, jobFixture } from "../../src/testing/fixtures/factories.ts";
import { until } from "../setup/until.ts";
import { type MongoPlace, mongoPlace, url } from "./test-collections.ts";

interface Gate {
  readonly url: string;
  shut(): Promise<void>;
  /** Nothing passes, and nothing is refused. */
  stop(): void;
  open(): Promise<void>;
}

async function gateTo(target: URL): Promise<Gate> {
  const sockets = new Set<Socket>();
  let isStopped = false;
  let port = 0;
  let server: Server | undefined;
  const pass = (from: Socket): void => {
    const to = connect(Number(target.port), target.hostname);
    for (const [a, b] of [[from, to] as const, [to, from] as const]) {
      sockets.add(a);
      a.on("data", (bytes) => isStopped || b.write(bytes));
      a.on("error", () => b.destroy());
      a.on("close", () => {
        b.destroy();
        sockets.delete(a);
      });
    }
  };
  const open = async (): Promise<void> => {
    isStopped = false;
    server = createServer(pass);
    await new Promise<void>((done) => server?.listen(port, "127.0.0.1", done));
    port = (server.address() as AddressInfo).port;
  };
  await open();
  const through = new URL(target);
  through.host = `127.0.0.1:${port}`;
  through.pathname = "/dayjob_store_tests";
  return {
    url: through.href,
    open,
    stop: () => (isStopped = true),
    async shut() {
      const closed = new Promise<unknown>((done) => server?.close(done));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

describe.skipIf(url === undefined)("the store on MongoDB, while the server is away", () => {
  let place: MongoPlace;
  let gate: Gate;
  let store: Store;

  beforeEach(async () => {
    place = await mongoPlace();
    await place.store.migrate(20_000);
    gate = await gateTo(new URL(url ?? ""));
    store = await openMongoStore(gate.url, { collection: place.collection, timeout: 2000 });
  });
  afterEach(async () => {
    await store.close();
    await gate.shut();
    await place.dispose();
  });

  const verbs = (limit: number): readonly Promise<unknown>[] => [
    store.jobs.insert([jobFixture()], {}, limit),
    store.claims.claimed("none", limit),
    store.claims.finish([{ id: "a".repeat(24), token: "t", settlement: { status: 4, ended: at(1), try: {} } }], limit),
    store.runners.beat([{ instance: "b".repeat(24), name: "r", kinds: [], lease: 1, beats: 1, seen: at(1) }], limit),
    store.runners.held(["b".repeat(24)], {}, limit),
    store.reading.count({}, limit),
    store.now(limit),
  ];

  const outages = async (limit: number): Promise<boolean> => {
    const begun = performance.now();
    const settled = await Promise.allSettled(verbs(limit));
    expect(performance.now() - begun).toBeLessThan(limit + 500);
    return settled.every((one) => one.status === "rejected" && isOutage(one.reason));
  };

  it("each verb rejects within its timeout in an outage, and works again afterwards (completion, case 43)", async () => {
    await Promise.all(verbs(5000));
    await gate.shut();
    expect(await outages(400)).toBe(true);
    await gate.open();
    await until("the store answers again", async () =>
      (await Promise.allSettled(verbs(1000))).every(({ status }) => status === "fulfilled"),
    );
  });

  it("a server that hangs is an outage as well (completion)", async () => {
    await Promise.all(verbs(5000));
    gate.stop();
    expect(await outages(300)).toBe(true);
  });
});
