// The store on MongoDB.
import { type Clock, systemClock } from "../clock.ts";
import { asError, isCodedError } from "../errors.ts";
import { heartbeatStoreOf } from "../store/heartbeat-store.ts";
import type { Store } from "../store/store.ts";
import { capabilitiesOf } from "./capabilities.ts";
import { installedDriver } from "./classes.ts";
import { type Collections, collectionsOf } from "./collections.ts";
import { closeAll, connect } from "./connect.ts";
import type { DriverClient } from "./driver.ts";
import { cannotConnect } from "./errors.ts";
import type { MongoHeartbeatTarget } from "./heartbeat-store.ts";
import { mongoStoreOf } from "./store.ts";

export interface MongoOptions {
  /** Default: `jobs`. Others are named after it: `jobs.runners`, `jobs.meta`, `jobs.removed`. */
  readonly collection?: string | undefined;
  /** The driver of a given client, where its BSON classes cannot be found from the client itself: `mongoose.mongo`. */
  readonly driver?: { readonly BSON: unknown } | undefined;
  /** Milliseconds to connect. */
  readonly timeout: number;
  readonly clock?: Clock | undefined;
  readonly random?: (() => number) | undefined;
}

/** Milliseconds for the clients of an opening that failed: a server that hangs may not answer. */
const closeTimeout = 2000;

/**
 * Opens a store on a `mongodb://` URL, a MongoClient or a Db. Nothing is made or changed before `migrate`.
 *
 * @throws BAD_TARGET for a target that cannot be used; CANNOT_CONNECT where nobody answers, or the credentials are refused.
 */
export async function openMongoStore(target: string | object, options: MongoOptions): Promise<Store> {
  const { collection = "jobs", driver, timeout, clock = systemClock, random = Math.random } = options;
  const connection = await connect(target, { driver, timeout, clock });
  const { own, database, bson } = connection;
  const on = (client: DriverClient): Collections =>
    collectionsOf({ client, database, collection, bson, clock, random });
  const collections = on(connection.client);
  const pulse = connection.pulse === connection.client ? collections : on(connection.pulse);
  try {
    const heartbeatStore =
      typeof target === "string" && (driver === undefined || (await isInstalled()))
        ? heartbeatStoreOf(import.meta.url, { url: target, collection } satisfies MongoHeartbeatTarget)
        : undefined;
    return mongoStoreOf({
      collections,
      heartbeatCollections: pulse,
      own,
      heartbeatStore,
      capabilities: await capabilitiesOf(collections),
    });
  } catch (error) {
    await closeAll(own, clock, closeTimeout).catch(() => {});
    throw isCodedError(error) ? asError(error) : cannotConnect(error, `the database ${database}`, timeout);
  }
}

/** The heartbeat's thread cannot be given the driver that `open` was given: it takes the one that is installed. */
function isInstalled(): Promise<boolean> {
  return installedDriver().then(
    () => true,
    () => false,
  );
}
