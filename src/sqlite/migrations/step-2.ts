// Step 2: the key that a job holds is called `uniquekey`; large values and log lines get tables of their own.
import type { Step } from "./step.ts";

/** Unfinished jobs are written again; the data of the others stays in the rows, where it is read as well. */
const largeData = "length(data) > 1000 and status in (0, 1, 2, 3, 7)";

/**
 * SQLite writes a whole row at each change of it, hence the tables: a job of 10 kB was written three times before it had ended,
 * and a job's log lines were written again with each new one. What is in `dayjob_data` is '' in the row.
 */
export const step2: Step = {
  version: 2,
  breaking: true,
  statements: [
    "alter table dayjob_meta add column oldest integer not null default 1",
    "alter table dayjob_jobs rename column holds to uniquekey",
    "create unique index dayjob_uniquekey on dayjob_jobs (kind, uniquekey) where uniquekey is not null",
    "drop index dayjob_keys",
    `create table dayjob_data (
      id text not null, field text not null, value text not null, primary key (id, field)
    ) strict`,
    `insert into dayjob_data (id, field, value) select id, 'data', data from dayjob_jobs where ${largeData}`,
    `update dayjob_jobs set data = '' where ${largeData}`,
    "create table dayjob_logs (id text not null, n integer not null, line text not null, primary key (id, n)) strict",
    `insert into dayjob_logs (id, n, line) select dayjob_jobs.id, line.key, '{"v":' || line.value || '}'
      from dayjob_jobs, json_each(logs, '$.v') as line where logs is not null`,
    "alter table dayjob_jobs drop column logs",
    "alter table dayjob_jobs add column interrupted integer",
    // Whoever removes a job, with a statement of their own as well, leaves nothing of it behind.
    `create trigger dayjob_remove after delete on dayjob_jobs begin
      delete from dayjob_data where id = old.id;
      delete from dayjob_logs where id = old.id;
    end`,
  ],
};
