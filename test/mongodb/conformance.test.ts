import { describe, it } from "vitest";
import { storeConformance } from "../../src/testing/store-conformance.ts";
import { mongoPlace, url } from "./places.ts";

describe.skipIf(url === undefined)("the store on MongoDB", () => {
  storeConformance({ describe, it }, mongoPlace);
});
