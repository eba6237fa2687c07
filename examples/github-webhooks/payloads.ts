// The real payloads that GitHub sends to webhooks, as collected in @octokit/webhooks-examples.
import { createRequire } from "node:module";

interface Event {
  readonly name: string;
  readonly examples: readonly Payload[];
}

/** What the demo reads of a payload; the rest is stored all the same. */
export interface Payload {
  readonly action?: string;
  readonly repository?: { readonly full_name?: string };
  readonly organization?: { readonly login?: string };
  readonly sender?: { readonly login?: string };
}

const require = createRequire(import.meta.url);

/** All payloads by event, such as `pull_request`. */
export const events = require("@octokit/webhooks-examples/api.github.com/index.json") as readonly Event[];

/** The kinds of the demo's jobs: the events' names. */
export const kinds: readonly string[] = events.map(({ name }) => name);
