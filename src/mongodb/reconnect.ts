// A client that dayjob made and that has lost its server for good is connected anew. The driver (7.9, tried) gives up for ever in two cases.
// Where its first connection fails, it closes what it looks for servers with, and all later calls fail. And it may write the
// check of a server that it polls to a socket that was closed a moment ago, and then waits for the answer for ever: so it goes
// where all connections are cut at once, as when the server is killed. mongod streams its state to drivers and hardly meets
// the latter; FerretDB does often.
import { type CancelTimer, type Clock, pause, within } from "../clock.ts";
import type { DriverClient } from "./driver.ts";

/** Milliseconds from one attempt to connect to the next. */
const attemptInterval = 1000;
/** How long a check may go unanswered, in milliseconds; twice as long after each revival, until a server is found. */
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
export function reviving(client: DriverClient, clock: Clock, longestUse = Infinity): { close(): Promise<void> } {
  const closing = new AbortController();
  let isLost = false;
  let isReviving = false;
  let patience = firstPatience;
  /** Since when its connection is in use. */
  let used = Infinity;
  const checks = new Map<string, CancelTimer>();

  const isConnected = async (): Promise<boolean> => {
    await within<unknown>(clock, closePatience, client.close(), ignored).catch(ignored);
    if (closing.signal.aborted) return false;
    patience = Math.min(longestPatience, patience * 2);
    return client.connect().then(
      () => true,
      () => false,
    );
  };
  const revive = async (): Promise<void> => {
    if (isReviving || closing.signal.aborted) return;
    isReviving = true;
    for (let connected = false; !connected && !closing.signal.aborted; ) {
      const next = clock.monotonic() + attemptInterval;
      connected = await isConnected();
      // Where the server is away, the attempt has lasted for the client's own limit.
      if (!connected) await pause(clock, Math.max(1, next - clock.monotonic()), closing.signal);
    }
    isReviving = false;
  };
  const answered = (address: string): void => {
    checks.get(address)?.();
    checks.delete(address);
  };
  /** Looks again while there is no answer: the driver may learn only later that the server which was known is gone. */
  const expectAnswer = (address: string): void => {
    const look = (): void => {
      expectAnswer(address);
      if (isLost) void revive();
    };
    checks.set(address, clock.timer(patience, look));
  };

  client.on("topologyDescriptionChanged", (change) => {
    const servers = [...(change as Change).newDescription.servers.values()];
    const isFound = servers.some(({ type }) => primaries.has(type));
    isLost = servers.length > 0 && !isFound;
    if (isFound) patience = firstPatience;
  });
  client.on("serverHeartbeatStarted", (check) => {
    const { connectionId, awaited } = check as Check;
    answered(connectionId);
    // One that is awaited is answered when something changes.
    if (!awaited && !closing.signal.aborted) expectAnswer(connectionId);
  });
  client.on("topologyClosed", () => void revive());
  client.on("serverClosed", (server) => answered((server as Closed).address));
  client.on("connectionCheckedOut", () => (used = clock.monotonic()));
  client.on("connectionCheckedIn", () => (used = Infinity));
  client.on("connectionCheckOutFailed", () => {
    if (clock.monotonic() - used > longestUse) void revive();
  });
  for (const answer of ["serverHeartbeatSucceeded", "serverHeartbeatFailed"]) {
    client.on(answer, (check) => answered((check as Check).connectionId));
  }

  return {
    async close() {
      closing.abort();
      for (const cancel of checks.values()) cancel();
      await closeForGood(client);
    },
  };
}

/** Closes also what `connect` makes later, if it still waits for DNS or a file. */
export function closeForGood(client: DriverClient): Promise<void> {
  client.on("topologyOpening", () => void client.close().catch(ignored));
  return client.close();
}

function ignored(): void {}
