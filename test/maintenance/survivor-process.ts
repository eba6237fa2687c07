// Run by large-data.test.ts with little memory: takes over what a dead runner left, runs it, and prints how many runs there were.
import { open } from "../../src/open.ts";

const [url = "", collection = ""] = process.argv.slice(2);
const jobs = await open(url, url.startsWith("mongodb") ? { collection } : {});
let runs = 0;
const runner = jobs.runner("survivor", "k", () => void runs++, { lease: "2s" });
runner.on("error", ({ error, during }) => console.error(during, error));
await runner.start();
while ((await jobs.count({ status: "success" })) < 400) await new Promise((resolve) => setTimeout(resolve, 100));
await jobs.close();
console.log(JSON.stringify({ runs }));
