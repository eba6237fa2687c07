// Rounds of faults, one after another, on one store and with processes that live on from round to round.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { newFolder } from "../setup/scratch.ts";
import type { Audit } from "./audit.ts";
import { openStage, type Stage, type StoreName } from "./fault-setup.ts";
import { playRound, type Round } from "./round.ts";
import { Crew, kinds } from "./runner-processes.ts";
import { mountSmallDisk } from "./sqlite-file.ts";

export interface RoundsGiven {
  readonly store: StoreName;
  readonly seed: number;
  /** Milliseconds of faults in a round. */
  readonly lasts: number;
  readonly isOver: () => boolean;
  readonly tell: (line: string) => void;
}

export interface Sum {
  readonly isGood: boolean;
  readonly line: string;
}

const lease = 2000;

export async function playRounds({ store, seed, lasts, isOver, tell }: RoundsGiven): Promise<Sum> {
  const disk = store === "SQLite" ? mountSmallDisk(512) : undefined;
  if (store === "SQLite" && disk === undefined) tell("no disk full: this process may not mount a small disk");
  const stage = await openStage(store, disk?.folder);
  const crew = new Crew(stage, lease);
  const rounds: Round[] = [];
  try {
    await Promise.all([crew.hire(kinds), crew.hire(kinds), crew.hire(kinds.slice(1))]);
    for (let round = 0; round === 0 || !isOver(); round++) {
      const played = await playRound({ stage, crew, disk, seed: seed + round, round, lasts });
      rounds.push(played);
      tell(`seed ${seed + round}: ${lineOf([played])}; ${played.struck.join(", ")}`);
      report(played, seed + round, stage, tell);
      writeFileSync(stage.log, "");
      crew.introduceAll();
    }
  } finally {
    await crew.dismissAll();
    await stage.dispose();
    disk?.remove();
  }
  return { isGood: rounds.every(isGood), line: `${rounds.length} rounds, ${lineOf(rounds)}` };
}

function isGood({ lost, unended, wrong }: Audit): boolean {
  return lost.length + unended.length + wrong.length === 0;
}

/** What is wrong, and where the log of a round that went wrong is kept. */
function report(played: Round, seed: number, stage: Stage, tell: (line: string) => void): void {
  for (const [reason, ids] of Object.entries(played.again)) tell(`  again, ${reason}: ${ids.join(" ")}`);
  if (isGood(played)) return;
  for (const id of played.lost) tell(`  LOST: ${id}`);
  for (const id of played.unended) tell(`  NOT ENDED: ${id}`);
  for (const what of played.wrong) tell(`  WRONG: ${what}`);
  const kept = join(newFolder("faults-log"), `seed-${seed}`);
  const lines = [...stage.effects(), ...played.stored].map((line) => JSON.stringify(line));
  writeFileSync(kept, lines.join("\n"));
  tell(`  the log of effects, and the jobs: ${kept}`);
}

function lineOf(rounds: readonly Round[]): string {
  const total = (of: (round: Round) => number): number => rounds.reduce((sum, round) => sum + of(round), 0);
  const reasons = [...new Set(rounds.flatMap(({ again }) => Object.keys(again)))].sort();
  const again = reasons.map((reason) => `${total((round) => round.again[reason]?.length ?? 0)} ${reason}`);
  const parts = [
    `${total(({ put }) => put)} put`,
    `${total(({ runs }) => runs)} runs`,
    `${total(({ struck }) => struck.length)} faults`,
    `${total(({ lost }) => lost.length)} lost`,
    `${total(({ unended }) => unended.length)} not ended`,
    `run again with a reason: ${again.length === 0 ? "none" : again.join(", ")}`,
    `${total(({ wrong }) => wrong.length)} unexplained`,
  ];
  return parts.join(", ");
}
