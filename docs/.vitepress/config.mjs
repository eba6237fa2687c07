// The documentation site: the repository's own pages where they stand, so that their links hold; the README is its front page.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitepress";

const { version, description } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));

export default defineConfig({
  title: "dayjob",
  description,
  lang: "en",
  srcDir: "..",
  srcExclude: ["bench/**", "test/**", "dist/**", "docs/node_modules/**"],
  rewrites: { "README.md": "index.md" },
  cleanUrls: true,
  // A file and a folder, which the repository shows and the site does not.
  ignoreDeadLinks: [/LICENSE$/, /github-webhooks$/],
  // The pages stand above this package, and would look for it there.
  vite: {
    resolve: {
      alias: [
        { find: "vue/server-renderer", replacement: inVue("server-renderer/index.mjs") },
        { find: /^vue$/, replacement: inVue("dist/vue.runtime.esm-bundler.js") },
      ],
    },
  },
  themeConfig: {
    nav: [{ text: `Version ${version}`, link: "/CHANGELOG" }],
    sidebar: [
      {
        text: "Use it",
        items: [
          { text: "Start", link: "/" },
          { text: "Options and events", link: "/docs/options" },
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

/** @param {string} path */
function inVue(path) {
  return fileURLToPath(new URL(`../node_modules/vue/${path}`, import.meta.url));
}
