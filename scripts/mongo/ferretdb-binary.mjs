// FerretDB, which speaks MongoDB's wire protocol in front of PostgreSQL with DocumentDB, compiled from its Go module.
import { copyFileSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { builtOnce } from "./cache.mjs";
import { runInFolder } from "./postgres-folder.mjs";
import { commandPath, run } from "./processes.mjs";

const VERSION = "v2.7.0";
const MODULE = `github.com/FerretDB/FerretDB/v2/cmd/ferretdb@${VERSION}`;
const OLDEST_GO = 21; // 1.21 is the first that fetches the newer toolchain a module asks for

/**
 * The path of the program, compiled the first time: with the machine's own Go, else with Debian's in the PostgreSQL
 * folder. Call it inside `withLock` only.
 * @param {import("./cache.mjs").Log} log
 * @param {Promise<string>} postgresFolder
 */
export async function ferretdbBinary(log, postgresFolder) {
  const directory = await builtOnce("ferretdb", VERSION, async (fresh) => {
    log(`mongo: building the test server, 1 of 4: go install FerretDB ${VERSION}`);
    if (await hasGo()) await compile(fresh);
    else await compileInFolder(await postgresFolder, fresh, log);
  });
  return join(directory, "ferretdb");
}

async function hasGo() {
  if (!commandPath("go")) return false;
  const minor = /go1\.(\d+)/.exec(await run("go", ["version"]))?.[1];
  return Number(minor) >= OLDEST_GO;
}

/** @param {string} target */
async function compile(target) {
  await run("go", ["install", MODULE], { env: { ...process.env, CGO_ENABLED: "0", GOBIN: target } });
}

/**
 * Debian's compiler and what it downloads are removed from the folder again.
 * @param {string} root
 * @param {string} target
 * @param {import("./cache.mjs").Log} log
 */
async function compileInFolder(root, target, log) {
  log("mongo: no Go (1.21 or newer) on PATH, so Debian's is used for FerretDB");
  const scratch = join(root, "go-build");
  const apt = ["apt-get", "-q", "-y"];
  const env = { CGO_ENABLED: "0", GOBIN: "/go-build", GOPATH: "/go-build", GOCACHE: "/go-build/cache" };
  try {
    mkdirSync(scratch, { recursive: true });
    await runInFolder(root, [...apt, "install", "--no-install-recommends", "golang-go"]);
    copyFileSync(certificates(), join(scratch, "certificates.pem"));
    const own = { ...env, GOFLAGS: "-modcacherw", SSL_CERT_FILE: "/go-build/certificates.pem" };
    await runInFolder(root, ["go", "install", MODULE], { env: own });
    await run("mv", [join(scratch, "ferretdb"), target]);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
    await runInFolder(root, [...apt, "purge", "--autoremove", "golang-go"]);
  }
}

/** What this machine trusts: it may reach the module proxy through something that only its own list knows. */
function certificates() {
  return process.env["SSL_CERT_FILE"] || "/etc/ssl/certs/ca-certificates.crt";
}
