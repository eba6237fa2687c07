// Connecting a client anew once the driver has given up for ever, by the driver's events.
import { EventEmitter } from "node:events";
import * as bson from "bson";
import { describe, expect, it } from "vitest";
import { turn } from "../../src/clock.ts";
import { connect } from "../../src/mongodb/connect.ts";
import type { DriverClient } from "../../src/mongodb/driver.ts";
import { reconnecting } from "../../src/mongodb/reconnect.ts";
import { type ManualClock, manualClock } from "../../src/testing/fixtures/manual-clock.ts";

class FakeClient extends EventEmitter {
  connects = 0;
  closes = 0;
  closing: Promise<void> = Promise.resolve();

  async connect(): Promise<void> {
    this.connects++;
  }

  close(): Promise<void> {
    this.closes++;
    return this.closing;
  }

  /** The types of the servers by their address, as the driver now knows them. */
  knows(types: Readonly<Record<string, string>>): void {
    const servers = new Map(Object.entries(types).map(([address, type]) => [address, { type }]));
    this.emit("topologyDescriptionChanged", { newDescription: { servers } });
  }

  asks(connectionId: string, awaited = false): void {
    this.emit("serverHeartbeatStarted", { connectionId, awaited });
  }
}

function watched(): { client: FakeClient; clock: ManualClock; close: () => Promise<void> } {
  const client = new FakeClient();
  const clock = manualClock();
  const watch = reconnecting(client as unknown as DriverClient, clock, 5000);
  return { client, clock, close: () => watch.close() };
}

/** Time passes, and what is due by then happens. */
async function after(clock: ManualClock, wait: number): Promise<void> {
  clock.advance(wait);
  await turn();
}

describe("a client is connected anew", () => {
  it("when its primary is lost while a check of it goes unanswered, though others of its set are known", async () => {
    const { client, clock } = watched();
    client.knows({ a: "RSPrimary", b: "RSSecondary" });
    client.asks("a");
    await after(clock, 5000);
    expect(client.connects).toBe(0);
    client.knows({ a: "Unknown", b: "RSSecondary" });
    await after(clock, 1000);
    expect(client.connects).toBe(1);
  });

  it("not in an election, whose checks are answered; nor for one that awaits changes", async () => {
    const { client, clock } = watched();
    client.knows({ a: "RSSecondary", b: "RSSecondary" });
    for (const answer of ["serverHeartbeatSucceeded", "serverHeartbeatFailed"]) {
      client.asks("a");
      client.emit(answer, { connectionId: "a" });
      client.asks("b", true);
      await after(clock, 30_000);
    }
    expect(client.connects).toBe(0);
  });

  it("not for a server that has left its set", async () => {
    const { client, clock } = watched();
    client.asks("a");
    client.emit("serverClosed", { address: "a" });
    client.knows({ b: "RSSecondary" });
    await after(clock, 5000);
    expect(client.connects).toBe(0);
  });

  it("less and less often, until there is a server to write to", async () => {
    const { client, clock } = watched();
    client.knows({ a: "Unknown", b: "RSSecondary" });
    client.asks("a");
    for (const [times, wait] of [1000, 2000, 4000].entries()) {
      await after(clock, wait - 1);
      expect(client.connects).toBe(times);
      await after(clock, 1);
      expect(client.connects).toBe(times + 1);
      client.asks("a");
    }
    client.knows({ a: "RSPrimary" });
    client.knows({ a: "Unknown" });
    client.asks("a");
    await after(clock, 1000);
    expect(client.connects).toBe(4);
  });

  it("when its connection is in use for longer than a command may take, and another call waits for it", async () => {
    const { client, clock } = watched();
    client.emit("connectionCheckedOut");
    client.emit("connectionCheckedIn");
    await after(clock, 60_000);
    client.emit("connectionCheckOutFailed");
    client.emit("connectionCheckedOut");
    await after(clock, 5000);
    client.emit("connectionCheckOutFailed");
    expect(client.closes).toBe(0);
    await after(clock, 1);
    client.emit("connectionCheckOutFailed");
    await turn();
    expect(client.connects).toBe(1);
  });

  it("also where the close of before never ends", async () => {
    const { client, clock } = watched();
    client.closing = new Promise(() => {});
    client.emit("topologyClosed");
    await after(clock, 2999);
    expect(client.connects).toBe(0);
    await after(clock, 1);
    expect(client.connects).toBe(1);
  });
});

describe("a client that is closed", () => {
  it("has no timer left, also for a check that starts while it closes", () => {
    const { client, clock, close } = watched();
    client.asks("a");
    client.closing = new Promise(() => {});
    void close();
    client.asks("b");
    expect(clock.pending).toBe(0);
  });

  it("is closed again where it connects only then, as one that had to wait for DNS", async () => {
    const { client, close } = watched();
    await close();
    client.emit("topologyOpening");
    expect(client.closes).toBe(2);
  });

  it("also where nobody answered within the time to connect", async () => {
    const clients: FakeClient[] = [];
    class Waiting extends FakeClient {
      constructor() {
        super();
        clients.push(this);
      }

      override connect(): Promise<void> {
        return new Promise(() => {});
      }
    }
    const clock = manualClock();
    const driver = { BSON: bson, MongoClient: Waiting };
    const refused = expect(connect("mongodb://host/app", { driver, timeout: 100, clock })).rejects.toThrow(/host/);
    clock.advance(200);
    await refused;
    clients[0]?.emit("topologyOpening");
    expect(clients[0]?.closes).toBe(2);
  });
});
