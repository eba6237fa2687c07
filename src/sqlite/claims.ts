// The claims' facet: handing out jobs, and writing what became of them.
import type { StoredJob } from "../job/job.ts";
import { inOrder } from "../store/claim.ts";
import type { ClaimStore } from "../store/claims.ts";
import { noSession, type SqliteAccess } from "./access.ts";
import { claim } from "./claim.ts";
import { fromPacked, packed } from "./codec.ts";
import type { Connection } from "./driver.ts";
import { finish } from "./finish.ts";
import { firstDue } from "./first-due.ts";
import { note } from "./note.ts";
import { is } from "./status-sql.ts";

export function claimStoreOf(access: SqliteAccess): ClaimStore {
  return {
    // Unsynced where that changes nothing: after a power cut the job is due again, as a claimed one would be in the end.
    claim: (request, timeout) =>
      access.writeUnsynced(timeout, (connection, synced) => claim(connection, request, synced)),
    claimed: (token, timeout) => access.read(timeout, (connection) => claimed(connection, token)),
    firstDue: (kinds, horizon, timeout) => access.read(timeout, (connection) => firstDue(connection, kinds, horizon)),
    finish: (batch, timeout) => access.write(timeout, (connection) => finish(connection, batch)),
    complete: async () => {
      throw noSession("complete");
    },
    note: (notes, timeout) => access.write(timeout, (connection) => note(connection, notes)),
  };
}

function claimed(connection: Connection, token: string): StoredJob[] {
  const sql = `select ${packed} from dayjob_jobs indexed by dayjob_held where ${is.working} and token = ?`;
  return connection.all(sql, token).map(fromPacked).sort(inOrder);
}
