// What `open` opens: recognised by its shape, since a process may hold drivers of several versions, and copies of them.

import type { MongoConnection, MongoDatabase, MongooseConnection, SqliteDatabase } from "../api/target.ts";
import { dayjobError, inBrief } from "../errors.ts";

export type ParsedTarget =
  | { readonly store: "mongodb"; readonly target: string | MongoDatabase | MongoConnection | MongooseConnection }
  | { readonly store: "sqlite"; readonly target: string | SqliteDatabase };

const accepted =
  'give "mongodb://...", "mongodb+srv://...", "file:path", a path that ends in ".db", ":memory:", a MongoClient or Db of the driver, a connection of Mongoose, or an open SQLite database';

/** @throws BAD_TARGET; credentials are masked in its message. */
export function parseTarget(target: unknown, name = "the target"): ParsedTarget {
  if (typeof target === "string") return parseUrl(target, name);
  if (typeof target === "object" && target !== null) {
    if (has(target, "startSession") && has(target, "db"))
      return { store: "mongodb", target: target as MongoConnection };
    if (isMongoDatabase(target)) return { store: "mongodb", target };
    if (has(target, "prepare") && has(target, "exec")) return { store: "sqlite", target: target as SqliteDatabase };
    if (has(target, "getClient"))
      return { store: "mongodb", target: openConnection(target as MongooseConnection, name) };
  }
  throw badTarget(name, inBrief(target), `; ${accepted}`);
}

/** A URL for a message: whatever stands between "//" and the last "@" is masked, and so are passwords among its options. */
export function masked(url: string): string {
  return url
    .replace(/\/\/.*@/s, "//***@")
    .replaceAll(/([?&][^=&]*(?:password|secret|token|key)[^=&]*=)[^&]*/gi, "$1***");
}

function parseUrl(url: string, name: string): ParsedTarget {
  if (/^mongodb(?:\+srv)?:\/\/./.test(url)) return { store: "mongodb", target: url };
  if (url === ":memory:" || /^file:./.test(url)) return { store: "sqlite", target: url };
  if (url.endsWith(".db") && !/^[a-z][a-z0-9+.-]+:/i.test(url)) return { store: "sqlite", target: url };
  throw badTarget(name, inBrief(masked(url)), `; ${accepted}`);
}

function openConnection(connection: MongooseConnection, name: string): MongooseConnection {
  if (isMongoDatabase(connection.db)) return connection;
  throw badTarget(name, "a connection of Mongoose that is not open", "; await mongoose.connect() first, or give a URL");
}

function isMongoDatabase(value: unknown): value is MongoDatabase {
  if (typeof value !== "object" || value === null || !has(value, "collection")) return false;
  return typeof (value as MongoDatabase).databaseName === "string";
}

function badTarget(name: string, what: string, rest: string): Error {
  return dayjobError("BAD_TARGET", `${name} is ${what}${rest}`);
}

function has(target: object, method: string): boolean {
  return typeof (target as Record<string, unknown>)[method] === "function";
}
