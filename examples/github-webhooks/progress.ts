// The demo's display: one line that is drawn anew on a terminal, a line now and then in a pipe.
import type { RunnerProcess } from "./processes.ts";

export interface Progress {
  /** Says something that stays. */
  say(line: string): void;
  update(done: number, runners: readonly RunnerProcess[]): void;
  end(): void;
}

export function progressOf(total: number, out: NodeJS.WriteStream = process.stdout): Progress {
  return out.isTTY ? onTerminal(total, out) : inPipe(total, out);
}

function onTerminal(total: number, out: NodeJS.WriteStream): Progress {
  let line = "";
  let drawn = 0;
  const clear = "\r\u001B[2K";
  return {
    say: (text) => void out.write(`${clear}${text}\n${line}`),
    update(done, runners) {
      const filled = Math.round((done / total) * 24);
      const each = runners.map(({ name, ended, inFlight }) => `${name} ${ended}+${inFlight.size}`).join("  ");
      line = `${"█".repeat(filled)}${"░".repeat(24 - filled)} ${done}/${total}  ${each}`.slice(0, out.columns - 1);
      if (done < total && Date.now() - drawn < 40) return;
      drawn = Date.now();
      out.write(clear + line);
    },
    end: () => void out.write(line === "" ? "" : "\n"),
  };
}

function inPipe(total: number, out: NodeJS.WriteStream): Progress {
  let said = 0;
  return {
    say: (text) => void out.write(`${text}\n`),
    update(done) {
      const quarter = Math.floor((done / total) * 4);
      if (quarter === said) return;
      said = quarter;
      out.write(`${done} of ${total} have succeeded\n`);
    },
    end: () => {},
  };
}
