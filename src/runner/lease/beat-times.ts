// The moments of beats: those that share an origin beat together, which lets their beats be one write.

/** A moment that is closer than this is taken for the one that has just been: timers may fire early. */
const tooClose = 5;

/** Milliseconds from `now` to the next moment; there is one each `interval` from `origin` on. */
export function untilNextBeat(origin: number, interval: number, now: number): number {
  const left = interval - ((now - origin) % interval);
  return left < tooClose ? left + interval : left;
}
