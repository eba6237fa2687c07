// Which BSON classes a driver takes: values of another major of the library make it throw (docs/api.md, "BSON of another copy").
import * as bson from "bson";
import { asError, dayjobError } from "../errors.ts";
import { isRecord } from "../job/options.ts";
import type { DriverModule, MongoBson } from "./driver.ts";

const versionMark = Symbol.for("@@mdb.bson.version");

/** The classes of `options.driver`. */
export function classesOf(driver: { readonly BSON: unknown }): MongoBson {
  const { BSON: classes } = driver;
  if (isRecord(classes) && typeof classes["ObjectId"] === "function" && typeof classes["Long"] === "function") {
    return classes as unknown as MongoBson;
  }
  throw dayjobError(
    "BAD_TARGET",
    'driver has no BSON classes; give the driver itself: import * as mongodb from "mongodb", or mongoose.mongo',
  );
}

/**
 * The classes that a given client accepts, recognised by the ids that it makes: ours if the major is the same, else those of the
 * installed driver.
 */
export async function classesFor(client: unknown): Promise<MongoBson> {
  const major = majorOf(sampleId(client));
  if (major !== undefined && major === majorOf(new bson.ObjectId())) return bson;
  const installed = await installedDriver().catch(() => undefined);
  if (installed !== undefined && major !== undefined && majorOf(new installed.BSON.ObjectId()) === major)
    return installed.BSON;
  throw dayjobError(
    "BAD_TARGET",
    `the client's driver makes BSON values of ${major === undefined ? "an unknown version" : `version ${major}`}, for which dayjob has no classes; ` +
      "name the driver that the client is of: driver: mongoose.mongo for Mongoose, else the module that you imported MongoClient from",
  );
}

/**
 * The user's driver; it is imported only when it is needed.
 *
 * @throws BAD_TARGET if it is not installed, or cannot be loaded.
 */
export async function installedDriver(): Promise<DriverModule> {
  try {
    return (await import("mongodb")) as unknown as DriverModule;
  } catch (error) {
    const { code } = error as { code?: unknown };
    const isMissing = code === "ERR_MODULE_NOT_FOUND" || code === "MODULE_NOT_FOUND";
    const why = isMissing
      ? 'which is not installed; run "npm install mongodb"'
      : `which could not be loaded (${asError(error).message}); if it was bundled, have the bundler leave mongodb out`;
    throw dayjobError(
      "BAD_TARGET",
      `a mongodb:// URL needs MongoDB's driver, ${why}, or give open the option driver: import * as mongodb from "mongodb"`,
      { cause: error },
    );
  }
}

function sampleId(client: unknown): unknown {
  const options = isRecord(client) ? client["options"] : undefined;
  const factory = isRecord(options) ? options["pkFactory"] : undefined;
  if (!isRecord(factory) || typeof factory["createPk"] !== "function") return undefined;
  return factory["createPk"]() as unknown;
}

function majorOf(value: unknown): number | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const major = (value as Record<symbol, unknown>)[versionMark];
  return typeof major === "number" ? major : undefined;
}
