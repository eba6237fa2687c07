// The documentation site: the repository's own pages; the README is its front page.
import { cpSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitepress";

const docs = dirname(dirname(fileURLToPath(import.meta.url)));
const root = dirname(docs);
const { version, description } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const icon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="4" fill="#3451b2"/>\
<path d="M4 8.5 7 11.5 12 5" fill="none" stroke="#fff" stroke-width="2"/></svg>`;

// Copies that stand to each other as in the repository, so that their links hold, and below this package, whose modules they need.
rmSync(join(docs, ".site"), { recursive: true, force: true });
for (const page of ["README", "CHANGELOG", "CONTRIBUTING", "SECURITY", "examples/README"])
  cpSync(join(root, `${page}.md`), join(docs, ".site", `${page}.md`));
for (const page of readdirSync(docs).filter((name) => /\.(md|svg)$/.test(name)))
  cpSync(join(docs, page), join(docs, ".site/docs", page));

export default defineConfig({
  title: "dayjob",
  description,
  lang: "en",
  srcDir: ".site",
  rewrites: { "README.md": "index.md" },
  cleanUrls: true,
  head: [["link", { rel: "icon", href: `data:image/svg+xml,${encodeURIComponent(icon)}` }]],
  // A file and a folder, which the repository shows and the site does not.
  ignoreDeadLinks: [/LICENSE$/, /github-webhooks$/],
  themeConfig: {
    nav: [{ text: `Version ${version}`, link: "/CHANGELOG" }],
    sidebar: [
      {
        text: "Use it",
        items: [
          { text: "Start", link: "/" },
          { text: "Options and events", link: "/docs/options" },
          { text: "Data", link: "/docs/data" },
          { text: "Deployment", link: "/docs/deployment" },
          { text: "Errors", link: "/docs/errors" },
          { text: "Examples", link: "/examples/README" },
          { text: "From Go", link: "/docs/from-go" },
        ],
      },
      {
        text: "How it works",
        items: [
          { text: "Reliability", link: "/docs/reliability" },
          { text: "Architecture", link: "/docs/architecture" },
          { text: "Rules of the engine", link: "/docs/engine" },
          { text: "Rules of the API", link: "/docs/api" },
          { text: "Cases", link: "/docs/cases" },
          { text: "Benchmarks", link: "/docs/benchmarks" },
        ],
      },
      {
        text: "The project",
        items: [
          { text: "Changelog", link: "/CHANGELOG" },
          { text: "Contributing", link: "/CONTRIBUTING" },
          { text: "Security", link: "/SECURITY" },
        ],
      },
    ],
    outline: { level: [2, 3] },
    search: { provider: "local" },
  },
});
