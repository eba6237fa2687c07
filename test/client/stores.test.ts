import { afterEach, beforeEach, describe } from "vitest";
import { type Place, testStores } from "../setup/stores.ts";
import { clientRules } from "./client-rules.ts";

for (const store of testStores) {
  describe(`the client on ${store.name}`, () => {
    let place: Place;
    beforeEach(() => {
      place = store.place();
    });
    afterEach(() => place.dispose());
    clientRules((options) => place.open(options));
  });
}
