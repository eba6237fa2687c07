// Migrations that ended in the middle, at each command: no key is free in between, and the next one carries on.
import { MongoClient } from "mongodb";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../../src/clock.ts";
import { type Collections, collectionsOf } from "../../src/mongodb/collections.ts";
import type { DriverClient, MongoBson } from "../../src/mongodb/driver.ts";
import * as mongo from "../../src/mongodb/migrate.ts";
import { type Connection, connect } from "../../src/sqlite/driver.ts";
import { transact } from "../../src/sqlite/locks.ts";
import * as sqlite from "../../src/sqlite/schema.ts";
import { type Place, testStores } from "../setup/stores.ts";
import { fileOf, oldJobs, oldPlace, withCollections } from "./fixture.ts";

const deadline = (): { maxTimeMS: number } => ({ maxTimeMS: 30_000 });
const crash = new Error("the process has ended");

/** An object whose methods of these names do nothing more from the n-th call of any of them on. */
function ending<T extends object>(target: T, names: readonly string[], count: { left: number }): T {
  return new Proxy(target, {
    get(from, name) {
      const value: unknown = Reflect.get(from, name, from);
      if (typeof value !== "function") return value;
      if (!names.includes(String(name))) return value.bind(from) as unknown;
      return (...args: readonly unknown[]): unknown => {
        if (count.left-- <= 0) throw crash;
        return Reflect.apply(value, from, args);
      };
    },
  });
}

function isCrash(error: unknown): boolean {
  return error === crash || (error as Error).cause === crash;
}

/** Attempts that end at the first, second, third ... command, until one does not. */
async function untilDone(attempt: (commands: number) => Promise<boolean>): Promise<number> {
  for (let commands = 0; commands < 100; commands++) if (await attempt(commands)) return commands;
  throw new Error("no attempt came to its end");
}

