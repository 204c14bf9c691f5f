import type { Effect, Gate, IssueRequest, KeyRecord, PolicyDocument, ScopegateError } from "../index.js";

type Awaitable<T> = T | PromiseLike<T>;

/** What a store offers. */
export interface Capabilities {
  /** Compare-and-swap: a change goes through on the expected version alone, one at a time. */
  readonly cas: boolean;
  /** What was written is read by everybody who asks after the write returned. */
  readonly readYourWrites: boolean;
  /** Of several that put the same key, one hears `fresh`. */
  readonly putOnce: boolean;
  /** An owner's keys, or somebody's grants, in pages. */
  readonly list: boolean;
}

/** A place in a list: after the record with this time of creation (Unix seconds) and id. */
export interface Cursor {
  createdAt: number;
  id: string;
}

/** A use of a key, at a Unix second. */
export interface KeyUse {
  id: string;
  at: number;
}

/** The part of a key store that a gate needs; give it as `keys` of the gate. */
export interface KeyReader {
  readonly capabilities: Capabilities;
  /** The record, or null when there is none. Throws a `StoreError` when that cannot be said. */
  find(id: string): Awaitable<KeyRecord | null>;
}

/**
 * A store of key records. After `update` has returned, every `find` that starts later sees the change, on every node: a revoked key is
 * refused from the commit on. Methods throw, or reject with, a `StoreError`.
 */
export interface KeyStore extends KeyReader {
  /** Stores a new record unless its id is taken; then nothing changes. */
  insert(record: KeyRecord): Awaitable<"done" | "exists">;
  /**
   * Replaces the record whose stored version is `expectedVersion` by a newer one that undoes no revocation and has the same owner and time of
   * creation, by which records are listed. `conflict`: read again, decide again. The last use of the key stays as it is stored.
   */
  update(id: string, expectedVersion: number, record: KeyRecord): Awaitable<"done" | "conflict" | "missing">;
  /** An owner's records after a place, oldest first, ties by id as bytes; at most `limit` and at most 100. */
  list(owner: string, after: Cursor | null, limit: number): Awaitable<KeyRecord[]>;
  /** Notes uses of keys: forward only; unknown ids are passed over; no version changes. */
  touch(uses: Iterable<KeyUse>): Awaitable<void>;
}

/** A row of the authorization server and the version that the store keeps of it. */
export interface GrantRow {
  row: string;
  version: number;
}

/**
 * The store of the authorization server. Rows are opaque texts, `expiresAt` is in Unix seconds; what has expired is gone. Methods throw, or
 * reject with, a `StoreError`.
 */
export interface GrantStore {
  readonly capabilities: Capabilities;
  /** Stores a grant unless its id is taken. `sub` is whose it is, for `grantsOf`; it never changes. */
  insertGrant(id: string, row: string, expiresAt: number, sub?: string): Awaitable<"inserted" | "exists">;
  getGrant(id: string): Awaitable<GrantRow | null>;
  /** Replaces the grant whose stored version is `expectedVersion`: linearizable for each id. */
  swapGrant(id: string, expectedVersion: number, row: string, expiresAt: number): Awaitable<"swapped" | "conflict" | "missing">;
  /**
   * The ids of somebody's grants in order of their bytes, after an id, or from the first; at most `limit` and at most 100. Some may be gone.
   * Offered with the capability `list`.
   */
  grantsOf?(sub: string, after: string | null, limit: number): Awaitable<string[]>;
  /** Puts a key (its hash, never a secret) into a space; `seen` when it was put before and has not expired. */
  putOnce(space: string, keyHash: string, expiresAt: number): Awaitable<"fresh" | "seen">;
  /** The scopes that somebody let a client have, or null. */
  getConsent(sub: string, clientId: string): Awaitable<string[] | null>;
  saveConsent(sub: string, clientId: string, scopes: readonly string[]): Awaitable<void>;
  /** Removes what expired, where the database does not do so by itself. Call it now and then. */
  purge(): Awaitable<void>;
}

export interface GrantOptions {
  /** Unix seconds now; the system clock unless given. */
  now?: () => number;
}

/**
 * What stores throw, with a stable `code`: `store_unavailable`, `store_conflict`, `store_lacks_cas`, `store_lacks_read_your_writes`,
 * `store_lacks_put_once`, `store_lacks_list`, `capability_unknown`, `options_invalid`, `request_invalid`, `record_invalid`,
 * `store_corrupt`, `key_unknown`, `id_conflict`, `source_missing`. No message holds a credential, a hash or a stored record.
 */
export class StoreError extends ScopegateError {}

/** The most records of one page: 100. */
export const MAX_PAGE: number;

/** Returns the store, or throws `store_lacks_…` for the first capability that it does not offer. */
export function requireCapabilities<S extends { readonly capabilities: Capabilities }>(store: S, needed: readonly (keyof Capabilities)[]): S;

/** A key as management shows it: without its hashes. */
export type ShownKey = Omit<KeyRecord, "hashes" | "sealed">;

export interface ManagedKeysOptions {
  /** Seconds between two writes of a key's use, at least; 60. */
  interval?: number;
  /** Uses that are written together; 100. */
  batch?: number;
  /** Seconds that a use waits for others, by the times of the uses themselves; 10. */
  every?: number;
  /** Hears of a successor that could not be ended after a rotation failed. */
  onError?: (error: unknown) => void;
}

/** The life of keys in a store. Another owner's key and one that is not there are the same: null, or `key_unknown`. */
export interface ManagedKeys<P = PolicyDocument> {
  /** Stores a new key; the raw key is told once and does not show in JSON. */
  issue(request: IssueRequest<P>): Promise<{ record: KeyRecord; readonly rawKey: string }>;
  get(owner: string, id: string): Promise<ShownKey | null>;
  /** `next` is the cursor of the following page, or null. */
  list(owner: string, options?: { after?: Cursor | null; limit?: number }): Promise<{ keys: ShownKey[]; next: Cursor | null }>;
  relabel(owner: string, id: string, change: string | { label: string }): Promise<ShownKey>;
  /** Sticky and repeatable; the key is refused once this has returned. */
  revoke(owner: string, id: string): Promise<ShownKey>;
  /** A successor, and the old key with its grace: `overlap` seconds, 0 unless given. */
  rotate(owner: string, id: string, options?: { overlap?: number }): Promise<{ record: KeyRecord; readonly rawKey: string; old: ShownKey }>;
  /** For `onEffects` of a gate: notes uses, renews hashes. Audit events are left to the caller. */
  onEffects(effects: readonly Effect[]): Promise<void>;
  /** Notes a use; writes what was noted when there is enough of it. */
  touch(use: KeyUse): Promise<void>;
  /** Writes every use that was noted. */
  flush(): Promise<void>;
}

/** Throws `store_lacks_…` at once when the store cannot keep keys that change. */
export function managedKeys<P>(gate: Pick<Gate<P>, "keys">, store: KeyStore, options?: ManagedKeysOptions): ManagedKeys<P>;
