// The life of keys in a store: what `gate.keys` makes, written by compare-and-swap, and the uses of keys, written in batches.
import { MAX_PAGE, StoreError, requireCapabilities, text, whole } from "./contract.js";

/** How often an operation begins anew because another one was quicker: more than any storm of changes of one key. */
const TRIES = 64;
/** How often an id may be taken already. Twice does not happen by chance. */
const ID_TRIES = 4;
const MOST_NOTED = 10_000;

/** @see docs/stores-js.md */
export function managedKeys(gate, store, options) {
  return new ManagedKeys(gate, store, options);
}

const isCount = (value) => Number.isSafeInteger(value) && value >= 0;
const RULES = {
  interval: ["whole seconds", isCount],
  batch: ["a whole number from 1", (value) => isCount(value) && value >= 1],
  every: ["whole seconds", isCount],
  onError: ["a function", (value) => typeof value === "function"],
};

/** Options held to their types: a text among them would be added to numbers as a text, and no use written any more. */
function checked(options) {
  if (options === null || typeof options !== "object") throw new StoreError("options_invalid", "Expected options as an object.");
  for (const [name, [expected, holds]] of Object.entries(RULES)) {
    if (options[name] !== undefined && !holds(options[name])) throw new StoreError("options_invalid", `\`${name}\`: expected ${expected}.`);
  }
  return options;
}

class ManagedKeys {
  #keys;
  #store;
  #uses;
  #onError;

  constructor(gate, store, options = {}) {
    const { interval = 60, batch = 100, every = 10, onError } = checked(options);
    if (typeof gate?.keys?.issue !== "function") throw new StoreError("options_invalid", "Expected a gate.");
    this.#keys = gate.keys;
    this.#store = requireCapabilities(store, ["cas", "readYourWrites"]);
    this.#uses = new Uses(store, { interval, batch, every });
    this.#onError = onError;
  }

