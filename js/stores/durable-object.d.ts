import type { GrantOptions, GrantStore, KeyStore } from "./index.js";

/** What is needed of a `DurableObjectNamespace`. */
export interface ObjectNamespace {
  idFromName(name: string): any;
  /** A stub with `fetch`. */
  get(id: any): any;
}

/** The class to export from a Worker and to bind; it keeps keys and grants. */
export class ScopegateStore {
  constructor(state: { storage: any }, env?: unknown);
  fetch(request: Request): Promise<Response>;
  alarm(): Promise<void>;
}

export interface ObjectOptions {
  /** How many objects the keys share. Without it, each key has one of its own. It must never change once there are keys. */
  shards?: number;
}

/** Keys in Durable Objects. `list` asks one object of the owner, and then the object of each key, or of each shard. */
export function durableObjectKeys(namespace: ObjectNamespace, options?: ObjectOptions): KeyStore;
/** Grants in Durable Objects, one each. */
export function durableObjectGrants(namespace: ObjectNamespace, options?: GrantOptions): GrantStore;
