// What a step of the schema is on SQLite: statements, made in one transaction with all other steps that a file lacks.
import type { SchemaStep } from "../../store/schema.ts";

/** Once released, a step is never changed: what comes after it is a step of its own. */
export interface Step extends SchemaStep {
  readonly statements: readonly string[];
}
