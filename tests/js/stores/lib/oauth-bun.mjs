// The races over bun:sqlite. Prints what failed as JSON.
import { Database } from "bun:sqlite";
import * as oauth from "../../../../js/oauth/entry/node.js";
import { migrate, sqliteGrants } from "../../../../js/stores/sqlite.js";
import { runFlows, slow } from "../../lib/oauth-flows.mjs";

const db = new Database(":memory:");
migrate(db);
console.log(JSON.stringify(await runFlows(oauth, () => slow(sqliteGrants(db)))));
