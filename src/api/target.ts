// What `open` opens, by its shape: no type of a driver stands in a declaration, since those of two versions do not fit each other.

/** A database of the MongoDB driver. */
export interface MongoDatabase {
  readonly databaseName: string;
  collection(name: string, ...rest: never[]): unknown;
}

/** A client of the MongoDB driver. */
export interface MongoConnection {
  db(name?: string): unknown;
  startSession(...rest: never[]): unknown;
}

/** A connection of Mongoose; once it is open, `db` is its database. */
export interface MongooseConnection {
  readonly db?: MongoDatabase | undefined;
  getClient(): unknown;
}

/** An open database of node:sqlite, libsql or better-sqlite3. */
export interface SqliteDatabase {
  prepare(sql: string): unknown;
  exec(sql: string): unknown;
}

export type Target = string | MongoDatabase | MongoConnection | MongooseConnection | SqliteDatabase;
