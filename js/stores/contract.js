// What every store shares: typed errors, capabilities, and records on their way into and out of a database.
import { ScopegateError } from "../core/errors.js";
import { plainRecord } from "../core/records.js";
import { isPromise } from "../core/store.js";

/** The most records of one page. */
export const MAX_PAGE = 100;
const MAX_NAME = 512;
const MAX_ROW = 60_000;

/** What stores throw. No message holds a credential, a hash or a stored record. */
export class StoreError extends ScopegateError {
  constructor(code, message, options) {
    super(code, message, options);
    this.name = "StoreError";
  }
}

const LACKS = Object.freeze({
  cas: ["store_lacks_cas", "compare-and-swap"],
  readYourWrites: ["store_lacks_read_your_writes", "reading what was just written"],
  putOnce: ["store_lacks_put_once", "storing something once only"],
  list: ["store_lacks_list", "listing"],
});

/** The error of a store that was asked for what it cannot do. */
export function lacks(capability) {
  const [code, what] = LACKS[capability];
  return new StoreError(code, `This store does not offer ${what}. Use one that does; docs/stores-js.md has a table.`);
}

/** Throws, at the start of an application, when a store does not offer what is needed. */
export function requireCapabilities(store, needed) {
  for (const capability of needed) {
    if (!Object.hasOwn(LACKS, capability)) throw new StoreError("capability_unknown", `There is no capability \`${capability}\`.`);
    if (store?.capabilities?.[capability] !== true) throw lacks(capability);
  }
  return store;
}

export const capabilities = (offered) => Object.freeze({ cas: false, readYourWrites: false, putOnce: false, list: false, ...offered });

/** An outage. The text of a driver may quote what was stored, so no more than its code goes on. */
export function outage(thrown) {
  if (thrown instanceof StoreError) return thrown;
  const plain = (text) => typeof text === "string" && /^[\w -]{1,48}$/.test(text);
  // D1 and Redis tell their codes in the message alone.
  const [told] = /\bSQLITE_[A-Z_]{2,40}\b|^[A-Z][A-Z0-9_]{2,24}(?=[ :])/.exec(thrown?.message) ?? [];
  const why = [thrown?.errstr, thrown?.code, told, thrown?.name].find(plain) ?? "no code";
  return new StoreError("store_unavailable", `The store could not be asked: ${why}.`);
}

/** Uses an answer now, or when its promise is kept. What goes wrong with asking is an outage. */
export function asked(ask, use) {
  let answer;
  try {
    answer = ask();
  } catch (thrown) {
    throw outage(thrown);
  }
  if (!isPromise(answer)) return use(answer);
  return answer.then(use, (thrown) => {
    throw outage(thrown);
  });
}

const refused = (message) => new StoreError("request_invalid", message);

/** Databases differ in what they make of a NUL, and of what is no Unicode. */
const storable = (value) => !value.includes("\0") && value.isWellFormed();

/** A name: of a key, an owner, a person, a space. */
export function text(value, name) {
  if (typeof value !== "string" || value === "" || value.length > MAX_NAME || !storable(value)) {
    throw refused(`\`${name}\` is a text of 1 to ${MAX_NAME} characters, without NUL and half surrogates.`);
  }
  return value;
}

export function whole(value, name) {
  if (!Number.isSafeInteger(value) || value < 0) throw refused(`\`${name}\` is a whole number.`);
  return value;
}

/**
 * A record as a store keeps it: its JSON text with every member, and what is compared or searched beside it.
 * @returns {{ id: string, owner: string, createdAt: number, version: number, revoked: boolean, used: number | null, text: string }}
 */
export function stored(record) {
  let plain;
  try {
    plain = plainRecord(record);
  } catch {
    throw new StoreError("record_invalid", "That is no key record: a member is missing or of the wrong type.");
  }
  const { id, owner, createdAt, version, revokedAt, lastUsedAt } = plain;
  whole(version, "version");
  text(id, "id");
  return { id, owner, createdAt, version, revoked: revokedAt !== null, used: lastUsedAt, text: JSON.stringify({ ...record, ...plain }) };
}

/** The change of one record: `stored` with the version that must be there. */
export function change(id, expectedVersion, record) {
  const next = stored(record);
  if (next.id !== id) throw refused("The record is of another id.");
  return { ...next, expected: whole(expectedVersion, "expectedVersion") };
}

/** A stored text as a record again. The last use stands apart, so that noting one never races with a change; undefined: as in the text. */
export function loaded(json, used) {
  const record = parsed(json);
  if (used !== undefined) record.lastUsedAt = used === null ? null : Number(used);
  return record;
}

/** What was stored as JSON text. The error of JSON.parse quotes the text, which may hold a hash: it is not passed on. */
export function parsed(json) {
  try {
    const value = JSON.parse(json);
    if (value !== null && typeof value === "object") return value;
  } catch {
    // Answered below.
  }
  throw new StoreError("store_corrupt", "What is stored cannot be read.");
}

/** Whether `next` may replace what is stored: it is newer, was made from it, undoes no revocation, and moves in no list. */
export const mayReplace = (next, { version, revoked, owner, createdAt }) =>
  version === next.expected && next.version > version && (next.revoked || !revoked) && next.owner === owner && next.createdAt === createdAt;

/** A place in a list and the length of a page, held to what is allowed. */
export function page(owner, after, limit) {
  const place = after ?? { createdAt: -1, id: "" };
  if (!Number.isSafeInteger(place.createdAt) || typeof place.id !== "string") throw refused("The cursor is `{ createdAt, id }` of a record, or null.");
  return { owner: text(owner, "owner"), createdAt: place.createdAt, id: place.id, limit: Math.min(whole(limit, "limit"), MAX_PAGE) };
}

/** Uses of keys by id, the latest of each. */
export function latest(uses) {
  const found = new Map();
  for (const { id, at } of uses) {
    whole(at, "at");
    if (!(found.get(text(id, "id")) >= at)) found.set(id, at);
  }
  return found;
}

/** Records in the order of lists: by time of creation, then by id as bytes. */
export const inOrder = (a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : Number(a.id > b.id));

/** The system's clock, in whole Unix seconds. */
export const clock = () => Math.floor(Date.now() / 1000);

/** What a grant store is handed: checked, so that no database has to. A grant without a person is nobody's. */
export function grant(id, row, expiresAt, sub = "") {
  if (typeof row !== "string" || row.length > MAX_ROW || !storable(row)) {
    throw refused(`\`row\` is a text of at most ${MAX_ROW} characters, without NUL and half surrogates.`);
  }
  return { id: text(id, "id"), row, expiresAt: whole(expiresAt, "expiresAt"), sub: sub === "" ? "" : text(sub, "sub") };
}

/** A page of somebody's grants: after an id, or from the first. */
export function grantPage(sub, after, limit) {
  return { sub: text(sub, "sub"), after: after === null ? "" : text(after, "after"), limit: Math.min(whole(limit, "limit"), MAX_PAGE) };
}

/** Scopes that somebody consented to, as a list of texts. */
export function scopeList(scopes) {
  if (!Array.isArray(scopes)) throw refused("`scopes` is a list.");
  return scopes.map((scope) => text(scope, "scopes"));
}
