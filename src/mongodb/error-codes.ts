// The codes of servers' errors, each with its name (src/mongo/base/error_codes.yml of MongoDB) or its meaning.

/** FerretDB's code for PostgreSQL's "deadlock detected" (40P01): of two batches that cross, one is let through. */
export const deadlock = 16908292;
export const writeConflict = 112;
export const duplicateKey = 11000;
export const outOfDiskSpace = 14031;
export const authenticationFailed = 18;
export const unauthorized = 13;
export const namespaceNotFound = 26;
export const indexNotFound = 27;
export const badValue = 2;
/** Of MongoDB Atlas, for much: what it is about stands in the message alone. */
export const atlasError = 8000;

/** What passes by itself: the same command may succeed later. */
const passing: Readonly<Record<string, number>> = {
  // FerretDB says these two when its database is away or has found a deadlock.
  internalError: 1,
  unknownError: 8,

  // Connections.
  hostUnreachable: 6,
  hostNotFound: 7,
  networkTimeout: 89,
  pooledConnectionsDropped: 145,
  networkInterfaceExceededTimeLimit: 202,
  clientDisconnect: 279,
  pooledConnectionAcquisitionExceededTimeLimit: 407,
  socketException: 9001,

  // New connections, while credentials are changed.
  authenticationFailed,
  reauthenticationRequired: 391,

  // Elections, stops and starts of a server.
  shutdownInProgress: 91,
  notYetInitialized: 94,
  primarySteppedDown: 189,
  cannotVerifyAndSignLogicalTime: 210,
  keyNotFound: 211,
  legacyNotPrimary: 10058,
  notWritablePrimary: 10107,
  interruptedAtShutdown: 11600,
  interrupted: 11601,
  interruptedDueToReplStateChange: 11602,
  notPrimaryNoSecondaryOk: 13435,
  notPrimaryOrSecondary: 13436,
  interruptedDueToStorageChange: 355,

  // A majority, or another member that is asked for, is not there.
  writeConcernTimeout: 64,
  unsatisfiableWriteConcern: 100,
  failedToSatisfyReadPreference: 133,
  readConcernMajorityNotAvailableYet: 134,

  // Sharded clusters: a router that knows its shards of old, and shards that move.
  staleShardVersion: 63,
  noProgressMade: 82,
  noConfigPrimary: 149,
  staleEpoch: 150,
  shardingStateNotInitialized: 203,
  staleDbVersion: 249,
  movePrimaryInProgress: 319,
  staleConfig: 13388,

  // Locks, cursors and plans that others took away, and time limits.
  lockTimeout: 24,
  cursorNotFound: 43,
  lockBusy: 46,
  maxTimeMSExpired: 50,
  callbackCanceled: 90,
  writeConflict,
  queryPlanKilled: 175,
  cursorKilled: 237,
  exceededTimeLimit: 262,
  deadlock,

  // A server that has too much to do, or takes no writes for now.
  temporarilyUnavailable: 365,
  userWritesBlocked: 371,
  resourceExhausted: 402,
  admissionQueueOverflow: 433,
  rateLimitExceeded: 449,
  ingressRequestRateLimitExceeded: 462,
  // Of Azure Cosmos DB.
  requestRateTooLarge: 16500,
};

export const passingCodes: ReadonlySet<number> = new Set(Object.values(passing));
/** What does not go away by itself, and is never the fault of a document. */
export const othersCodes: ReadonlySet<number> = new Set([unauthorized, atlasError, outOfDiskSpace]);
