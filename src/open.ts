// The composition root: a target and options in, a client over the right store out. Drivers are loaded when they are used.

import type { Jobs } from "./api/jobs.ts";
import type { OpenOptions } from "./api/options.ts";
import type { Target } from "./api/target.ts";
import { createJobs } from "./client/jobs.ts";
import { type ClientSettings, clientOptionNames, clientSettings } from "./client/options.ts";
import { type ParsedTarget, parseTarget } from "./client/target.ts";
import type { Connect } from "./engine/engine.ts";
import { dayjobError, inBrief } from "./errors.ts";
import type { Warning } from "./events.ts";
import { checkOptions } from "./job/options.ts";
import type { Store } from "./store/store.ts";

interface OpenSettings extends ClientSettings {
  readonly collection: string | undefined;
  readonly driver: { readonly BSON: unknown } | undefined;
  readonly migrate: boolean;
  readonly durability: "full" | "normal" | undefined;
}

const optionNames = [...clientOptionNames, "collection", "driver", "migrate", "durability"];
const defaultFile = "file:dayjob.db";
const longestCollection = 120;

/**
 * Opens a store: a URL, or your own client or database, which is used and never closed. Without a target: the environment's
 * DAYJOB_URL, then MONGODB_URI, then the file dayjob.db in the working directory.
 *
 * @throws BAD_TARGET, BAD_OPTION, CANNOT_CONNECT, NEWER_STORE.
 */
export async function open(target?: Target, options?: OpenOptions): Promise<Jobs> {
  const settings = openSettings(options);
  const parsed = target === undefined ? undefined : parseTarget(target);
  const jobs = createJobs(
    connectTo(() => parsed ?? defaultTarget(), settings),
    settings,
  );
  try {
    await jobs.ready();
  } catch (error) {
    await jobs.close().catch(() => {
      // The error that matters is why it could not be opened.
    });
    throw error;
  }
  return jobs;
}

/**
 * The same for module constants: opens at first use. A failed opening is tried again at the next use. `target` may be a
 * function, which is called at each opening.
 *
 * @throws BAD_TARGET, BAD_OPTION.
 */
export function openLazy(target?: Target | (() => Target | Promise<Target>), options?: OpenOptions): Jobs {
  const settings = openSettings(options);
  if (typeof target === "function")
    return createJobs(
      connectTo(async () => parseTarget(await target()), settings),
      settings,
    );
  const parsed = target === undefined ? undefined : parseTarget(target);
  return createJobs(
    connectTo(() => parsed ?? defaultTarget(), settings),
    settings,
  );
}

function connectTo(target: () => ParsedTarget | Promise<ParsedTarget>, settings: OpenSettings): Connect {
  return async (warn) => {
    const store = await openStore(await target(), settings);
    try {
      if (settings.migrate) await store.migrate(settings.timeout);
      else if (!(await store.isMigrated(settings.timeout))) warn(notMigrated(store));
      return store;
    } catch (error) {
      await store.close().catch(() => {
        // The error that matters is the one of the migration.
      });
      throw error;
    }
  };
}

function notMigrated({ name }: Store): Warning {
  return {
    code: "NOT_MIGRATED",
    message: `the store on ${name} lacks tables or indexes of this version, and was opened with migrate: false; call jobs.migrate() once before it is used`,
  };
}

async function openStore(parsed: ParsedTarget, settings: OpenSettings): Promise<Store> {
  const { collection, driver, durability, timeout } = settings;
  if (parsed.store === "sqlite") {
    const { openSqliteStore } = await import("./sqlite/open.ts");
    return openSqliteStore(parsed.target, { timeout, ...(durability === undefined ? {} : { durability }) });
  }
  const { openMongoStore } = await import("./mongodb/index.ts");
  return openMongoStore(parsed.target, {
    timeout,
    ...(collection === undefined ? {} : { collection }),
    ...(driver === undefined ? {} : { driver }),
  });
}

let toldOfDefault = false;

function defaultTarget(): ParsedTarget {
  for (const name of ["DAYJOB_URL", "MONGODB_URI"]) {
    const url = process.env[name];
    if (url !== undefined && url !== "") return parseTarget(url, `the environment's ${name}`);
  }
  if (!toldOfDefault) {
    console.info(
      `dayjob: no target was given, and neither DAYJOB_URL nor MONGODB_URI is set: opening ${defaultFile} in ${process.cwd()}`,
    );
  }
  toldOfDefault = true;
  return parseTarget(defaultFile);
}

function openSettings(options: unknown): OpenSettings {
  const given = checkOptions(options, optionNames);
  return {
    ...clientSettings(given),
    collection: collectionOf(given["collection"]),
    driver: driverOf(given["driver"]),
    migrate: migrateOf(given["migrate"] ?? true),
    durability: durabilityOf(given["durability"]),
  };
}

function collectionOf(given: unknown): string | undefined {
  if (given === undefined) return undefined;
  const isName = typeof given === "string" && /^[^$\0]+$/.test(given) && given.length <= longestCollection;
  if (isName && !/^system\.|^\.|\.$|\.\./.test(given)) return given;
  throw dayjobError(
    "BAD_OPTION",
    `collection is ${inBrief(given)}; give the name of a collection, such as "jobs", of ${longestCollection} characters at most`,
  );
}

function driverOf(given: unknown): OpenSettings["driver"] {
  if (given === undefined) return undefined;
  if (typeof given === "object" && given !== null && "BSON" in given) return given;
  throw dayjobError(
    "BAD_OPTION",
    `driver is ${inBrief(given)}; give the driver's module: import * as mongodb, or mongoose.mongo`,
  );
}

function migrateOf(given: unknown): boolean {
  if (typeof given === "boolean") return given;
  throw dayjobError("BAD_OPTION", `migrate is ${inBrief(given)}; give true or false`);
}

function durabilityOf(given: unknown): OpenSettings["durability"] {
  if (given === undefined || given === "full" || given === "normal") return given;
  throw dayjobError("BAD_OPTION", `durability is ${inBrief(given)}; give "full" or "normal"`);
}
