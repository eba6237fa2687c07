// The path of a database: of a "file:" URL, or what is given as it is.
import { fileURLToPath } from "node:url";
import { asError, dayjobError } from "../errors.ts";

/**
 * "file:///var/my%20jobs.db", "file:jobs.db", "file:./jobs.db" and "jobs.db" all name a path. A URL is decoded, as URLs are:
 * what `pathToFileURL` makes of a path comes back as that path.
 *
 * @throws BAD_TARGET for a URL of another machine, with options, or that cannot be decoded.
 */
export function pathOf(target: string): string {
  const path = target.startsWith("file:") ? decoded(target) : target;
  if (path.includes("\0"))
    throw dayjobError("BAD_TARGET", "the path of the database has a null character in it; no file system takes one");
  return path;
}

function decoded(url: string): string {
  const path = url.slice("file:".length);
  const mark = /[?#]/.exec(path)?.[0];
  if (mark !== undefined) {
    const code = mark === "?" ? "%3F" : "%23";
    throw badUrl(
      url,
      `has a "${mark}": options in the URL are not taken, give them to open(); where it is a part of the name, write ${code}`,
    );
  }
  try {
    return path.startsWith("/") ? fileURLToPath(new URL(url)) : decodeURIComponent(path);
  } catch (error) {
    throw badUrl(url, `is no URL of a file on this machine: ${asError(error).message}`, error);
  }
}

function badUrl(url: string, what: string, cause?: unknown): Error {
  const message = `the target ${url} ${what}; or give the path without "file:", or pathToFileURL(path).href`;
  return dayjobError("BAD_TARGET", message, cause === undefined ? {} : { cause });
}
