// A folder with a small Debian in which PostgreSQL 18 with the DocumentDB extension is installed, and in it a database
// cluster to copy from. Debian has that package from forky on, and no earlier system can install it in place.
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { builtOnce } from "./cache.mjs";
import { commandPath, run } from "./processes.mjs";

const NAME = "postgres";
const EDITION = "forky, PostgreSQL 18, 1"; // change it when anything below changes what is built
const SUITE = "forky";
const BIN = "/usr/lib/postgresql/18/bin";

/** Paths inside the folder. */
export const POSTGRES = `${BIN}/postgres`;
export const DATA = "/var/lib/dayjob";
export const TEMPLATE = `${DATA}/template`;

// Old systems know neither the suite nor its dates, so the date check is off; signatures are checked all the same.
const APT = ["apt-get", "-o", "Acquire::Check-Valid-Until=false", "-o", "Acquire::Languages=none", "-q"];

// /proc and /dev/shm are mounted for this one command only, in its own mount namespace: nothing stays mounted, whatever
// ends it. `exec` throughout, so that the process that is started is the one that runs in the end.
const ENTER = `
mount -t proc proc "$1/proc" && mount -t tmpfs -o mode=1777 tmpfs "$1/dev/shm" || exit
shift
exec chroot "$@"`;

// A step of the build, with all that it started, must not go on when the process that builds is killed.
const WITH_PARENT = ["setpriv", "--pdeathsig", "KILL", "unshare", "--pid", "--fork", "--kill-child"];

// Background workers for pg_cron (it builds DocumentDB's indexes and does its TTL): its jobs remember the port of the
// server that they were created on, and over TCP would look for it there for ever.
const MAKE_TEMPLATE = `
set -e
${BIN}/initdb -D ${TEMPLATE} -A trust -U postgres --locale=C.UTF-8 --no-sync --no-instructions
cat >> ${TEMPLATE}/postgresql.conf <<END
shared_preload_libraries = 'pg_cron,pg_documentdb_core,pg_documentdb'
cron.database_name = 'postgres'
cron.use_background_workers = on
cron.log_statement = off
cron.log_run = off
max_worker_processes = 32
END
${BIN}/pg_ctl -D ${TEMPLATE} -o "-c listen_addresses='' -c unix_socket_directories=${DATA}" -l ${DATA}/template.log -w start
trap '${BIN}/pg_ctl -D ${TEMPLATE} -m fast -w stop' EXIT
psql -h ${DATA} -U postgres -d postgres -v ON_ERROR_STOP=1 -c 'create extension documentdb cascade'`;

/**
 * The path of the folder, built the first time. Call it inside `withLock` only. Throws an Error that says what is
 * missing where it can't be built.
 * @param {import("./cache.mjs").Log} log
 */
export async function postgresFolder(log) {
  return await builtOnce(NAME, EDITION, async (root) => {
    await installDebootstrap();
    const mirror = await debianMirror();
    log(`mongo: building the test server, 2 of 4: debootstrap (a small Debian ${SUITE})`);
    await debootstrap(root, mirror);
    log("mongo: building the test server, 3 of 4: apt-get install postgresql-18-documentdb");
    await installPostgres(root);
    log("mongo: building the test server, 4 of 4: an empty database to copy from");
    mkdirSync(join(root, DATA), { recursive: true });
    await runInFolder(root, ["chown", "postgres:postgres", DATA]);
    await runInFolder(root, ["sh", "-c", MAKE_TEMPLATE], { user: "postgres" });
  });
}

/**
 * Command and arguments that run something inside the folder, in place of the process that is started.
 * @param {string} root
 * @param {string[]} inside
 * @param {string} [user]
 */
export function insideFolder(root, inside, user = "root") {
  const args = ["--mount", "sh", "-c", ENTER, "sh", root, `--userspec=${user}:${user}`, root, ...inside];
  return { command: "unshare", args, env: environment() };
}

/** @returns {NodeJS.ProcessEnv} */
function environment() {
  const path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  return { ...process.env, PATH: path, LC_ALL: "C", DEBIAN_FRONTEND: "noninteractive" };
}

/**
 * Runs a command inside the folder to its end and returns its output.
 * @param {string} root
 * @param {string[]} inside
 * @param {{ user?: string, env?: NodeJS.ProcessEnv }} [options]
 */
