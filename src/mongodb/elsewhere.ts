// The store as the heartbeat's thread has it: a client of its own, and beats.
import { systemClock } from "../clock.ts";
import type { OpenElsewhere } from "../store/store.ts";
import { closeAll, connectPulse } from "./connect.ts";
import { limited } from "./limit.ts";
import { placeOf } from "./place.ts";
import { beat } from "./runners.ts";

export interface MongoElsewhere {
  readonly url: string;
  readonly collection: string;
}

const closeLimit = 500;

export const openElsewhere: OpenElsewhere = async ({ url, collection }: MongoElsewhere) => {
  const { own, ...connection } = await connectPulse(url, systemClock);
  const place = placeOf({ ...connection, collection, clock: systemClock, random: Math.random });
  return {
    beat: (given, limit) => limited(systemClock, "beat", limit, (left) => beat(place, given, left)),
    close: async () => void (await closeAll(own, systemClock, closeLimit)),
  };
};
