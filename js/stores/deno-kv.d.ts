import type { GrantOptions, GrantStore, KeyStore } from "./index.js";

/** What is needed of a `Deno.Kv`. */
export interface DenoKv {
  get(key: any, options?: any): Promise<any>;
  getMany(keys: any, options?: any): Promise<any>;
  set(key: any, value: unknown): Promise<unknown>;
  list(selector: any, options?: any): AsyncIterable<any>;
  atomic(): any;
}

export interface DenoKvOptions {
  /** The first parts of every key: `["scopegate"]`. */
  prefix?: readonly string[];
}

/** Keys in Deno KV. */
export function denoKvKeys(kv: DenoKv, options?: DenoKvOptions): KeyStore;
/** Grants in Deno KV. */
export function denoKvGrants(kv: DenoKv, options?: DenoKvOptions & GrantOptions): GrantStore;
