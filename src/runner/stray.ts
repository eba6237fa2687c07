// A promise that a handler let go of, and that rejects later, would end the whole process (Node's default), with every job
// that runs in it. While a runner runs, and nobody else listens for unhandled rejections, it becomes an `error` event.

type Told = (error: unknown) => void;

const runners = new Set<Told>();

/** Begins to listen for one runner; the returned function ends it. The last one takes the process's listener away. */
export function hearStrays(told: Told): () => void {
  if (runners.size === 0) process.on("unhandledRejection", heard);
  runners.add(told);
  return () => {
    runners.delete(told);
    if (runners.size === 0) process.off("unhandledRejection", heard);
  };
}

function heard(reason: unknown): void {
  if (process.listenerCount("unhandledRejection") > 1) return;
  for (const told of runners) told(reason);
}
