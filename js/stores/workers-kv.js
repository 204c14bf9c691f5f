// Cloudflare Workers KV: a copy of another store, to read from at the edge. KV has no compare-and-swap and no bound on how late a
// write is seen, so it takes no changes of its own, and a revocation is seen late. What it does hold: a revoked record, once
// written, is never replaced by an older one, and an isolate that has seen a version never goes back behind it.
import { StoreError, asked, capabilities, lacks, loaded, stored } from "./contract.js";

/** Seconds after which a change is usually seen everywhere, with the default cache: KV's own figure, not a promise. */
const STALENESS = 60;
const MOST_SEEN = 1000;

/**
 * Keys in Workers KV, to read.
 * @param {object} kv the binding
 * @param {{ source?: object, prefix?: string, cacheTtl?: number }} [options] `source` is the store that `publish` copies from
 */
export function workersKvKeys(kv, { source, prefix = "scopegate:", cacheTtl } = {}) {
  if (typeof kv?.get !== "function") throw new StoreError("options_invalid", "Expected the binding of a KV namespace.");
  if (source !== undefined && typeof source?.find !== "function") throw new StoreError("options_invalid", "`source` is a key store.");
  const seen = new Map();
  const read = (name) => kv.get(name, cacheTtl === undefined ? { type: "text" } : { type: "text", cacheTtl });
  const key = (id) => `${prefix}key:${id}`;
  const tombstone = (id) => `${prefix}revoked:${id}`;

  /** The newest of what was read and what this isolate has seen before. A tombstone is newer than anything. */
  function newest(id, [live, dead]) {
    const known = seen.get(id);
    const found = dead ?? live;
    if (found === null && known === undefined) return null;
    // A place that does not have the record yet, or no longer: denied, as far as this can be known.
    if (found === null) return known.revoked ? loaded(known.text) : null;
    const record = loaded(found);
    const entry = { version: record.version, revoked: dead !== null || record.revokedAt !== null, text: found };
    const behind = known !== undefined && !entry.revoked && (known.revoked || known.version > entry.version);
    const kept = behind ? known : entry;
    seen.delete(id);
    seen.set(id, kept);
    if (seen.size > MOST_SEEN) seen.delete(seen.keys().next().value);
    return loaded(kept.text);
  }

  const refuse = (capability) => async () => {
    throw lacks(capability);
  };

  return {
    capabilities: capabilities({}),
    /** Seconds; see above. */
    staleness: Math.max(STALENESS, cacheTtl ?? 0),
    find: (id) => asked(() => Promise.all([read(key(id)), read(tombstone(id))]), (found) => newest(id, found)),
    insert: refuse("cas"),
    update: refuse("cas"),
    touch: refuse("cas"),
    list: refuse("list"),
    /**
     * Copies a record from the source, after each of its changes. A revoked one is written as a tombstone, under a name of its own
     * that no late copy of an older version can replace.
     */
    async publish(id) {
      if (source === undefined) throw new StoreError("source_missing", "`publish` copies from the `source` that the store was made with.");
      let record = await asked(() => source.find(id), (found) => found);
      for (;;) {
        if (record === null) throw new StoreError("key_unknown", "The source has no such key.");
        const { text, revoked, version } = stored(record);
        if (revoked) await asked(() => kv.put(tombstone(id), text), () => undefined);
        await asked(() => kv.put(key(id), text), () => undefined);
        // Whoever writes last has read the source after writing: an older version does not stay.
        record = await asked(() => source.find(id), (found) => found);
        if (record !== null && record.version === version) return;
      }
    },
  };
}

/** Grants must not be kept in Workers KV: it would let a code or a refresh token be redeemed several times. */
export function workersKvGrants() {
  throw lacks("cas");
}
