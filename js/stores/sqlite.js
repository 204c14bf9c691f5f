// SQLite through a database that the caller opened: node:sqlite (Node 22.5, Deno, Bun), bun:sqlite, better-sqlite3 and what has
// their shape. They answer at once, so `gate.decideSync` works.
import { StoreError, outage } from "./contract.js";
import { SQLITE, sqlGrants, sqlKeys } from "./sql.js";

const BUSY = 5000;

/** The statements that `migrate` runs. */
export const schema = SQLITE.schema;

/** Makes the tables that are missing. Repeatable. */
export function migrate(db) {
  try {
    for (const statement of schema) db.prepare(statement).run();
  } catch (thrown) {
    throw outage(thrown);
  }
}

/** Keys in an SQLite database. */
export const sqliteKeys = (db) => sqlKeys(runner(db), SQLITE);

/** Grants in an SQLite database. */
export const sqliteGrants = (db, options) => sqlGrants(runner(db), SQLITE, options);

function runner(db) {
  if (typeof db?.prepare !== "function") throw new StoreError("options_invalid", "Expected an open database with `prepare`.");
  const statements = new Map();
  // Another process that writes is waited for, unless the database was told how long already.
  const [wait] = db.prepare("PRAGMA busy_timeout").all();
  if (wait?.timeout === 0) db.prepare(`PRAGMA busy_timeout = ${BUSY}`).all();
  return (sql, parameters) => {
    let statement = statements.get(sql);
    if (statement === undefined) statements.set(sql, (statement = db.prepare(sql)));
    // better-sqlite3 wants `run` for statements that give no rows.
    if (/^\s*SELECT|RETURNING/.test(sql)) return statement.all(...parameters);
    statement.run(...parameters);
    return [];
  };
}
