// A client that dayjob made and that has lost its server for good is connected anew. The driver (7.9, tried) gives up for ever in two cases.
// Where its first connection fails, it closes what it looks for servers with, and all later calls fail. And it may write the
// check of a server that it polls to a socket that was closed a moment ago, and then waits for the answer for ever: so it goes
// where all connections are cut at once, as when the server is killed. mongod streams its state to drivers and hardly meets
// the latter; FerretDB does often.
import { type CancelTimer, type Clock, pause, within } from "../clock.ts";
import type { DriverClient } from "./driver.ts";

/** Milliseconds from one attempt to connect to the next. */
const attemptInterval = 1000;
/** How long a check may go unanswered, in milliseconds; twice as long after each attempt, until a server is found. */
const firstPatience = 1000;
const longestPatience = 60_000;
/** How long a close is waited for; it asks the server to end cursors. */
const closePatience = 3000;

/** What can be written to. */
const primaries = new Set(["Standalone", "RSPrimary", "Mongos", "LoadBalancer"]);

interface Closed {
  readonly address: string;
}

interface Change {
  readonly newDescription: { readonly servers: ReadonlyMap<string, { readonly type: string }> };
}

/** A server is asked what it is; `connectionId` is its address. */
interface Check {
  readonly connectionId: string;
  readonly awaited: boolean;
}

/**
 * Watches over a client from now until it is closed by what is returned. `longestUse`: the milliseconds after which its one
 * connection is taken for lost if another call waits for it in vain: a command that the driver wrote to a closed socket.
 */
export function reconnecting(client: DriverClient, clock: Clock, longestUse = Infinity): { close(): Promise<void> } {
  return new Reconnector(client, clock, longestUse);
}

class Reconnector {
  readonly #client: DriverClient;
  readonly #clock: Clock;
  readonly #longestUse: number;
  readonly #closing = new AbortController();
  #isLost = false;
  #isConnecting = false;
  #patience = firstPatience;
  /** Since when its connection is in use. */
  #usedSince = Infinity;
  /** Of each server that has not answered a check, the timer that looks again. */
  readonly #unanswered = new Map<string, CancelTimer>();

  constructor(client: DriverClient, clock: Clock, longestUse: number) {
    this.#client = client;
    this.#clock = clock;
    this.#longestUse = longestUse;
    this.#listenToServers();
    this.#listenToChecks();
    this.#listenToUse();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    for (const cancel of this.#unanswered.values()) cancel();
    await closeForGood(this.#client);
  }

  #listenToServers(): void {
    this.#client.on("topologyDescriptionChanged", (change) => {
      const servers = [...(change as Change).newDescription.servers.values()];
      const isFound = servers.some(({ type }) => primaries.has(type));
      this.#isLost = servers.length > 0 && !isFound;
      if (isFound) this.#patience = firstPatience;
    });
    this.#client.on("topologyClosed", () => void this.#reconnect());
    this.#client.on("serverClosed", (server) => this.#answered((server as Closed).address));
  }

  #listenToChecks(): void {
    this.#client.on("serverHeartbeatStarted", (check) => {
      const { connectionId, awaited } = check as Check;
      this.#answered(connectionId);
      // One that is awaited is answered when something changes.
      if (!awaited && !this.#closing.signal.aborted) this.#expectAnswer(connectionId);
    });
    for (const answer of ["serverHeartbeatSucceeded", "serverHeartbeatFailed"]) {
      this.#client.on(answer, (check) => this.#answered((check as Check).connectionId));
    }
  }

  #listenToUse(): void {
    this.#client.on("connectionCheckedOut", () => (this.#usedSince = this.#clock.monotonic()));
    this.#client.on("connectionCheckedIn", () => (this.#usedSince = Infinity));
    this.#client.on("connectionCheckOutFailed", () => {
      if (this.#clock.monotonic() - this.#usedSince > this.#longestUse) void this.#reconnect();
    });
  }

  #answered(address: string): void {
    this.#unanswered.get(address)?.();
    this.#unanswered.delete(address);
  }

  /** Looks again while there is no answer: the driver may learn only later that the server which was known is gone. */
  #expectAnswer(address: string): void {
    const look = (): void => {
      this.#expectAnswer(address);
      if (this.#isLost) void this.#reconnect();
    };
    this.#unanswered.set(address, this.#clock.timer(this.#patience, look));
  }

  async #reconnect(): Promise<void> {
    if (this.#isConnecting || this.#closing.signal.aborted) return;
    this.#isConnecting = true;
    for (let connected = false; !connected && !this.#closing.signal.aborted; ) {
      const next = this.#clock.monotonic() + attemptInterval;
      connected = await this.#isConnected();
      // Where the server is away, the attempt has lasted for the client's own limit.
      if (!connected) await pause(this.#clock, Math.max(1, next - this.#clock.monotonic()), this.#closing.signal);
    }
    this.#isConnecting = false;
  }

  async #isConnected(): Promise<boolean> {
    await within<unknown>(this.#clock, closePatience, this.#client.close(), ignored).catch(ignored);
    if (this.#closing.signal.aborted) return false;
    this.#patience = Math.min(longestPatience, this.#patience * 2);
    return this.#client.connect().then(
      () => true,
      () => false,
    );
  }
}

/** Closes also what `connect` makes later, if it still waits for DNS or a file. */
export function closeForGood(client: DriverClient): Promise<void> {
  client.on("topologyOpening", () => void client.close().catch(ignored));
  return client.close();
}

function ignored(): void {}
