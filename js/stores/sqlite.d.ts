import type { GrantOptions, GrantStore } from "./index.js";
import type { SyncKeyStore } from "./memory.js";

/** What is needed of a database of node:sqlite, bun:sqlite or better-sqlite3. */
export interface SqliteDatabase {
  prepare(sql: string): { all(...parameters: any[]): unknown[]; run(...parameters: any[]): unknown };
}

/** The statements that `migrate` runs. */
export const schema: readonly string[];
/** Makes the tables that are missing. Repeatable. */
export function migrate(db: SqliteDatabase): void;
/** Keys in an SQLite database; call `migrate` before. */
export function sqliteKeys(db: SqliteDatabase): SyncKeyStore;
/** Grants in an SQLite database; call `migrate` before. */
export function sqliteGrants(db: SqliteDatabase, options?: GrantOptions): GrantStore;
