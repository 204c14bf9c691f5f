import type { KeyRecord } from "../index.js";
import type { Cursor, GrantOptions, GrantStore, KeyStore, KeyUse } from "./index.js";

/** Answers at once, so that `gate.decideSync` works. */
export interface SyncKeyStore extends KeyStore {
  find(id: string): KeyRecord | null;
  insert(record: KeyRecord): "done" | "exists";
  update(id: string, expectedVersion: number, record: KeyRecord): "done" | "conflict" | "missing";
  list(owner: string, after: Cursor | null, limit: number): KeyRecord[];
  touch(uses: Iterable<KeyUse>): void;
}

/** Keys in memory: for tests, demonstrations and single processes that may forget. */
export function memoryKeys(): SyncKeyStore;

/** Grants in memory. */
export function memoryGrants(options?: GrantOptions): GrantStore;
