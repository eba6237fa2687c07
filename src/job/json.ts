// Jobs from JSON: the inverse of `JSON.stringify(job)`.
import { asError, dayjobError, inBrief, isCodedError } from "../errors.ts";
import { dataFromReadable } from "./extended-json.ts";
import { idText } from "./id.ts";
import { blankJob, type Job, type Try } from "./job.ts";
import { kindName } from "./kind-name.ts";
import { isRecord } from "./options.ts";
import { parseStatus } from "./status.ts";
import { toJob } from "./view.ts";

/**
 * The job that `JSON.stringify` wrote, given as its text or as what `JSON.parse` made of it. Data comes back with its dates,
 * ObjectIds, binary and the rest. An unknown status is `invalid`; unknown fields are left out.
 *
 * @throws BAD_DATA naming the field that is missing or wrong.
 */
export function parseJob(json: string | object): Job {
  const fields = fieldsOf(json);
  return toJob(
    blankJob({
      id: checked("id", () => idText(fields["id"])),
      kind: checked("kind", () => kindName(fields["kind"])),
      status: parseStatus(jsonText(fields["status"], "status")),
      data: jsonValue(fields["data"] ?? {}, "data"),
      created: jsonDate(fields["created"], "created"),
      runAt: jsonDate(fields["runAt"], "runAt"),
      finished: fields["finished"] === undefined ? undefined : jsonDate(fields["finished"], "finished"),
      retries: jsonNumber(fields["retries"], "retries"),
      retryInterval: jsonNumber(fields["retryInterval"], "retryInterval"),
      tries: jsonList(fields["tries"] ?? [], "tries").map(parseTry),
      tryCount: jsonNumber(fields["tryNumber"] ?? 0, "tryNumber"),
      interrupted: fields["interrupted"] === undefined ? undefined : jsonNumber(fields["interrupted"], "interrupted"),
      priority: jsonNumber(fields["priority"] ?? 0, "priority"),
      key: fields["key"] === undefined ? undefined : jsonText(fields["key"], "key"),
      tags: jsonList(fields["tags"] ?? [], "tags").map((tag, at) => jsonText(tag, `tags[${at}]`)),
      meta: texts(fields["meta"] ?? {}, "meta"),
      progress: jsonValue(fields["progress"], "progress"),
      result: jsonValue(fields["result"], "result"),
    }),
  );
}

/** The fields of an object, or of JSON text that holds one. */
function fieldsOf(json: unknown): Record<string, unknown> {
  const value = typeof json === "string" ? parsed(json) : json;
  if (isRecord(value)) return value;
  throw wrong("the job", value, "an object, or its JSON text");
}

export function jsonText(given: unknown, name: string): string {
  if (typeof given === "string") return given;
  throw wrong(name, given, "a text");
}

export function jsonNumber(given: unknown, name: string): number {
  if (typeof given === "number") return given;
  throw wrong(name, given, "a number");
}

export function jsonDate(given: unknown, name: string): Date {
  const date = new Date(typeof given === "string" ? given : Number.NaN);
  if (!Number.isNaN(date.getTime())) return date;
  throw wrong(name, given, "a date as ISO text");
}

export function jsonList(given: unknown, name: string): readonly unknown[] {
  if (Array.isArray(given)) return given;
  throw wrong(name, given, "a list");
}

function jsonValue(given: unknown, name: string): unknown {
  return given === undefined ? undefined : checked(name, () => dataFromReadable(given));
}

/** Has what `parse` throws speak of JSON: BAD_DATA with the same message. */
export function checked<T>(name: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    const message = isCodedError(error) ? error.message : `${name} cannot be read: ${asError(error).message}`;
    throw dayjobError("BAD_DATA", message, { cause: error });
  }
}

function parseTry(given: unknown, at: number): Try {
  const name = `tries[${at}]`;
  if (!isRecord(given)) throw wrong(name, given, "an object");
  const { runner, when, ended, ...rest } = given;
  const texts = ["err", "name", "code", "stack"].filter((field) => rest[field] !== undefined);
  return {
    runner: jsonText(runner, `${name}.runner`),
    when: jsonDate(when, `${name}.when`),
    ...(ended === undefined ? {} : { ended: jsonDate(ended, `${name}.ended`) }),
    ...Object.fromEntries(texts.map((field) => [field, jsonText(rest[field], `${name}.${field}`)])),
  };
}

function texts(given: unknown, name: string): Record<string, string> {
  if (!isRecord(given)) throw wrong(name, given, "an object of strings");
  return Object.fromEntries(
    Object.entries(given).map(([field, value]) => [field, jsonText(value, `${name}.${field}`)]),
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw dayjobError("BAD_DATA", `the job is ${inBrief(text)}, which is not valid JSON`, { cause: error });
  }
}

function wrong(name: string, given: unknown, wanted: string): Error {
  return dayjobError("BAD_DATA", `${name} is ${inBrief(given)}; it must be ${wanted}`);
}
