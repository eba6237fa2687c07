// How large data, results, progress and the fields of a log line may be. Together with all else that a job holds, each at its
// most, they stay below the 16 MB that MongoDB takes for a document, so that the end of a job can be stored whatever it holds.
import { dayjobError } from "../errors.ts";

const kilobyte = 1024;
const megabyte = 1024 * kilobyte;

/** Bytes of a job's data as BSON, unless `open` allows more. */
export const defaultDataLimit = megabyte;
export const largestDataLimit = 8 * megabyte;
/** Bytes of a result as BSON, unless `open` allows more. */
export const defaultResultLimit = megabyte;
export const largestResultLimit = 4 * megabyte;

/** What bounds the size of a value. */
export interface SizeLimit {
  /** As BSON. */
  readonly bytes: number;
  /** What to do with a value that is larger. */
  readonly advice: string;
  /** The option of `open` that raises it, and how far. */
  readonly option?: { readonly name: string; readonly most: number };
}

export function dataSize(bytes: number): SizeLimit {
  const advice = "store it elsewhere and put a reference to it";
  return { bytes, advice, option: { name: "dataLimit", most: largestDataLimit } };
}

export function resultSize(bytes: number): SizeLimit {
  const advice = "store it elsewhere and return a reference to it";
  return { bytes, advice, option: { name: "resultLimit", most: largestResultLimit } };
}

export const progressSize: SizeLimit = {
  bytes: 64 * kilobyte,
  advice: "give a number or a few fields, and keep the rest elsewhere",
};

/** Of one line. */
export const fieldsSize: SizeLimit = { bytes: 10_000, advice: "log fewer fields, or several lines" };

/** The most bytes of a log line's message as UTF-8; what is longer is cut. */
export const longestMessage = 10_000;

/** @throws BAD_DATA with both sizes. An option is named only where it can be raised far enough. */
export function checkSize(size: number, name: string, { bytes, advice, option }: SizeLimit): void {
  if (size <= bytes) return;
  const raise =
    option === undefined || size > option.most
      ? ""
      : `, or raise the option ${option.name} of open (${option.most / megabyte} MB at most)`;
  throw dayjobError(
    "BAD_DATA",
    `${name} is ${sizeText(size)} as BSON, over the limit of ${sizeText(bytes)}; ${advice}${raise}`,
  );
}

/** The text as far as it takes `most` bytes as UTF-8, never half a character. */
export function cutToBytes(text: string, most: number): string {
  const whole = text.toWellFormed();
  if (whole.length * 3 <= most || Buffer.byteLength(whole) <= most) return whole;
  const { read } = new TextEncoder().encodeInto(whole, new Uint8Array(most));
  return whole.slice(0, read);
}

/** Bytes in the unit that shows them, and exactly beside it, since two sizes may differ by few bytes only. */
export function sizeText(bytes: number): string {
  if (bytes < kilobyte) return `${bytes} bytes`;
  const [unit, name] = bytes < megabyte ? [kilobyte, "KB"] : [megabyte, "MB"];
  return `${(bytes / unit).toFixed(1)} ${name} (${bytes} bytes)`;
}
