// The stores that need a runtime of their own: D1, Durable Objects and KV in workerd, Deno KV, and SQLite in Deno and Bun.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { after, before, describe, it } from "node:test";
import { build } from "esbuild";
import { asserted, GRANTS, KEYS, missing, sampleRecord, seed } from "./lib/asserted.mjs";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const lib = fileURLToPath(new URL("lib/", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "scopegate-stores-"));
const bin = (name) => join(root, "node_modules/.bin", name);
const run = async (command, args) => JSON.parse((await promisify(execFile)(command, args, { cwd: folder, maxBuffer: 2 ** 24 })).stdout);
after(() => rmSync(folder, { recursive: true, force: true }));

describe("in workerd", () => {
  let worker;
  before(async () => {
    const { Miniflare } = await import("miniflare");
    await build({
      entryPoints: [join(lib, "worker.mjs")], outdir: folder, outExtension: { ".js": ".mjs" }, bundle: true, format: "esm", target: "es2023",
      conditions: ["workerd", "worker"], loader: { ".wasm": "copy" }, assetNames: "[name]", logLevel: "error",
    });
    worker = new Miniflare({
      modules: [{ type: "ESModule", path: join(folder, "worker.mjs") }, { type: "CompiledWasm", path: join(folder, "scopegate_bg.wasm") }],
      modulesRoot: folder, compatibilityDate: "2026-05-01", kvNamespaces: ["KV"], d1Databases: { DB: "db", SAME: "db" },
      durableObjects: { STORE: "ScopegateStore", SQLITE: { className: "ScopegateStore", useSQLite: true, scriptName: undefined, unsafeUniqueKey: "sqlite" } },
    });
  });
  after(() => worker?.dispose());

  const ask = async (body) => {
    const answer = await worker.dispatchFetch("http://localhost/", { method: "POST", body: JSON.stringify({ seed: seed(), ...body }) });
    return answer.json();
  };
  const table = [
    ["D1 passes the kits on two bindings", "d1", KEYS + GRANTS],
    ["D1 passes them in a session of the primary", "session", KEYS - 2],
    ["Durable Objects pass them, one for each key", "objects", KEYS + GRANTS],
    ["Durable Objects pass them, in shards", "shards", KEYS - 2],
    ["Durable Objects pass them on SQLite, all in one", "one", KEYS - 2 + GRANTS],
  ];
  for (const [name, which, wanted] of table) it(name, async () => asserted(await ask({ run: which }), wanted));

  it("KV shows what was published, and nothing revives a revoked key", async () => {
    const record = sampleRecord();
    const revoked = { ...record, revokedAt: record.createdAt, version: 2 };
    const said = await ask({ run: "kv", input: { record, revoked, id: record.id } });
    assert.deepEqual(said, [null, record, revoked, revoked, revoked]);
  });
});

describe("in Deno", { skip: missing(existsSync(bin("deno")), "Deno is not installed") }, () => {
  it("KV and SQLite pass the kits", async () => {
    const found = await run(bin("deno"), ["run", "--unstable-kv", "--no-prompt", "--allow-read", `--allow-write=${folder}`, join(lib, "deno.mjs"), join(folder, "kv.db")]);
    asserted(found.kv, KEYS + GRANTS);
    asserted(found.sqlite, KEYS - 1 + GRANTS);
  });
});

describe("in Bun", { skip: missing(existsSync(bin("bun")), "Bun is not installed") }, () => {
  it("SQLite passes the kits", async () => asserted(await run(bin("bun"), ["run", join(lib, "bun.mjs")]), KEYS - 1 + GRANTS));
});
