import type { GrantOptions, GrantStore, KeyStore } from "./index.js";

/** What is needed of a `Pool` of `pg`. */
export interface PostgresPool {
  query(text: string, values?: any[]): Promise<{ rows: any[] }>;
}

/** The statements that `migrate` runs. */
export const schema: readonly string[];
/** Makes the tables that are missing. Repeatable, and safe when several instances start at once. */
export function migrate(pool: PostgresPool): Promise<void>;
/** Keys in a PostgreSQL database, by the pool of its primary; call `migrate` before. */
export function postgresKeys(pool: PostgresPool): KeyStore;
/** Grants in a PostgreSQL database; call `migrate` before. */
export function postgresGrants(pool: PostgresPool, options?: GrantOptions): GrantStore;
