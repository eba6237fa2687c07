// Opens targets that are refused, one after the other, and prints as JSON each one's code and what was left open after it. It
// closes nothing itself, and ends if nothing keeps it alive.
import { existsSync, readdirSync, readlinkSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { isDayjobError, open } from "dayjob";
import { MongoClient } from "mongodb";

const { targets, folder } = JSON.parse(process.argv[2] ?? "") as { targets: string[]; folder: string };

// libsql frees a connection that was closed when its statements are collected.
setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** What keeps this process alive, and which files of the folder are open. */
function left(): string[] {
  const resources = process
    .getActiveResourcesInfo()
    .filter((name) => /^(TCP|TLS|GetAddr|QUERY|MessagePort)/.test(name));
  const descriptors = existsSync("/proc/self/fd") ? readdirSync("/proc/self/fd") : [];
  const files = descriptors.map((name) => {
    try {
      return readlinkSync(`/proc/self/fd/${name}`);
    } catch {
      return "";
    }
  });
  return [...resources, ...files.filter((file) => file.startsWith(`${folder}/`))];
}

const codes: Record<string, unknown> = {};
const leaks: Record<string, string[]> = {};
for (const target of targets) {
  const given = target.startsWith("client:") ? new MongoClient(target.slice("client:".length)) : target;
  codes[target] = await open(given, { timeout: 700 }).then(
    () => "opened",
    (error: unknown) => (isDayjobError(error) ? error.code : String(error)),
  );
  // A socket is gone some turns after its close.
  for (let looks = 0; left().length > 0 && looks < 100; looks++) {
    collect();
    await pause(20);
  }
  if (left().length > 0) leaks[target] = left();
}
console.log(JSON.stringify({ codes, leaks }));
