import { describe, it } from "vitest";
import { storeConformance } from "../../src/testing/conformance/store-conformance.ts";
import { memoryData } from "../../src/testing/memory/data.ts";
import { memoryStore } from "../../src/testing/memory/store.ts";

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
