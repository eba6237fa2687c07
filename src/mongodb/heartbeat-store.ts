// The store as the heartbeat's thread has it: a client of its own, and beats.
import { systemClock } from "../clock.ts";
import type { OpenHeartbeatStore } from "../store/store.ts";
import { collectionsOf } from "./collections.ts";
import { closeAll, connectPulse } from "./connect.ts";
import { verbsWith } from "./deadline.ts";
import { beat } from "./runners.ts";

export interface MongoHeartbeatTarget {
  readonly url: string;
  readonly collection: string;
}

const closeTimeout = 500;

export const openHeartbeatStore: OpenHeartbeatStore = async ({ url, collection }: MongoHeartbeatTarget) => {
  const { own, ...connection } = await connectPulse(url, systemClock);
  const collections = collectionsOf({ ...connection, collection, clock: systemClock, random: Math.random });
  return {
    runners: { beat: verbsWith(systemClock)("beat", (deadline, beats) => beat(collections, beats, deadline)) },
    close: async () => void (await closeAll(own, systemClock, closeTimeout)),
  };
};
