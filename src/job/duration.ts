// Durations as users write them: milliseconds, or a string such as "500ms", "90s", "1h30m", "2d".
import parse from "parse-duration";
import { dayjobError, inBrief } from "../errors.ts";

/** Milliseconds, or text: numbers with the units ms, s, m, h, d, w, largest first ("1h30m"). */
export type Duration = number | string;

const shape = /^(?:\d+(?:\.\d+)?(?:ms|s|m|h|d|w))+$/;

/** The longest duration taken, in days and in milliseconds. */
const mostDays = 36_500;
const longest = mostDays * 86_400_000;

/**
 * Milliseconds of a text, for settings that come from the environment.
 *
 * @throws BAD_OPTION for a text that is no duration: "5", "soon", "", "1 hour".
 */
export function parseDuration(text: string): number {
  return milliseconds(text, "duration");
}

/**
 * Milliseconds of a duration that was given as the option `name`.
 *
 * @throws BAD_OPTION for what is no duration, is negative, or is below `least` milliseconds or over 100 years.
 */
export function milliseconds(given: unknown, name: string, least = 0): number {
  const value = typeof given === "string" ? fromText(given) : given;
  if (typeof value !== "number" || !(value >= least && value <= longest)) {
    throw dayjobError(
      "BAD_OPTION",
      `${name} is ${inBrief(given)}; give milliseconds of ${least} or more as a number, or a string such as "500ms", "90s", "1h30m" or "2d"; at most "${mostDays}d" (100 years)`,
    );
  }
  return value;
}

function fromText(text: string): number | undefined {
  const trimmed = text.trim();
  return shape.test(trimmed) ? (parse(trimmed) ?? undefined) : undefined;
}
