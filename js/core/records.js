// Key records on their way into the module: checked strictly, parsed once, found again by comparing every member.
import { ScopegateError } from "./errors.js";

const TEXTS = ["id", "env", "owner", "label"];
const NUMBERS = ["v", "createdAt", "version"];
const OPTIONAL_NUMBERS = ["expiresAt", "revokedAt", "graceUntil", "lastUsedAt"];
const LISTS = ["scopes", "ipAllow"];
const MOST_RECORDS = 1024;
/** The bits of a handle that name its place; the others count how often that was taken. */
const PLACE = 0xffff;

/**
 * Handles of parsed records. A hot record costs a comparison of its members instead of a trip as text. Everything the
 * engine judges by is compared, so a record that the store changed in place is seen as the new one it is.
 */
export class Records {
  #raw;
  #known = new Map();
  #places = [];

  constructor(raw) {
    this.#raw = raw;
  }

  /** `{ handle, record }` of a handle, as long as it is held. */
  of(handle) {
    const known = this.#places[handle & PLACE];
    return known !== undefined && known.handle === handle ? known : undefined;
  }

  /** Whether this is still held, and what the store gave is the same. */
  isStill(known, record) {
    return known.handle !== 0 && same(known.record, record);
  }

  /** The handle of a record as the store gave it. Throws `record_invalid` on rubbish. */
  handle(id, record) {
    const known = this.#known.get(id);
    if (known !== undefined && same(known.record, record)) return known.handle;
    const plain = plainRecord(record);
    const handle = this.#raw.record(JSON.stringify(plain));
    if (known !== undefined) this.#drop(id, known);
    else if (this.#known.size >= MOST_RECORDS) this.#drop(...this.#known.entries().next().value);
    const entry = { handle, record: plain };
    this.#known.set(id, entry);
    this.#places[handle & PLACE] = entry;
    return handle;
  }

  #drop(id, known) {
    this.#raw.drop_record(known.handle);
    this.#known.delete(id);
    this.#places[known.handle & PLACE] = undefined;
    known.handle = 0;
  }
}

/** Member by member, by name: a loop over names costs ten times as much. `tests/js/host.test.mjs` changes every one of them. */
function same(known, record) {
  return record !== null && typeof record === "object" &&
    known.id === record.id && known.env === record.env && known.owner === record.owner && known.label === record.label &&
    known.v === record.v && known.createdAt === record.createdAt && known.version === record.version &&
    known.expiresAt === record.expiresAt && known.revokedAt === record.revokedAt && known.graceUntil === record.graceUntil &&
    known.lastUsedAt === record.lastUsedAt && known.sealed === record.sealed && known.rotatedFrom === record.rotatedFrom &&
    sameList(known.scopes, record.scopes) && sameList(known.ipAllow, record.ipAllow) && sameHashes(known.hashes, record.hashes);
}

function sameList(known, list) {
  if (!Array.isArray(list) || list.length !== known.length) return false;
  for (let at = 0; at < known.length; at++) if (known[at] !== list[at]) return false;
  return true;
}

function sameHashes(known, hashes) {
  if (!Array.isArray(hashes) || hashes.length !== known.length) return false;
  for (let at = 0; at < known.length; at++) {
    const one = known[at];
    const hash = hashes[at];
    if (hash === null || typeof hash !== "object") return false;
    if (one.hash !== hash.hash || one.alg !== hash.alg || one.kid !== hash.kid || one.notAfter !== hash.notAfter) return false;
  }
  return true;
}

/**
 * The members of a record that the engine knows, each read once and of its exact type: JSON would write a NaN or an
 * Infinity as null, and an expiry that cannot be read must never mean "no expiry".
 */
export function plainRecord(record) {
  if (record === null || typeof record !== "object" || Array.isArray(record)) throw rubbish("it is not an object");
  const plain = {};
  for (const name of TEXTS) plain[name] = text(record[name], name);
  for (const name of NUMBERS) plain[name] = whole(record[name], name);
  for (const name of OPTIONAL_NUMBERS) plain[name] = optional(record[name], name, whole);
  plain.rotatedFrom = optional(record.rotatedFrom, "rotatedFrom", text);
  if (typeof record.sealed !== "boolean") throw rubbish("`sealed` is not true or false");
  plain.sealed = record.sealed;
  for (const name of LISTS) plain[name] = list(record[name], name).map((item) => text(item, name));
  plain.hashes = list(record.hashes, "hashes").map((hash) => {
    if (hash === null || typeof hash !== "object") throw rubbish("`hashes` holds something else than objects");
    const copy = { alg: text(hash.alg, "alg"), hash: text(hash.hash, "hash") };
    if (hash.kid !== undefined) copy.kid = optional(hash.kid, "kid", text);
    if (hash.notAfter !== undefined) copy.notAfter = optional(hash.notAfter, "notAfter", whole);
    return copy;
  });
  return plain;
}

function text(value, name) {
  if (typeof value !== "string") throw rubbish(`\`${name}\` is not a string`);
  return value;
}

function whole(value, name) {
  if (!Number.isSafeInteger(value)) throw rubbish(`\`${name}\` is not a whole number`);
  return value;
}

/** Null says "none"; a member that is not there says nothing, and is refused. */
function optional(value, name, read) {
  return value === null ? null : read(value, name);
}

function list(value, name) {
  if (!Array.isArray(value)) throw rubbish(`\`${name}\` is not a list`);
  return value;
}

function rubbish(why) {
  return new ScopegateError("record_invalid", `Not a key record: ${why}.`);
}
