// The stores as users get them: every subpath resolves, is packed with its types, and needs nothing that is not in the package.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, it } from "node:test";
import { build } from "esbuild";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const about = JSON.parse(readFileSync(`${root}package.json`, "utf8"));
const entries = Object.entries(about.exports).filter(([path]) => path.startsWith("./stores"));

describe("the stores of the package", () => {
  it("are packed with their types", () => {
    const [{ files }] = JSON.parse(execFileSync("npm", ["pack", "--dry-run", "--json", "--silent", "--ignore-scripts"], { cwd: root, encoding: "utf8" }));
    const packed = new Set(files.map(({ path }) => `./${path}`));
    for (const [, { types, default: main }] of entries) for (const path of [types, main]) assert.ok(packed.has(path), path);
    assert.equal(entries.length, 10);
  });

  it("resolve by name, and bring what their types say", async () => {
    for (const [path, { types }] of entries) {
      const found = Object.keys(await import(path.replace(".", "scopegate"))).sort();
      const said = [...readFileSync(`${root}${types}`, "utf8").matchAll(/^export (?:declare )?(?:const|function|class) (\w+)/gm)].map(([, name]) => name).sort();
      assert.deepEqual(found, said, path);
    }
  });

  it("need no module of a runtime and no dependency, and start no WebAssembly", async () => {
    const { metafile } = await build({
      entryPoints: entries.map(([, entry]) => `${root}${entry.default}`), bundle: true, write: false, metafile: true, outdir: root,
      format: "esm", platform: "neutral", logLevel: "error", absWorkingDir: root,
    });
    assert.deepEqual(Object.keys(metafile.inputs).filter((path) => !/^js\/(stores\/.*|core\/(errors|records|store)\.js)/.test(path)), []);
    assert.equal(about.dependencies, undefined);
  });
});
