// Where the demo keeps its jobs and its digests: a SQLite file of its own, or collections of its own on MONGODB_URI.
import { type Jobs, open } from "dayjob";

/** What one payload comes to. Its id is the job's: storing it again changes nothing, so a job may run twice. */
export interface Digest {
  readonly id: string;
  readonly repository: string;
  readonly event: string;
  readonly action: string;
  readonly sender: string;
  readonly sha256: string;
}

export interface Place {
  readonly jobs: Jobs;
  store(digest: Digest): Promise<void>;
  /** Per repository and event: how many payloads. */
  summary(): Promise<readonly { repository: string; event: string; payloads: number }[]>;
  /** Removes what the demo made, on MongoDB. */
  drop(): Promise<void>;
  close(): Promise<void>;
}

/** `url` as for `open`; `collection` is used on MongoDB only. */
export async function openPlace(url: string, collection: string): Promise<Place> {
  return url.startsWith("mongodb") ? await onMongo(url, collection) : await onSqlite(url);
}

async function onSqlite(file: string): Promise<Place> {
  const { default: Database } = await import("libsql");
  // One copy of SQLite in a process: dayjob works on the connection that it is given, and the digests go through the same.
  const database = new Database(file);
  const jobs = await open(database);
  database.exec("pragma busy_timeout = 50"); // short: waiting in there stops the event loop
  database.exec(`create table if not exists digests
    (id text primary key, repository text, event text, action text, sender text, sha256 text) without rowid`);
  const insert = database.prepare("insert or replace into digests values (?, ?, ?, ?, ?, ?)");
  const summary = database.prepare(
    "select repository, event, count(*) as payloads from digests group by 1, 2 order by payloads desc, 1, 2",
  );
  return {
    jobs,
    store: async ({ id, repository, event, action, sender, sha256 }) => {
      await unlessBusy(() => insert.run(id, repository, event, action, sender, sha256));
    },
    summary: async () => summary.all() as { repository: string; event: string; payloads: number }[],
    drop: async () => {},
    close: async () => {
      await jobs.close();
      database.close();
    },
  };
}

/** Another process may be writing: SQLite has one writer at a time. */
async function unlessBusy(write: () => void): Promise<void> {
  for (let left = 200; ; left--) {
    try {
      return write();
    } catch (error) {
      if (left === 0 || !(error as { code?: string }).code?.startsWith("SQLITE_BUSY")) throw error;
      await new Promise((resolve) => setTimeout(resolve, 5 + Math.random() * 20));
    }
  }
}

async function onMongo(url: string, collection: string): Promise<Place> {
  const { MongoClient } = await import("mongodb");
  const client = await new MongoClient(url).connect();
  const db = client.db();
  const jobs = await open(db, { collection });
  const digests = db.collection<{ _id: string } & Omit<Digest, "id">>(`${collection}.digests`);
  return {
    jobs,
    store: async ({ id, ...digest }) => {
      await digests.replaceOne({ _id: id }, digest, { upsert: true });
    },
    summary: async () => {
      const group = { _id: { repository: "$repository", event: "$event" }, payloads: { $sum: 1 } };
      const rows = digests.aggregate<{ _id: { repository: string; event: string }; payloads: number }>([
        { $group: group },
        { $sort: { payloads: -1, "_id.repository": 1, "_id.event": 1 } },
      ]);
      return (await rows.toArray()).map(({ _id, payloads }) => ({ ..._id, payloads }));
    },
    drop: async () => {
      for (const { name } of await db.listCollections().toArray()) {
        if (name === collection || name.startsWith(`${collection}.`)) await db.collection(name).drop();
      }
    },
    close: async () => {
      await jobs.close();
      await client.close();
    },
  };
}
