import type { GrantOptions, GrantStore, KeyStore } from "./index.js";

/** What is needed of a `D1Database`. */
export interface D1 {
  prepare(sql: string): D1Statement;
  batch(statements: any[]): Promise<unknown>;
}

export interface D1Statement {
  bind(...parameters: any[]): { all(): Promise<{ results: any[] }> };
}

/** The statements that `migrate` runs; also for `wrangler d1 migrations`. */
export const schema: readonly string[];
/** Makes the tables that are missing. Repeatable; not for every request. */
export function migrate(db: D1): Promise<void>;
/** Keys in D1. A session other than `withSession("first-primary")` may read a replica that lags behind a revocation. */
export function d1Keys(db: D1): KeyStore;
/** Grants in D1. */
export function d1Grants(db: D1, options?: GrantOptions): GrantStore;