  async issue(request) {
    for (let tries = 0; tries < ID_TRIES; tries++) {
      const issued = this.#keys.issue(request);
      if ((await this.#store.insert(issued.record)) === "done") return issued;
    }
    throw new StoreError("id_conflict", "Every new id was taken: the random source is broken.");
  }

  /** A key of an owner without its hashes, or null. Another's key and one that is not there are the same. */
  async get(owner, id) {
    const record = await this.#owned(owner, id);
    return record === null ? null : shown(record);
  }

  /** A page of an owner's keys, without their hashes, and where the next one starts. */
  async list(owner, { after = null, limit = 20 } = {}) {
    requireCapabilities(this.#store, ["list"]);
    const records = await this.#store.list(text(owner, "owner"), after, limit);
    const last = records.at(-1);
    const more = last !== undefined && records.length >= Math.min(limit, MAX_PAGE);
    return { keys: records.map(shown), next: more ? { createdAt: last.createdAt, id: last.id } : null };
  }

  async relabel(owner, id, change) {
    return this.#change(owner, id, (record) => this.#keys.relabel(record, change));
  }

  async revoke(owner, id) {
    return this.#change(owner, id, (record) => this.#keys.revoke(record));
  }

  /**
   * A successor, whose raw key is told once, and the old key with its grace. The successor is stored first: until the old key is
   * changed, nobody knows the new one's raw key, so whatever fails in between leaves the old key as it was.
   */
  async rotate(owner, id, options) {
    let made;
    let grace;
    try {
      for (let tries = 0; tries < TRIES; tries++) {
        const record = await this.#owned(owner, id);
        if (record === null) throw unknown();
        const rotated = this.#keys.rotate(record, options);
        if (made === undefined) {
          if ((await this.#store.insert(rotated.record)) !== "done") continue;
          made = rotated;
          grace = record.graceUntil;
        } else if (record.graceUntil !== grace) {
          // A key in its grace ends with it, and so would have to what was made from the key before.
          throw new StoreError("store_conflict", "The key was rotated by somebody else meanwhile.");
        }
        const outcome = await this.#store.update(id, record.version, rotated.old);
        if (outcome === "done") {
          const { record: successor, rawKey } = made;
          return Object.defineProperty({ record: successor, old: shown(rotated.old) }, "rawKey", { value: rawKey, enumerable: false });
        }
      }
      throw conflict();
    } catch (error) {
      // Ended, what nobody can use does not stand in lists as a key in use.
      if (made !== undefined) await this.revoke(owner, made.record.id).catch((failed) => this.#report(failed));
      throw error;
    }
  }

  /** For the gate's `onEffects`: notes uses and renews hashes. Audit events are left to the caller. */
  async onEffects(effects) {
    for (const effect of effects) {
      if (effect.type === "touch") await this.touch(effect);
      else if (effect.type === "upgrade") await this.#upgrade(effect);
    }
  }

  /** Notes a use, and writes what was noted when there is enough of it or it has waited long enough. */
  async touch(use) {
    // One that no store takes would keep all the others from being written, again and again.
    const noted = { id: text(use?.id, "id"), at: whole(use?.at, "at") };
    if (this.#uses.note(noted)) await this.flush();
  }

  /** Writes every use that was noted. Call it before the process ends, and now and then. */
  async flush() {
    await this.#uses.flush();
  }

  async #upgrade({ id, expectedVersion, hash }) {
    const record = await this.#store.find(id);
    // Whoever changed it in between: the next use renews the hash.
    if (record === null || record.version !== expectedVersion) return;
    await this.#store.update(id, expectedVersion, { ...record, hashes: [hash], version: expectedVersion + 1 });
  }

  async #owned(owner, id) {
    text(owner, "owner");
    const record = await this.#store.find(text(id, "id"));
    return record !== null && record.owner === owner ? record : null;
  }

  async #change(owner, id, make) {
    for (let tries = 0; tries < TRIES; tries++) {
      const record = await this.#owned(owner, id);
      if (record === null) throw unknown();
      const next = make(record);
      if (next.version === record.version) return shown(next);
      const outcome = await this.#store.update(id, record.version, next);
      if (outcome === "done") return shown(next);
      if (outcome === "missing") throw unknown();
    }
    throw conflict();
  }

  #report(error) {
    try {
      this.#onError?.(error);
    } catch {
      // Whoever reports errors must not change what happens.
    }
  }
}

/** Uses of keys on their way to the store: the latest of each key, at most one write per key and interval. */
class Uses {
  #store;
  #options;
  #waiting = new Map();
  #written = new Map();
  #since;

  constructor(store, options) {
    this.#store = store;
    this.#options = options;
  }

  /** @returns whether it is time to write */
  note({ id, at }) {
    const { interval, batch, every } = this.#options;
    if (at < this.#written.get(id) + interval || at <= this.#waiting.get(id)) return false;
    // A store that has been away for long: better to miss a use than to fill the memory.
    if (this.#waiting.size >= MOST_NOTED && !this.#waiting.has(id)) return true;
    this.#waiting.set(id, at);
    this.#since ??= at;
    return this.#waiting.size >= batch || at >= this.#since + every;
  }

  async flush() {
    if (this.#waiting.size === 0) return;
    const uses = [...this.#waiting].map(([id, at]) => ({ id, at }));
    this.#waiting.clear();
    this.#since = undefined;
    const before = uses.map(({ id }) => [id, this.#written.get(id)]);
    for (const { id, at } of uses) this.#mark(id, at);
    try {
      await this.#store.touch(uses);
    } catch (error) {
      for (const [id, at] of before) this.#mark(id, at);
      // Kept for the next time, unless a later use came in between.
      for (const use of uses) this.note(use);
      throw error;
    }
  }

  #mark(id, at) {
    this.#written.delete(id);
    if (at === undefined) return;
    this.#written.set(id, at);
    if (this.#written.size > MOST_NOTED) this.#written.delete(this.#written.keys().next().value);
  }
}

/** A record as management shows it. */
function shown(record) {
  const { hashes, sealed, ...rest } = record;
  return rest;
}

const conflict = () => new StoreError("store_conflict", "The key changes too often; try again later.");
const unknown = () => new StoreError("key_unknown", "There is no such key.");
