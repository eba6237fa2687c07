// How many jobs of which kinds may be taken on: one answer for claims and for hand-offs, whatever the gates.
import { describe, expect, it } from "vitest";
import { newId } from "../../src/job/id.ts";
import { blankJob } from "../../src/job/job.ts";
import { Admission } from "../../src/runner/admission/admission.ts";
import type { Gate } from "../../src/runner/admission/gate.ts";
import { gatesOf } from "../../src/runner/admission/gates.ts";
import { InHand } from "../../src/runner/admission/in-hand.ts";
import type { Handler } from "../../src/runner/settings/handler.ts";
import { manualClock } from "../../src/testing/fixtures/manual-clock.ts";

interface Given {
  readonly concurrency?: number;
  readonly most?: number;
  /** The kinds with their own limits. */
  readonly kinds?: Readonly<Record<string, number | undefined>>;
  readonly gates?: readonly Gate[];
}

function made({ concurrency = 10, most = Number.POSITIVE_INFINITY, kinds = { k: undefined }, gates = [] }: Given) {
  const inHand = new InHand();
  const state = { started: 0, pending: 0, isSure: true };
  const lease = {
    get isSure() {
      return state.isSure;
    },
    sure: async () => {},
  };
  const handlers = Object.entries(kinds).map(([kind, limit]) => ({ kind, concurrency: limit }) as Handler);
  const { started, pending } = { started: () => state.started, pending: () => state.pending };
  const own = gatesOf({ inHand, handlers, concurrency, most, started, pending, lease });
  const parts = { clock: manualClock(), concurrency, lease: 6000, kinds: Object.keys(kinds), inHand };
  return { admission: new Admission({ ...parts, gates: [...own, ...gates] }), state };
}

const jobsOf = (...kinds: readonly string[]) =>
  kinds.map((kind) => {
    const stored = blankJob({ id: newId(), kind });
    return { stored, held: { id: stored.id, token: "t" } };
  });

describe("admission", () => {
  it("counts what runs, what is queued and what is promised against the slots", () => {
    const { admission } = made({});
    expect(admission.roomToClaim(0, false)).toMatchObject({ slots: 10, ahead: 0 });
    const [first, ...others] = jobsOf("k", "k", "k");
    admission.queued([first, ...others].filter((job) => job !== undefined));
    if (first !== undefined) admission.started(first);
    admission.handingOff([{ kind: "k" }], 1);
    expect(admission.roomToClaim(0, false).slots).toBe(6);
    const room = admission.roomToClaim(0, true);
    expect(room.slots).toBe(3);
    admission.claiming(room, 1);
    expect([
      admission.admits([{ kind: "k" }, { kind: "k" }]),
      admission.admits(jobsOf("k", "k", "k").map(() => ({ kind: "k" }))),
    ]).toEqual([true, false]);
    admission.claiming(room, -1);
    admission.handingOff([{ kind: "k" }], -1);
    expect(admission.roomToClaim(0, false).slots).toBe(7);
  });

  it("asks for jobs ahead less those that are queued beyond the free slots", () => {
    const { admission } = made({ concurrency: 2 });
    admission.queued(jobsOf("k", "k", "k", "k", "k"));
    expect(admission.roomToClaim(10, false)).toMatchObject({ slots: 0, ahead: 7, kinds: [{ kind: "k", most: 7 }] });
  });

  it("counts a claim under way against the limit of a kind, for hand-offs as well", () => {
    const { admission } = made({ kinds: { limited: 2, k: undefined } });
    const room = admission.roomToClaim(0, true);
    expect(room).toMatchObject({
      kinds: [
        { kind: "limited", most: 2 },
        { kind: "k", most: 5 },
      ],
      isNarrowed: true,
    });
    expect(admission.admits([{ kind: "limited" }, { kind: "limited" }])).toBe(true);
    expect(admission.admits([{ kind: "limited" }, { kind: "limited" }, { kind: "limited" }])).toBe(false);
    admission.claiming(room, 1);
    expect([admission.admits([{ kind: "limited" }]), admission.admits([{ kind: "k" }])]).toEqual([false, true]);
  });

  it("gives a drain no more than its limit, whatever is asked ahead", () => {
    const { admission, state } = made({ most: 12 });
    expect(admission.roomToClaim(50, false)).toMatchObject({ slots: 10, ahead: 2 });
    state.started = 9;
    admission.queued(jobsOf("k", "k"));
    expect(admission.roomToClaim(50, false)).toMatchObject({ slots: 1, ahead: 0 });
  });

  it("takes on nothing while the lease is not sure, or too many ends wait", () => {
    for (const change of [{ isSure: false }, { pending: 2021 }]) {
      const { admission, state } = made({});
      Object.assign(state, change);
      expect(admission.roomToClaim(50, false)).toMatchObject({ slots: 0, ahead: 0, kinds: [] });
      expect(admission.admits([{ kind: "k" }])).toBe(false);
    }
  });

  it("asks one more gate where there is one: a kind that is paused gets nothing, and does not start", () => {
    const paused: Gate = {
      roomOf: (kind) => (kind === "b" ? 0 : Number.POSITIVE_INFINITY),
      mayStart: (kind) => kind !== "b",
    };
    const { admission } = made({ kinds: { a: undefined, b: undefined }, gates: [paused] });
    expect(admission.roomToClaim(0, false)).toMatchObject({ kinds: [{ kind: "a", most: 10 }], isNarrowed: true });
    expect([admission.admits([{ kind: "a" }]), admission.admits([{ kind: "b" }])]).toEqual([true, false]);
    expect([admission.mayStart("a"), admission.mayStart("b")]).toEqual([true, false]);
  });
});
