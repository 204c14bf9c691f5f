import type { GrantStore, KeyStore } from "./index.js";

/** What is needed of a connected client of `redis`. */
export interface RedisClient {
  eval(script: string, options: { keys: string[]; arguments: string[] }): Promise<any>;
}

export interface RedisOptions {
  /** What the names of keys begin with: `{scopegate-js}`. Keep the braces in a cluster: scripts touch several keys at once. */
  prefix?: string;
}

/** Keys in Redis 6.2 or later. */
export function redisKeys(client: RedisClient, options?: RedisOptions): KeyStore;
/** Grants in Redis, which forgets what expired by its own clock. */
export function redisGrants(client: RedisClient, options?: RedisOptions): GrantStore;
