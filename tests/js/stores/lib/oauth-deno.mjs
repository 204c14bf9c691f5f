// The races in Deno: over KV, and over its node:sqlite. Prints what failed as JSON.
import * as oauth from "../../../../js/oauth/entry/node.js";
import { denoKvGrants } from "../../../../js/stores/deno-kv.js";
import { migrate, sqliteGrants } from "../../../../js/stores/sqlite.js";
import { runFlows, slow } from "../../lib/oauth-flows.mjs";

const kv = await globalThis.Deno.openKv(globalThis.Deno.args[0]);
const found = { kv: await runFlows(oauth, () => slow(denoKvGrants(kv))) };
kv.close();
const { DatabaseSync } = await import("node:sqlite");
const db = new DatabaseSync(":memory:");
migrate(db);
console.log(JSON.stringify({ ...found, sqlite: await runFlows(oauth, () => slow(sqliteGrants(db))) }));
