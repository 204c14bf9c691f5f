// Cloudflare D1 through the binding of a Worker.
import { StoreError, asked } from "./contract.js";
import { SQLITE, sqlGrants, sqlKeys } from "./sql.js";

/** The statements that `migrate` runs; also for `wrangler d1 migrations`. */
export const schema = SQLITE.schema;

/** Makes the tables that are missing. Repeatable. Call it from a migration, not from every request. */
export async function migrate(db) {
  await asked(() => db.batch(schema.map((statement) => db.prepare(statement))), () => undefined);
}

/** Keys in D1. Give the database itself or `withSession("first-primary")`: another session may read a replica that lags behind. */
export const d1Keys = (db) => sqlKeys(runner(db), SQLITE);

/** Grants in D1. */
export const d1Grants = (db, options) => sqlGrants(runner(db), SQLITE, options);

function runner(db) {
  if (typeof db?.prepare !== "function") throw new StoreError("options_invalid", "Expected a D1 database.");
  return async (sql, parameters) => {
    const { results } = await db.prepare(sql).bind(...parameters).all();
    return results;
  };
}
