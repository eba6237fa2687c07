// What a runner is to the store: who it is, and what it holds.
import { newId } from "../../job/id.ts";
import type { Held } from "../../store/claims.ts";

/** Its name, and an instance id that is new at each start, and again when it finds itself dead. */
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

/**
 * What it holds by its own word: the running and waiting jobs, those whose end is not acknowledged yet, and the tokens of
 * claims that are under way. What the store says beyond that is given back (docs/engine.md, "unknown claims").
 */
export class HeldClaims {
  readonly #jobs = new Map<string, string>();
  readonly #tokens = new Set<string>();

  /** To be called before the token is sent. */
  expect(token: string): void {
    this.#tokens.add(token);
  }

  /** The claim of this token is settled: its jobs are held by name, or it has none. */
  settled(token: string): void {
    this.#tokens.delete(token);
  }

  hold(held: Held): void {
    this.#jobs.set(held.id, held.token);
  }

  release(held: Held): void {
    if (this.#jobs.get(held.id) === held.token) this.#jobs.delete(held.id);
  }

  knows(held: Held): boolean {
    return this.#tokens.has(held.token) || this.#jobs.get(held.id) === held.token;
  }

  clear(): void {
    this.#jobs.clear();
    this.#tokens.clear();
  }

  get size(): number {
    return this.#jobs.size;
  }

  /** Whether a claim is under way whose answer is not known. */
  get uncertain(): boolean {
    return this.#tokens.size > 0;
  }
}