export async function runInFolder(root, inside, { user = "root", env = {} } = {}) {
  const { command, args } = insideFolder(root, inside, user);
  const label = `${inside.join(" ").trim().slice(0, 100)} (in ${root})`;
  return await runWithParent([command, ...args], { env: { ...environment(), ...env }, cwd: "/", label });
}

/**
 * @param {string[]} command
 * @param {import("./processes.mjs").RunOptions} options
 */
async function runWithParent(command, options) {
  const [first = "", ...args] = [...WITH_PARENT, ...command];
  return await run(first, args, options);
}

/** Throws where the folder can neither be built nor used: debootstrap, chroot and mount need root on Linux. */
export function requireRoot() {
  if (process.platform !== "linux") throw new Error("it runs on Linux only");
  if (process.getuid?.() !== 0) throw new Error("only root can build and run it (debootstrap, chroot, mount)");
  const { status } = spawnSync("unshare", ["--mount", "true"]);
  if (status !== 0) throw new Error("this container may not mount anything (no CAP_SYS_ADMIN); chroot needs /proc");
}

async function installDebootstrap() {
  if (commandPath("debootstrap")) return;
  if (!commandPath("apt-get")) throw new Error("debootstrap is missing, and there is no apt-get: install debootstrap");
  await run("apt-get", ["-q", "update"]);
  await run("apt-get", ["-q", "-y", "install", "--no-install-recommends", "debootstrap"], {
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
  });
}

/**
 * The address of the Debian mirror that this machine's apt uses, or `$DAYJOB_DEBIAN_MIRROR`. apt knows what its
 * addresses lead to only after an update.
 */
async function debianMirror() {
  const { DAYJOB_DEBIAN_MIRROR: given } = process.env;
  if (given) return given;
  if (!commandPath("apt-get")) throw new Error("there is no apt-get: set DAYJOB_DEBIAN_MIRROR to a Debian mirror");
  const known = await aptMirror();
  if (known) return known;
  await run("apt-get", ["-q", "update"]);
  const found = await aptMirror();
  if (!found) throw new Error("apt here knows no Debian mirror: set DAYJOB_DEBIAN_MIRROR to the address of one");
  return found;
}

async function aptMirror() {
  const codename = /^VERSION_CODENAME="?([^"\n]+)/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1];
  const format = "$(REPO_URI)|$(RELEASE)|$(ORIGIN)|$(COMPONENT)";
  const targets = (await run("apt-get", ["indextargets", "--format", format])).split("\n");
  return targets
    .map((line) => line.split("|"))
    .filter(([, release, origin, component]) => release === codename && origin === "Debian" && component === "main")
    .map(([uri = ""]) => uri)
    .find((uri) => /^(https?|file):/.test(uri));
}

/**
 * Older debootstraps don't know the suite; it is made like sid.
 * @param {string} root
 * @param {string} mirror
 */
async function debootstrap(root, mirror) {
  const scripts = "/usr/share/debootstrap/scripts";
  const script = existsSync(join(scripts, SUITE)) ? [] : [join(scripts, "sid")];
  const include = mirror.startsWith("https:") ? ["--include=ca-certificates"] : [];
  const options = ["--variant=minbase", "--force-check-gpg", ...include];
  const command = ["unshare", "--mount", "debootstrap", ...options, SUITE, root, mirror, ...script];
  await runWithParent(command, { env: environment(), label: `debootstrap ${SUITE}` });
}

/** @param {string} root */
async function installPostgres(root) {
  for (const file of ["/etc/resolv.conf", "/etc/hosts"]) if (existsSync(file)) copyFileSync(file, join(root, file));
  put(root, "/usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n", 0o755); // no service starts in there
  put(root, "/etc/postgresql-common/createcluster.conf", "create_main_cluster = false\n");
  const unread = ["doc", "man", "locale"].map((name) => `path-exclude=/usr/share/${name}/*\n`).join("");
  put(root, "/etc/dpkg/dpkg.cfg.d/dayjob", `force-unsafe-io\n${unread}`);
  mkdirSync(join(root, "/dev/shm"), { recursive: true });
  await runInFolder(root, [...APT, "update"]);
  await runInFolder(root, [...APT, "-y", "install", "--no-install-recommends", "postgresql-18-documentdb"]);
  await runInFolder(root, ["apt-get", "clean"]);
}

/**
 * @param {string} root
 * @param {string} path
 * @param {string} content
 * @param {number} [mode]
 */
function put(root, path, content, mode = 0o644) {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), content, { mode });
}
