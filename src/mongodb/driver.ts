// What we use of MongoDB's driver, as structural types: drivers 6 and 7 and Mongoose's own copy all fit, and no type of any of
// them stands in a declaration file (docs/api.md, "no driver types").
import type { Bson } from "../job/data.ts";

export type Doc = Readonly<Record<string, unknown>>;

/** The driver's BSON namespace; `BSONRegExp` keeps the flags of a pattern that the driver's own reading of RegExp loses. */
export interface MongoBson extends Bson {
  readonly BSONRegExp: new (pattern: string, options?: string) => object;
}

export interface DriverCursor {
  toArray(): Promise<Doc[]>;
}

export interface DriverStream {
  on(event: string, listener: (event: unknown) => void): unknown;
  tryNext(): Promise<unknown>;
  close(): Promise<void>;
}

export interface UpdateResult {
  readonly matchedCount: number;
  readonly modifiedCount: number;
  readonly upsertedCount: number;
}

export interface DriverCollection {
  find(filter: Doc, options: Doc): DriverCursor;
  aggregate(pipeline: readonly Doc[], options: Doc): DriverCursor;
  countDocuments(filter: Doc, options: Doc): Promise<number>;
  insertOne(document: Doc, options: Doc): Promise<unknown>;
  insertMany(documents: readonly Doc[], options: Doc): Promise<unknown>;
  updateOne(filter: Doc, update: Doc | readonly Doc[], options: Doc): Promise<UpdateResult>;
  updateMany(filter: Doc, update: Doc | readonly Doc[], options: Doc): Promise<UpdateResult>;
  bulkWrite(operations: readonly Doc[], options: Doc): Promise<UpdateResult>;
  deleteOne(filter: Doc, options: Doc): Promise<unknown>;
  deleteMany(filter: Doc, options: Doc): Promise<{ readonly deletedCount: number }>;
  createIndexes(indexes: readonly Doc[], options: Doc): Promise<unknown>;
  listIndexes(options: Doc): DriverCursor;
  dropIndex(name: string, options: Doc): Promise<unknown>;
  watch(pipeline: readonly Doc[], options: Doc): DriverStream;
}

export interface DriverDatabase {
  readonly databaseName: string;
  collection(name: string, options: Doc): DriverCollection;
  command(command: Doc, options: Doc): Promise<Doc>;
}

export interface DriverSession {
  readonly hasEnded: boolean;
  readonly client: unknown;
  inTransaction(): boolean;
  startTransaction(): void;
  commitTransaction(): Promise<unknown>;
  endSession(): Promise<void>;
}

export interface DriverClient {
  db(name?: string, options?: Doc): DriverDatabase;
  connect(): Promise<unknown>;
  close(): Promise<void>;
  startSession(): DriverSession;
  on(event: string, listener: (event: unknown) => void): unknown;
}

/** The driver as a module: what `import("mongodb")` and `mongoose.mongo` are. */
export interface DriverModule {
  readonly BSON: MongoBson;
  readonly MongoClient: new (url: string, options: Doc) => DriverClient;
}
