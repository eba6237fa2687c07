import { describe, it } from "vitest";
import { memoryData } from "../../src/testing/memory-data.ts";
import { memoryStore } from "../../src/testing/memory-store.ts";
import { storeConformance } from "../../src/testing/store-conformance.ts";

describe("the memory store", () => {
  storeConformance({ describe, it }, async () => {
    const data = memoryData();
    return {
      store: memoryStore({ data }),
      another: async () => memoryStore({ data }),
      dispose: async () => {},
    };
  });
});
