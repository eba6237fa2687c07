// Step 1: jobs, runners, and the ids of removed jobs.
import type { Step } from "./step.ts";

/**
 * Claimable rows only are in the hot index, so that finished jobs, however many, cost a claim nothing. Jobs are not WITHOUT
 * ROWID: such a table keeps a row of over 1,000 bytes in pages of its own, and a claim of jobs with 1 kB of data took four times as long.
 */
export const step1: Step = {
  version: 1,
  statements: [
    "create table dayjob_meta (version integer not null) strict",
    "insert into dayjob_meta (version) values (0)",
    `create table dayjob_jobs (
      id text primary key not null, kind text not null, status integer not null, data text not null,
      created integer not null, runat integer not null, finished integer,
      retries integer not null, maxretries integer, retryinterval real not null, backoff text not null,
      tries text not null, trycount integer not null, lost integer not null,
      priority integer not null, lane integer, key text, holds text, runner text, token text,
      cancel text, tags text not null, meta text not null, progress text, result text, logs text
    ) strict`,
    "create index dayjob_claimable on dayjob_jobs (kind, priority desc, runat, id) where status in (1, 3)",
    "create unique index dayjob_keys on dayjob_jobs (kind, holds) where holds is not null",
    "create index dayjob_held on dayjob_jobs (runner) where status = 2",
    `create table dayjob_runners (
      instance text primary key, name text not null, kinds text not null, lease integer not null,
      beats integer not null, seen integer not null, state text not null
    ) without rowid, strict`,
    "create table dayjob_removed (id text primary key, at integer not null) without rowid, strict",
  ],
};
