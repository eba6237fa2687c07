import { describe, it } from "vitest";
import { storeConformance } from "../../src/testing/conformance/store-conformance.ts";
import { mongoPlace, url } from "./test-collections.ts";

describe.skipIf(url === undefined)("the store on MongoDB", () => {
  storeConformance({ describe, it }, mongoPlace);
});
