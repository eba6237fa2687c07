// The SQLite library alone (the one that dayjob takes on this version of Node), doing the writes that we do, by our
// statements: a batch is claimed by one update that records the try, and read back, and finished by another. Columns and
// indexes are like ours. No lease, no retries, no events.
import { randomBytes, randomUUID } from "node:crypto";
import { blocks, noteLooseError, pause } from "../lib/contender.mjs";
import { openSqlite, sqliteLibrary } from "../lib/sqlite-library.mjs";

const BATCH = 500;

const SCHEMA = `
  create table if not exists jobs (
    id text primary key not null, kind text not null, status integer not null, data text not null,
    created integer not null, runat integer not null, finished integer,
    retries integer not null, maxretries integer, retryinterval real not null, backoff text not null,
    tries text not null, trycount integer not null, lost integer not null,
    priority integer not null, lane integer, key text, holds text, runner text, token text,
    cancel text, tags text not null, meta text not null, progress text, result text, logs text
  ) strict;
  create index if not exists claimable on jobs (kind, priority desc, runat, id) where status in (1, 3);
  create unique index if not exists keys on jobs (kind, holds) where holds is not null;
  create index if not exists held on jobs (runner) where status = 2;`;

const INSERT = `
  insert into jobs (id, kind, status, data, created, runat, retries, maxretries, retryinterval, backoff, tries, trycount,
    lost, priority, lane, tags, meta)
  values (?, 'bench', 1, ?, ?, ?, 20, 20, 1000, 'exponential', '[]', 0, 0, 0, ?, '[]', '{}')`;

const DUE = `
  select json_group_array(place) as due from (
    select rowid as place from jobs indexed by claimable where kind = 'bench' and status in (1, 3) and runat <= ?
    order by priority desc, runat, id limit ?)`;

const CLAIM = `
  update jobs not indexed set status = 2, runner = 'bare', token = ?, trycount = trycount + 1,
    tries = case when tries = '[]' then '[' || ? || ']' else json_insert(tries, '$[#]', json(?)) end
  where rowid in (select value from json_each(?)) and status in (1, 3)`;

const BEGUN = "select * from jobs not indexed where rowid in (select value from json_each(?)) and token = ?";

const FINISH = `
  update jobs set status = 4, finished = ?, holds = null,
    tries = substr(tries, 1, length(tries) - 2) || ',"ended":' || cast(? as integer) || '}]'
  where id in (select value from json_each(?)) and token = ? and status = 2`;

const COUNT = "select count(*) as stored from jobs";
// By the indexes, as it is asked of ours: it costs nothing beside a million finished jobs.
const OPEN = `
  select 1 from jobs indexed by claimable where kind = 'bench' and status in (1, 3) and priority = 0 and runat <= ?
  union all select 1 from jobs indexed by held where status = 2 limit 1`;

/** @type {import("../lib/contender.mjs").Contender} */
export const contender = {
  name: "bare SQLite driver",
  server: "sqlite",
  version: (await sqliteLibrary()).library,
  puts: { put: "one insert a transaction", bulk: "transactions of 500 inserts" },
  variants: {
    best: { label: "batches of 500, claims not synced", synchronous: "full" },
    normal: {
      label: "batches of 500",
      durability: "synchronous = NORMAL: the last writes may be lost when the power fails",
      synchronous: "normal",
    },
    acknowledged: { label: "one insert; its commit is the start", synchronous: "full", starts: true },
  },

  async open(url, { synchronous, starts = false }) {
    const db = await openSqlite(url);
    db.exec(`pragma journal_mode = wal; pragma synchronous = ${synchronous}; ${SCHEMA}`);
    const statements = [INSERT, DUE, CLAIM, BEGUN, FINISH, COUNT, OPEN].map((sql) => db.prepare(sql));
    const [insert, dueOnes, claim, begun, finish, count, open] = statements;
    const life = { open: true };
    /** Where an insert's commit is taken for a start: the floor of a put that is durable. @type {import("../lib/contender.mjs").Handler} */
    let start = () => {};

    /** @param {import("../lib/contender.mjs").Item[]} items @param {number} [due] milliseconds */
    function insertAll(items, due) {
      db.exec("begin immediate");
      for (const item of items) {
        const now = Date.now();
        insert.run(newId(now), JSON.stringify(item), now, due ?? now, Math.floor(Math.random() * 64));
      }
      db.exec("commit");
    }

    /** @param {string} token */
    function claimAll(token) {
      const now = Date.now();
      const begins = JSON.stringify({ runner: "bare", when: now });
      db.exec("begin immediate");
      const [{ due }] = dueOnes.all(now, BATCH);
      claim.run(token, begins, begins, due);
      const rows = begun.all(due, token);
      db.exec("commit");
      return rows;
    }

    /** @param {import("../lib/contender.mjs").Handler} handler */
    async function work(handler) {
      while (life.open) {
        const token = randomUUID();
        // As ours: what ends a job is on the disk before the next claim; that it was claimed need not be.
        if (synchronous === "full") db.exec("pragma synchronous = normal");
        const rows = claimAll(token);
        if (synchronous === "full") db.exec("pragma synchronous = full");
        if (rows.length === 0) await pause(10);
        else {
          await Promise.all(rows.map((/** @type {{ data: string }} */ { data }) => handler(JSON.parse(data))));
          finish.run(
            Date.now(),
            Date.now(),
            JSON.stringify(rows.map((/** @type {{ id: string }} */ { id }) => id)),
            token,
          );
        }
      }
    }

    return {
      put: async (item) => {
        insertAll([item]);
        await start(item);
      },
      putMany: async (items) => {
        for (const block of blocks(items, BATCH)) insertAll(block);
      },
      fill: async (items, state, due) => {
        if (state !== "due") throw new Error(`has no way to be filled with ${state} jobs`);
        for (const block of blocks(items, 10_000)) insertAll(block, due);
      },
      stored: async () => count.all()[0].stored,
      run: async (handler) => {
        if (starts) start = handler;
        else work(handler).catch(noteLooseError);
      },
      left: async () => open.all(Date.now()).length,
      close: async () => {
        life.open = false;
        db.close();
      },
    };
  },
};

const machine = randomBytes(5).toString("hex");
let counter = 0;

/**
 * 24 hex digits that rise, as an ObjectId's do.
 * @param {number} now
 */
function newId(now) {
  const seconds = Math.floor(now / 1_000)
    .toString(16)
    .padStart(8, "0");
  return seconds + machine + (++counter % 0x1000000).toString(16).padStart(6, "0");
}
