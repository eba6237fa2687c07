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
 * @throws BAD_TARGET for a target that cannot be used; CANNOT_CONNECT if nobody answers, or the credentials are refused.
 */
export async function openMongoStore(target: string | object, options: MongoOptions): Promise<Store> {
  const { collection = "jobs", driver, timeout, clock = systemClock, random = Math.random } = options;
  const connection = await connect(target, { driver, timeout, clock });
  const { own, database } = connection;
  try {
    const isThreaded = typeof target === "string" && (driver === undefined || (await isInstalled()));
    const collections = (client: DriverClient): Collections =>
      collectionsOf({ ...connection, client, collection, clock, random });
    const main = collections(connection.client);
    return mongoStoreOf({
      collections: main,
      heartbeatCollections: connection.pulse === connection.client ? main : collections(connection.pulse),
      own,
      heartbeatStore: isThreaded
        ? heartbeatStoreOf(import.meta.url, { url: target, collection } satisfies MongoHeartbeatTarget)
        : undefined,
      capabilities: await capabilitiesOf(main),
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
