import { describe, it } from "vitest";
import { storeConformance } from "../../src/testing/conformance/store-conformance.ts";
import type { StorePlace } from "../../src/testing/conformance/suite.ts";
import { memoryData } from "../../src/testing/memory/data.ts";
import { memoryStore } from "../../src/testing/memory/store.ts";
import { memoryLacks } from "./collect.ts";

describe("the memory store", () => {
  const place = async (): Promise<StorePlace> => {
    const data = memoryData();
    return { store: memoryStore({ data }), another: async () => memoryStore({ data }), dispose: async () => {} };
  };
  storeConformance({ describe, it, skip: it.skip }, place, { lacks: memoryLacks });
});
