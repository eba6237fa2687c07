// Step 2: the key that a job holds is called `uniquekey`. The index of the new name is there before the first document is
// changed, and each document is changed by one write: no job is without its key in between.
import type { Change, Doc, Step } from "./step.ts";

const before: Doc = { kind: 1, holds: 1 };
const finished = [4, 5, 6];

export const step2: Step = {
  version: 2,
  breaking: true,
  jobs: [
    {
      key: { kind: 1, uniquekey: 1 },
      name: "dayjob_uniquekey",
      unique: true,
      partialFilterExpression: { uniquekey: { $exists: true } },
    },
  ],
  drops: ["dayjob_holds"],
  run: rename,
};

/** By the old index, which has nothing but the keys that are held. Where it is not, the rename is done, or there was nothing. */
async function rename(change: Change): Promise<void> {
  for (;;) {
    const ids = (await change.hasIndex(before)) ? await heldIds(change) : [];
    if (ids.length === 0) return;
    await renameIn(change, ids);
    // Ended by a program of this version, before the migration was done: it has let go of the new field alone.
    await change.update({ _id: { $in: ids }, status: { $in: finished } }, { $unset: { holds: "" } });
  }
}

/** Another process that is done with it drops the index, perhaps just now. */
async function heldIds(change: Change): Promise<readonly unknown[]> {
  try {
    return await change.ids({ holds: { $exists: true } }, before);
  } catch (error) {
    if (await change.hasIndex(before)) throw error;
    return [];
  }
}

/** Where another job has taken the key under its new name meanwhile, that one holds it; the others are renamed one by one. */
async function renameIn(change: Change, ids: readonly unknown[]): Promise<void> {
  const those = { _id: { $in: ids }, holds: { $exists: true }, status: { $nin: finished } };
  try {
    await change.update(those, { $rename: { holds: "uniquekey" } });
  } catch (error) {
    if (!change.isDuplicate(error)) throw error;
    if (ids.length === 1) await change.update(those, { $unset: { holds: "" } });
    else for (const id of ids) await renameIn(change, [id]);
  }
}