for (const store of testStores) {
  const old = oldJobs(store);
  const isFinished = (status: number): boolean => [4, 5, 6].includes(status);
  const held = old.flatMap(({ key, status, id }) => (key !== undefined && !isFinished(status) ? [{ id, key }] : []));

  describe(`a migration that ends in the middle on ${store.name}`, () => {
    let place: Place;
    beforeEach(async () => {
      place = await oldPlace(store);
    });
    afterEach(() => place.dispose());

    const readsEqual = async (): Promise<void> => {
      const jobs = await place.open({ migrate: false });
      for (const { id, json } of old) expect(await jobs.get(id)).toMatchObject({ id, kind: json["kind"] });
      for (const { id, key } of held) {
        const job = await jobs.get(id);
        expect(await jobs.put(String(job?.kind), {}, { key })).toMatchObject({ id, duplicate: true });
      }
    };

    if (store.name === "SQLite") {
      it("has changed nothing, and the next one makes all of it", async () => {
        const connection = connect(fileOf(place), "libsql");
        const ended = await untilDone(async (commands) => {
          const broken = ending(connection, ["exec", "run"], { left: commands + 1 });
          const isDone = attempt(connection, broken);
          expect(sqlite.isMigrated(connection)).toBe(isDone);
          if (!isDone) expect(connection.all("select version from dayjob_meta")).toEqual([{ version: 1 }]);
          return isDone;
        });
        expect(ended).toBeGreaterThan(10);
        connection.close();
        await readsEqual();
      });

      const attempt = (connection: Connection, broken: Connection): boolean => {
        try {
          transact(connection, true, () => sqlite.migrate(broken));
          return true;
        } catch (error) {
          expect(error).toBe(crash);
          return false;
        }
      };
    } else {
      const withPlace = async <T>(work: (collections: Collections) => Promise<T>): Promise<T> => {
        const driver = await import("mongodb");
        const client = await new MongoClient(place.url).connect();
        const { dbName } = client.options;
        const parts = { collection: place.collection, clock: systemClock, random: () => 0 };
        const database = dbName === "test" ? "dayjob" : dbName;
        const bson = driver.BSON as unknown as MongoBson;
        try {
          return await work(collectionsOf({ ...parts, client: client as unknown as DriverClient, database, bson }));
        } finally {
          await client.close();
        }
      };
      const brokenAt = (collections: Collections, left: number): Collections => {
        const names = ["find", "updateOne", "updateMany", "createIndexes", "listIndexes", "dropIndex"];
        const count = { left };
        const { jobs, removed, meta } = collections;
        return {
          ...collections,
          jobs: ending(jobs, names, count),
          removed: ending(removed, names, count),
          meta: ending(meta, names, count),
        };
      };

      /** Each key is held under an index, by the old name or the new. */
      const keysAreHeld = async (collections: Collections): Promise<void> => {
        const indexes = await collections.jobs.listIndexes({}).toArray();
        const unique = indexes.flatMap(({ key, unique }) => (unique === true ? Object.keys(key as object) : []));
        const docs = await collections.jobs.find({ key: { $exists: true } }, {}).toArray();
        for (const { id, key } of held) {
          const doc = docs.find(({ _id }) => String(_id) === id);
          const name = doc?.["holds"] === undefined ? "uniquekey" : "holds";
          expect([doc?.[name], unique.includes(name)]).toEqual([key, true]);
        }
      };

      /** Whether it came to its end without one. */
      const crashAt = async (collections: Collections, commands: number): Promise<boolean> => {
        const isDone = await mongo.migrate(brokenAt(collections, commands), deadline).then(
          () => true,
          (error: unknown) => !isCrash(error) && Promise.reject(error as Error),
        );
        expect(await mongo.isMigrated(collections, deadline)).toBe(isDone);
        await keysAreHeld(collections);
        // What a program of schema 1 looks at: it must refuse the store before the first document is changed.
        const [schema] = await collections.meta.find({ _id: "schema" }, {}).toArray();
        const changed = await collections.jobs.countDocuments({ uniquekey: { $exists: true } }, {});
        if (changed > 0) expect(schema?.["version"]).toBeGreaterThan(1);
        return isDone;
      };

      const carriesOn = async (collections: Collections): Promise<void> => {
        await mongo.migrate(collections, deadline);
        await keysAreHeld(collections);
        expect(await collections.jobs.countDocuments({ holds: { $exists: true } }, {})).toBe(0);
        const names = (await collections.jobs.listIndexes({}).toArray()).map(({ name }) => name);
        expect(names).not.toContain("dayjob_holds");
      };

      it("has every key held, is refused by older programs, and the next one carries on", {
        timeout: 60_000,
      }, async () => {
        const ended = await untilDone(async (commands) => {
          await place.dispose();
          place = await oldPlace(store);
          const isDone = await withPlace((collections) => crashAt(collections, commands));
          await withPlace(carriesOn);
          return isDone;
        });
        expect(ended).toBeGreaterThan(10);
        await readsEqual();
      });

      it("leaves a key to whoever has taken or let go of it by its new name", async () => {
        const [taken, ended] = held.filter(({ key }) => key.startsWith("key-"));
        await withCollections(place, async (of) => {
          const jobs = of("");
          const { _id: _, holds, ...doc } = (await jobs.findOne({ holds: taken?.key }))!;
          await jobs.insertOne({ ...doc, uniquekey: holds } as never);
          await jobs.updateOne({ holds: ended?.key }, { $set: { status: 4 } });
          await withPlace((collections) => mongo.migrate(collections, deadline));
          const left = await jobs.find({ holds: { $exists: true } }).toArray();
          const holders = await jobs.find({ uniquekey: { $in: [taken?.key, ended?.key] } }).toArray();
          expect(left).toEqual([]);
          expect(holders.filter(({ kind }) => kind === doc["kind"])).toMatchObject([{ uniquekey: taken?.key }]);
        });
      });
    }
  });
}
