// What the facets of the MongoDB store share.
import type { Collections } from "./collections.ts";
import type { MakeVerb } from "./deadline.ts";
import type { DriverSession } from "./driver.ts";

export interface MongoParts {
  readonly collections: Collections;
  /** The same collections on the heartbeat's own client, where there is one. */
  readonly heartbeatCollections: Collections;
  readonly verb: MakeVerb;
  /** For verbs inside the caller's transaction, whose errors the driver's `withTransaction` must recognise. */
  readonly sessionVerb: MakeVerb;
  /** The session, if writes can be part of its transaction. @throws NO_TRANSACTIONS, WRONG_SESSION. */
  readonly usable: (session: unknown) => DriverSession;
}
