// Who a runner is to the store: its name, and an instance id that is new at each start, and anew if it finds itself dead.
import { newId } from "../job/id.ts";

export class Identity {
  readonly name: string;
  readonly kinds: readonly string[];
  readonly lease: number;
  #instance = newId();

  constructor(name: string, kinds: readonly string[], lease: number) {
    this.name = name;
    this.kinds = kinds;
    this.lease = lease;
  }

  get instance(): string {
    return this.#instance;
  }

  /** A new instance, after the store said that this one is dead: nothing claimed before is ours any more. */
  renew(): void {
    this.#instance = newId();
  }
}
