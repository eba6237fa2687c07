// A fresh store of each sort, for properties.

import { openSqliteStore } from "../../src/sqlite/open.ts";
import type { Store } from "../../src/store/store.ts";
import { memoryStore } from "../../src/testing/memory/store.ts";
import { mongoPlace, url } from "../mongodb/test-collections.ts";

export interface PropertyStore {
  readonly name: string;
  readonly store: Store;
  readonly dispose: () => Promise<void>;
}

/** SQLite always, MongoDB where there is one, and the memory store, which is the model of the simulation. */
export async function propertyStores(): Promise<readonly PropertyStore[]> {
  const sqlite = await openSqliteStore(":memory:", { timeout: 10_000 });
  const memory = memoryStore();
  const stores: PropertyStore[] = [
    { name: "SQLite", store: sqlite, dispose: () => sqlite.close() },
    { name: "memory", store: memory, dispose: () => memory.close() },
  ];
  if (url !== undefined) {
    const place = await mongoPlace();
    stores.push({ name: "MongoDB", store: place.store, dispose: () => place.dispose() });
  }
  for (const { store } of stores) await store.migrate(20_000);
  return stores;
}
