// Writes that lost a race for rows: MongoDB repeats them by itself; FerretDB, on PostgreSQL, says "deadlock detected".
import { isRolledBack } from "./errors.ts";

const mostAttempts = 8;

/**
 * One write, made again while it loses races: it was rolled back then, so nothing of it is there. `write` asks for its own
 * time limit each time, which ends the attempts as well.
 */
export async function retryConflicts<T>(write: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await write();
    } catch (error) {
      if (!isRolledBack(error) || attempt === mostAttempts) throw error;
    }
  }
}
