import type { KeyRecord } from "../index.js";
import type { KeyReader } from "./index.js";

/** What is needed of a `KVNamespace`. */
export interface KvNamespace {
  get(name: string, options: { type: "text"; cacheTtl?: number }): Promise<string | null>;
  put(name: string, value: string): Promise<void>;
}

export interface WorkersKvOptions {
  /** The store that `publish` copies from. */
  source?: { find(id: string): KeyRecord | null | PromiseLike<KeyRecord | null> };
  /** What the names of keys begin with: `scopegate:`. */
  prefix?: string;
  /** Seconds that a place may keep what it read; KV's default unless given. */
  cacheTtl?: number;
}

/**
 * A copy of another store, to read from at the edge. A revocation is seen late: KV names about a minute and promises nothing. Everything
 * that changes keys is refused with `store_lacks_cas`.
 */
export interface WorkersKvKeys extends KeyReader {
  find(id: string): Promise<KeyRecord | null>;
  /** Seconds after which a change is usually seen everywhere: KV's own figure, not a promise. */
  readonly staleness: number;
  /** Copies a record from the source; call it after each change of the key. A revoked record becomes a tombstone. */
  publish(id: string): Promise<void>;
  /** Always rejects with `store_lacks_cas`. */
  insert(record?: unknown): Promise<never>;
  /** Always rejects with `store_lacks_cas`. */
  update(id?: unknown, expectedVersion?: unknown, record?: unknown): Promise<never>;
  /** Always rejects with `store_lacks_cas`. */
  touch(uses?: unknown): Promise<never>;
  /** Always rejects with `store_lacks_list`. */
  list(owner?: unknown, after?: unknown, limit?: unknown): Promise<never>;
}

/** Keys in Workers KV, to read. */
export function workersKvKeys(kv: KvNamespace, options?: WorkersKvOptions): WorkersKvKeys;

/** Always throws `store_lacks_cas`: in Workers KV a code or a refresh token could be redeemed several times. */
export function workersKvGrants(kv?: unknown): never;
