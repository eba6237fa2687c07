// The JSON forms of a job: ours, and the Go package's (the fixtures were written by the real one).

import { readFileSync } from "node:fs";
import { inspect } from "node:util";
import { ObjectId } from "bson";
import { describe, expect, it } from "vitest";
import { formatGoJob, parseGoJob } from "../../src/job/go-json.ts";
import type { Job } from "../../src/job/job.ts";
import { parseJob } from "../../src/job/json.ts";
import { Status } from "../../src/job/status.ts";
import { toJob, toPutJob } from "../../src/job/view.ts";
import { at, jobFixture } from "../../src/testing/fixtures/factories.ts";
import { refusal } from "./refusal.ts";

interface Fixture {
  readonly name: string;
  readonly json: Record<string, unknown>;
}
const fixtures = JSON.parse(readFileSync(new URL("../fixtures/go-jobs.json", import.meta.url), "utf8")) as Fixture[];

function fullJob(): Job {
  const ids = new ObjectId("551c0000000000000000000a");
  return toJob(
    jobFixture({
      status: Status.failed,
      data: { when: at(3), id: ids, big: 2n ** 60n, bytes: Buffer.from([0, 1, 2, 255]), list: [1, null, { a: 1.5 }] },
      tries: [{ runner: "r", when: at(4), ended: at(5), err: "bad", name: "TypeError", code: "E", stack: "s" }],
      tryCount: 30,
      key: "x",
      tags: ["t"],
      meta: { a: "b" },
      progress: { at: 5 },
      result: 7,
      priority: -3,
    }),
  );
}

describe("JSON", () => {
  it("has the status as text, and parseJob is the inverse (status and JSON)", () => {
    const full = fullJob();
    const { data, ...job } = full;
    const text = JSON.stringify(full);
    expect(JSON.parse(text)).toMatchObject({ status: "failed" });
    const parsed = parseJob(text);
    const { data: parsedData, ...rest } = parsed;
    expect(rest).toEqual(job);
    expect(JSON.stringify(parsed)).toBe(text);
    const { bytes: _, ...plain } = data as Record<string, unknown>;
    expect(parsedData).toMatchObject(plain);
    expect(Object.isFrozen(parsed)).toBe(true);
    expect(parseJob(JSON.parse(JSON.stringify(toPutJob(jobFixture(), true))) as object)).not.toHaveProperty(
      "duplicate",
    );
  });

  it("inspect shows the status as text too", () => {
    expect(inspect(fullJob())).toContain("status: 'failed'");
  });

  it("an unknown status is invalid, as in the Go package", () => {
    expect(parseJob({ ...JSON.parse(JSON.stringify(fullJob())), status: "nonsense" }).status).toBe(Status.invalid);
  });

  const good = JSON.parse(JSON.stringify(fullJob())) as Record<string, unknown>;
  const wrong: readonly [unknown, RegExp][] = [
    ["{", /which is not valid JSON/],
    [5, /the job is 5/],
    [{ ...good, id: "x" }, /id is "x"/],
    [{ ...good, kind: undefined }, /kind is undefined/],
    [{ ...good, created: "soon" }, /created is "soon"/],
    [{ ...good, retries: "5" }, /retries is "5"/],
    [{ ...good, tries: [5] }, /tries\[0\] is 5/],
    [{ ...good, tags: [5] }, /tags\[0\] is 5/],
    [{ ...good, meta: { a: 5 } }, /meta\.a is 5/],
    [{ ...good, meta: [] }, /meta is \[\]/],
    [{ ...good, tags: "a" }, /tags is "a"/],
    [{ ...good, tries: [{ runner: "r", when: "soon" }] }, /tries\[0\]\.when is "soon"/],
    [{ ...good, status: 5 }, /status is 5/],
    [{ ...good, data: { id: { $uuid: "7" } } }, /^data cannot be read: /],
    [{ ...good, result: { $binary: { base64: "AA==", subType: "04" } } }, /^result cannot be read: /],
  ];
  it.for(wrong)("parseJob refuses what is no job: %o", ([json, message]) =>
    refusal(() => parseJob(json as object), "BAD_DATA", message),
  );
});

describe("the Go package's JSON", () => {
  it("has seven fixtures", () => expect(fixtures).toHaveLength(7));

  it.for(fixtures)("$name: is read, and written as it was", ({ json }) => {
    const job = parseGoJob(json);
    expect(job).toMatchObject({ id: json["id"], kind: json["Kind"], retries: json["Retries"] });
    expect(job.retryInterval * 1e6).toBe(json["RetryInterval"]);
    expect(JSON.stringify(formatGoJob(job))).toBe(JSON.stringify(json));
  });

  it("leaves out zeros at the end of a time's fraction, and writes data as Go's encoder does", () => {
    const job = toJob(
      jobFixture({
        created: new Date("2026-01-01T10:00:00.120Z"),
        runAt: new Date("2026-01-01T10:00:10.000Z"),
        data: {
          id: new ObjectId("551c0000000000000000000a"),
          bytes: parsedBytes(),
          when: at(0),
          big: 2n ** 60n,
          list: [/a+/i, null],
        },
        retryInterval: 1500.000001,
      }),
    );
    expect(formatGoJob(job)).toMatchObject({
      created: "2026-01-01T10:00:00.12Z",
      runat: "2026-01-01T10:00:10Z",
      data: {
        id: "551c0000000000000000000a",
        bytes: "AAEC/w==",
        when: "2026-01-01T12:00:00Z",
        big: "1152921504606846976",
        list: [{ Pattern: "a+", Options: "i" }, null],
      },
      RetryInterval: 1_500_000_001,
    });
  });

  const wrong: readonly [unknown, RegExp][] = [
    [undefined, /the job is undefined/],
    [{}, /id is undefined/],
    [{ ...fixtures[0]?.json, Kind: "" }, /Kind is ""/],
    [{ ...fixtures[0]?.json, tries: [5] }, /tries\[0\] is 5/],
    [{ ...fixtures[0]?.json, tries: [{ runner: 5 }] }, /tries\[0\]\.runner is 5/],
    [{ ...fixtures[0]?.json, data: 5 }, /data is 5/],
    [{ ...fixtures[0]?.json, runat: "x" }, /runat is "x"/],
  ];
  it.for(wrong)("parseGoJob refuses what is no job: %o", ([json, message]) =>
    refusal(() => parseGoJob(json as object), "BAD_DATA", message),
  );
});

function parsedBytes(): unknown {
  return parseJobData({ $binary: { base64: "AAEC/w==", subType: "00" } });
}

function parseJobData(value: unknown): unknown {
  const json = { ...(JSON.parse(JSON.stringify(fullJob())) as object), data: { value } };
  return (parseJob(json).data as { value: unknown }).value;
}
