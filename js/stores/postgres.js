// PostgreSQL through a pool of `pg` that the caller made, or anything whose `query(text, values)` resolves to `{ rows }`.
import { StoreError, asked } from "./contract.js";
import { POSTGRES, sqlGrants, sqlKeys } from "./sql.js";

/** The statements that `migrate` runs. */
export const schema = POSTGRES.schema;

// Two instances that start together would both make a table; whoever has the lock makes it. The number only has to be ours.
// Statements that are sent as one are one transaction.
const LOCKED = `SELECT pg_advisory_xact_lock(7305809149); ${schema.join("; ")}`;

/** Makes the tables that are missing. Repeatable, and safe when several instances start at once. */
export async function migrate(pool) {
  await asked(() => pool.query(LOCKED), () => undefined);
}

/** Keys in a PostgreSQL database. Give the pool of the primary: a replica lags behind a revocation. */
export const postgresKeys = (pool) => sqlKeys(runner(pool), POSTGRES);

/** Grants in a PostgreSQL database. */
export const postgresGrants = (pool, options) => sqlGrants(runner(pool), POSTGRES, options);

function runner(pool) {
  if (typeof pool?.query !== "function") throw new StoreError("options_invalid", "Expected a pool or a client with `query`.");
  const numbered = new Map();
  return async (sql, parameters) => {
    let statement = numbered.get(sql);
    if (statement === undefined) {
      let at = 0;
      numbered.set(sql, (statement = sql.replace(/\?/g, () => `$${(at += 1)}`)));
    }
    const { rows } = await pool.query(statement, parameters);
    return rows;
  };
}
