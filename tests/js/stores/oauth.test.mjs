// The authorization server over each store with 15 ms of latency: three redemptions of one code and three refreshes at once come to
// one set of tokens, whatever keeps the grants.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { after, before, describe, it } from "node:test";
import { build } from "esbuild";
import * as oauth from "../../../js/oauth/entry/node.js";
import * as postgres from "../../../js/stores/postgres.js";
import { redisGrants } from "../../../js/stores/redis.js";
import * as sqlite from "../../../js/stores/sqlite.js";
import { FLOWS, RACES, runFlows, slow } from "../lib/oauth-flows.mjs";
import { missing, seed } from "./lib/asserted.mjs";

const { DatabaseSync } = await import("node:sqlite").catch(() => ({}));
const { SCOPEGATE_POSTGRES_URL: postgresUrl, SCOPEGATE_REDIS_URL: redisUrl } = process.env;
const root = fileURLToPath(new URL("../../../", import.meta.url));
const lib = fileURLToPath(new URL("lib/", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "scopegate-oauth-"));
const bin = (name) => join(root, "node_modules/.bin", name);
const run = async (command, args) => JSON.parse((await promisify(execFile)(command, args, { cwd: folder, maxBuffer: 2 ** 24 })).stdout);
after(() => rmSync(folder, { recursive: true, force: true }));

const right = ({ failures, count }) => assert.deepEqual([failures, count], [[], RACES.length + FLOWS.length]);
/** The first handle and the second take turns: requests race across connections. */
const turns = (stores) => {
  let turn = 0;
  const methods = Object.keys(stores[0]).filter((name) => typeof stores[0][name] === "function");
  return { ...stores[0], ...Object.fromEntries(methods.map((name) => [name, (...rest) => stores[turn++ % stores.length][name](...rest)])) };
};

describe("SQLite", { skip: missing(DatabaseSync, "this Node has no node:sqlite, which came with 22.5") }, () => {
  it("on two handles of one file", async () => {
    const handles = [0, 1].map(() => new DatabaseSync(join(folder, "test.db")));
    handles.forEach(sqlite.migrate);
    right(await runFlows(oauth, () => slow(turns(handles.map((db) => sqlite.sqliteGrants(db))))));
    for (const db of handles) db.close();
  });
});

describe("PostgreSQL", { skip: missing(postgresUrl, "there is no SCOPEGATE_POSTGRES_URL: run it under scripts/with-services") }, () => {
  it("on two pools", async () => {
    const { default: pg } = await import("pg");
    const name = `o${seed()}`;
    const pools = [0, 1].map(() => new pg.Pool({ connectionString: postgresUrl, options: `-c search_path=${name}` }));
    try {
      await pools[0].query(`CREATE SCHEMA ${name}`);
      await postgres.migrate(pools[0]);
      right(await runFlows(oauth, () => slow(turns(pools.map((pool) => postgres.postgresGrants(pool))))));
    } finally {
      await pools[0].query(`DROP SCHEMA ${name} CASCADE`);
      await Promise.all(pools.map((pool) => pool.end()));
    }
  });
});

describe("Redis", { skip: missing(redisUrl, "there is no SCOPEGATE_REDIS_URL: run it under scripts/with-services") }, () => {
  it("on two clients", async () => {
    const { createClient } = await import("redis");
    const clients = await Promise.all([0, 1].map(() => createClient({ url: redisUrl }).connect()));
    try {
      const prefix = `{oauth-${seed()}}`;
      right(await runFlows(oauth, () => slow(turns(clients.map((client) => redisGrants(client, { prefix }))))));
    } finally {
      await Promise.all(clients.map((client) => client.close()));
    }
  });
});

describe("in workerd", () => {
  let worker;
  before(async () => {
    const { Miniflare } = await import("miniflare");
    await build({
      entryPoints: [join(lib, "oauth-worker.mjs")], outdir: folder, outExtension: { ".js": ".mjs" }, bundle: true, format: "esm", target: "es2023",
      conditions: ["workerd", "worker"], loader: { ".wasm": "copy" }, assetNames: "[name]", logLevel: "error",
    });
    worker = new Miniflare({
      modules: [{ type: "ESModule", path: join(folder, "oauth-worker.mjs") }, { type: "CompiledWasm", path: join(folder, "scopegate_oauth_bg.wasm") }],
      modulesRoot: folder, compatibilityDate: "2026-05-01", kvNamespaces: ["KV"], d1Databases: { DB: "db" },
      durableObjects: { STORE: "ScopegateStore" },
    });
  });
  after(() => worker?.dispose());
  const ask = async (path) => (await worker.dispatchFetch(`http://localhost/${path}`)).json();

  it("on D1", async () => right(await ask("d1")));
  it("on Durable Objects", async () => right(await ask("objects")));
  it("Workers KV is refused", async () => assert.deepEqual(await ask("kv"), ["store_lacks_cas", "store_lacks_cas"]));
});

describe("in Deno", { skip: missing(existsSync(bin("deno")), "Deno is not installed") }, () => {
  it("on KV and SQLite", async () => {
    const found = await run(bin("deno"), ["run", "--unstable-kv", "--no-prompt", "--allow-read", `--allow-write=${folder}`, join(lib, "oauth-deno.mjs"), join(folder, "kv.db")]);
    right(found.kv);
    right(found.sqlite);
  });
});

describe("in Bun", { skip: missing(existsSync(bin("bun")), "Bun is not installed") }, () => {
  it("on SQLite", async () => right(await run(bin("bun"), ["run", join(lib, "oauth-bun.mjs")])));
});
