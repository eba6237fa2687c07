// The port on MongoDB: each verb within its limit, in the file of its task.
import type { Bson } from "../job/data.ts";
import type { Filter } from "../job/filter.ts";
import type { LogLine, StoredJob } from "../job/job.ts";
import type { Claimed, ClaimRequest } from "../store/claim.ts";
import type {
  Act,
  Acted,
  ActPage,
  Beat,
  Capabilities,
  Elsewhere,
  Finish,
  Finished,
  Held,
  HeldMark,
  Inserted,
  InsertOptions,
  Note,
  Page,
  RunnerRecord,
  Store,
  Unwatch,
} from "../store/store.ts";
import { act } from "./act.ts";
import { claim } from "./claim.ts";
import { type Closable, closeAll } from "./connect.ts";
import { complete, finish } from "./finish.ts";
import { isMigrated, migrate } from "./indexes.ts";
import { insert, insertInSession } from "./insert.ts";
import { type Limit, limited } from "./limit.ts";
import { note } from "./note.ts";
import type { Place } from "./place.ts";
import { claimed, count, find, get, held, holders, lines, orphans } from "./read.ts";
import { beat, bury, forget, records, retire } from "./runners.ts";
import { translatedInSession, usableSession } from "./session.ts";
import { watch } from "./watch.ts";
import { type Windows, windowsOf } from "./window.ts";

export interface MongoStoreParts {
  readonly place: Place;
  /** The same place on the heartbeats' own client, where there is one. */
  readonly pulse: Place;
  /** The clients that `close` closes. */
  readonly own: readonly Closable[];
  readonly capabilities: Capabilities;
  readonly elsewhere?: Elsewhere | undefined;
}

export function mongoStoreOf(parts: MongoStoreParts): Store {
  return new MongoStore(parts);
}

const closeLimit = 2000;

class MongoStore implements Store {
  readonly name = "MongoDB";
  readonly capabilities: Capabilities;
  readonly bson: Bson;
  readonly elsewhere: Elsewhere | undefined;
  readonly #place: Place;
  readonly #pulse: Place;
  readonly #own: readonly Closable[];
  readonly #windows: Windows;

  constructor({ place, pulse, own, capabilities, elsewhere }: MongoStoreParts) {
    this.capabilities = capabilities;
    this.elsewhere = elsewhere;
    this.bson = place.bson;
    this.#place = place;
    this.#pulse = pulse;
    this.#own = own;
    this.#windows = windowsOf(place);
  }

  migrate(limit: number): Promise<void> {
    return this.#verb("migrate", limit, (left) => migrate(this.#place, left));
  }

  isMigrated(limit: number): Promise<boolean> {
    return this.#verb("isMigrated", limit, (left) => isMigrated(this.#place, left));
  }

  async close(): Promise<void> {
    await closeAll(this.#own, this.#place.clock, closeLimit);
  }

  now(limit: number): Promise<number> {
    return this.#verb("now", limit, async (left) => {
      const hello = await this.#place.database.command({ hello: 1 }, { readPreference: "primary", ...left() });
      // A date; of DocumentDB's gateway, a number.
      return Number(hello["localTime"]);
    });
  }

  insert(
    jobs: readonly StoredJob[],
    limit: number,
    { session, again = false }: InsertOptions = {},
  ): Promise<readonly Inserted[]> {
    if (session === undefined) return this.#verb("insert", limit, (left) => insert(this.#place, jobs, again, left));
    return this.#sessionVerb("insert", limit, async (left) =>
      insertInSession(this.#place, jobs, this.#usable(session), left),
    );
  }

  claim(request: ClaimRequest, limit: number): Promise<Claimed> {
    return this.#verb("claim", limit, (left) => claim(this.#place, this.#windows, request, left));
  }

  claimed(token: string, limit: number): Promise<readonly StoredJob[]> {
    return this.#verb("claimed", limit, (left) => claimed(this.#place, token, left));
  }

  finish(batch: readonly Finish[], limit: number): Promise<readonly Finished[]> {
    return this.#verb("finish", limit, (left) => finish(this.#place, batch, left));
  }

  complete(one: Finish, session: unknown, limit: number): Promise<void> {
    return this.#sessionVerb("complete", limit, async (left) =>
      complete(this.#place, one, this.#usable(session), left),
    );
  }

  note(notes: readonly Note[], limit: number): Promise<readonly Held[]> {
    return this.#verb("note", limit, (left) => note(this.#place, notes, left));
  }

  beat(given: Beat, limit: number): Promise<boolean> {
    return this.#verb("beat", limit, (left) => beat(this.#pulse, given, left));
  }

  held(instance: string, limit: number, options: { readonly marked?: boolean } = {}): Promise<readonly HeldMark[]> {
    return this.#verb("held", limit, (left) => held(this.#pulse, instance, options.marked ?? false, left));
  }

  retire(instance: string, limit: number, options: { readonly remove?: boolean } = {}): Promise<void> {
    return this.#verb("retire", limit, (left) => retire(this.#pulse, instance, options.remove ?? false, left));
  }

  runners(limit: number): Promise<readonly RunnerRecord[]> {
    return this.#verb("runners", limit, (left) => records(this.#pulse, left));
  }

  bury(instance: string, beats: number, limit: number): Promise<boolean> {
    return this.#verb("bury", limit, (left) => bury(this.#pulse, instance, beats, left));
  }

  forget(before: Date, limit: number): Promise<number> {
    return this.#verb("forget", limit, (left) => forget(this.#place, before, left));
  }

  holders(limit: number): Promise<readonly string[]> {
    return this.#verb("holders", limit, (left) => holders(this.#place, left));
  }

  orphans(instances: readonly string[], most: number, limit: number): Promise<readonly StoredJob[]> {
    return this.#verb("orphans", limit, (left) => orphans(this.#place, instances, most, left));
  }

  act(verb: Act, filter: Filter, page: ActPage, now: Date, limit: number): Promise<Acted> {
    return this.#verb(verb.verb, limit, (left) => act(this.#place, verb, filter, page, now, left));
  }

  get(ids: readonly string[], limit: number): Promise<readonly StoredJob[]> {
    return this.#verb("get", limit, (left) => get(this.#place, ids, left));
  }

  find(filter: Filter, page: Page, limit: number): Promise<readonly StoredJob[]> {
    return this.#verb("find", limit, (left) => find(this.#place, filter, page, left));
  }

  count(filter: Filter, limit: number): Promise<number> {
    return this.#verb("count", limit, (left) => count(this.#place, filter, left));
  }

  lines(id: string, limit: number): Promise<readonly LogLine[]> {
    return this.#verb("lines", limit, (left) => lines(this.#place, id, left));
  }

  watch(heard: () => void): Unwatch {
    return this.capabilities.watch ? watch(this.#place, heard) : () => Promise.resolve();
  }

  #usable(session: unknown): ReturnType<typeof usableSession> {
    return usableSession(this.#place, session, this.capabilities.transactions, this.#own.length > 0);
  }

  #verb<T>(verb: string, limit: number, work: (left: Limit) => Promise<T>): Promise<T> {
    return limited(this.#place.clock, verb, limit, work);
  }

  #sessionVerb<T>(verb: string, limit: number, work: (left: Limit) => Promise<T>): Promise<T> {
    return limited(this.#place.clock, verb, limit, work, translatedInSession);
  }
}
