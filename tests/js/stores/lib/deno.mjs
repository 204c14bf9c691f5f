// The kits in Deno: KV on two handles of one database, and its node:sqlite. Prints what failed as JSON.
import { createGate } from "../../../../js/entry/node.js";
import { denoKvGrants, denoKvKeys } from "../../../../js/stores/deno-kv.js";
import * as sqlite from "../../../../js/stores/sqlite.js";
import { runKits } from "./kits.mjs";

const [path] = globalThis.Deno.args;
const seed = Date.now() * 8;
const kvs = [await globalThis.Deno.openKv(path), await globalThis.Deno.openKv(path)];
const kv = await runKits({ keys: kvs.map((kv) => denoKvKeys(kv)), grants: kvs.map((kv) => denoKvGrants(kv)) }, { createGate, seed });
for (const handle of kvs) handle.close();
const { DatabaseSync } = await import("node:sqlite");
const db = new DatabaseSync(":memory:");
sqlite.migrate(db);
const own = await runKits({ keys: [sqlite.sqliteKeys(db)], grants: [sqlite.sqliteGrants(db)] }, { createGate, seed });
console.log(JSON.stringify({ kv, sqlite: own }));
