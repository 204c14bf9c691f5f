import type { createGate } from "../index.js";
import type { GrantStore, KeyStore } from "./index.js";

export interface CheckResult {
  name: string;
  ok: boolean;
  /** What is wrong; empty, or a remark, when nothing is. */
  detail: string;
}

export interface KitOptions<S> {
  /** A whole number that was not used with this database before. */
  seed: number;
  /** A second handle of the same database: races then run across both. */
  other?: S;
}

/** Checks a key store: answers, pages, uses, and races of sixteen. */
export function checkKeyStore(store: KeyStore, options: KitOptions<KeyStore>): Promise<CheckResult[]>;

/** Drives gates while a key is revoked, in every order: no request that starts after the revocation returned may be allowed. */
export function checkRevocation(
  store: Pick<KeyStore, "find" | "insert" | "update">,
  options: KitOptions<Pick<KeyStore, "find" | "insert" | "update">> & { createGate: typeof createGate },
): Promise<CheckResult[]>;

/** Checks a grant store: answers, expiry, and races of sixteen. */
export function checkGrantStore(store: GrantStore, options: KitOptions<GrantStore> & { now?: number }): Promise<CheckResult[]>;
