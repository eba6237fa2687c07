// What this runner holds by its own word: the running and waiting jobs, those whose end is not acknowledged yet, and the
// tokens of claims that are under way. What the store says beyond that is given back (ENGINE.md 4).
import type { Held } from "../store/store.ts";

export class Holdings {
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
