// The kits over bun:sqlite, whose databases have the shape of better-sqlite3. Prints what failed as JSON.
import { Database } from "bun:sqlite";
import { createGate } from "../../../../js/entry/node.js";
import * as sqlite from "../../../../js/stores/sqlite.js";
import { runKits } from "./kits.mjs";

const db = new Database(":memory:");
sqlite.migrate(db);
console.log(JSON.stringify(await runKits({ keys: [sqlite.sqliteKeys(db)], grants: [sqlite.sqliteGrants(db)] }, { createGate, seed: Date.now() * 8 })));
