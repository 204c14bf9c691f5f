// Records of keys that other systems issued, from the hashes that they stored: what `scopegate import` makes of a row.
import { ScopegateError } from "./errors.js";
import { plainRecord } from "./records.js";

const HEX = [/^[0-9A-Fa-f]{64}$/, "SHA-256 in 64 hexadecimal digits"];
const STORED = {
  seam: HEX,
  unkey: [/^[A-Za-z0-9+/]{43}=$/, "SHA-256 in base64 with padding"],
  "better-auth": [/^[A-Za-z0-9_-]{43}$/, "SHA-256 in base64url without padding"],
  keypal: HEX,
  sha256: HEX,
};
const BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const ID_DOMAIN = "apikey/v1/foreign-id\0";
const SCOPE = /^[a-z0-9_.-]+(:[a-z0-9_.-]+)*$/;
const CONTROL = /\p{Cc}/u;
const LAST_INSTANT = 253402300799;

const MEMBERS = ["from", "hash", "owner", "scopes", "label", "env", "createdAt", "expiresAt", "revokedAt", "lastUsedAt"];

/** The record to store. Its id follows from the hash, so a row that comes twice makes the same record. */
export async function importedRecord(row) {
  const { from, hash, owner, scopes, env = "live", expiresAt = null, revokedAt = null, lastUsedAt = null } = row ?? {};
  // What a row says of an end and is not read would let the key live for ever.
  for (const member of Object.keys(row ?? {})) if (!MEMBERS.includes(member)) throw unknown(member);
  if (row?.expiresAt === undefined) throw wrong("expiresAt", "whole Unix seconds, or null for a key that does not expire");
  if (Object.hasOwn(row, "revokedAt") && row.revokedAt === undefined) throw wrong("revokedAt", "whole Unix seconds, or null");
  if (!Object.hasOwn(STORED, from)) throw wrong("from", Object.keys(STORED).join(", "));
  const digest = digestOf(from, hash);
  const label = row?.label ?? `Imported from ${from}`;
  const record = plainRecord({
    v: 1, id: await idOf(digest), env, owner, label,
    scopes: Array.isArray(scopes) ? [...new Set(scopes)].sort() : scopes,
    hashes: [{ alg: "sha256", kid: null, hash: base64url(digest), notAfter: null }],
    sealed: false, createdAt: row?.createdAt ?? Math.floor(Date.now() / 1000), expiresAt, revokedAt, graceUntil: null, lastUsedAt,
    ipAllow: [], rotatedFrom: null, version: 1,
  });
  const rules = [
    ["env", "2 to 8 lower-case letters", /^[a-z]{2,8}$/.test(env)],
    ["owner", "1 to 256 bytes without control characters", owner !== "" && new TextEncoder().encode(owner).length <= 256 && !CONTROL.test(owner)],
    ["label", "1 to 100 characters without control characters", label !== "" && [...label].length <= 100 && !CONTROL.test(label)],
    ["scopes", "at least one scope name", record.scopes.length > 0 && record.scopes.every((scope) => scope.length <= 128 && SCOPE.test(scope))],
    ...["createdAt", "expiresAt", "revokedAt", "lastUsedAt"].map((name) =>
      [name, "whole Unix seconds", record[name] === null || (record[name] >= 0 && record[name] <= LAST_INSTANT)]),
  ];
  for (const [member, expected, holds] of rules) if (!holds) throw wrong(member, expected);
  return record;
}

/** The 32 bytes of a stored hash. What was found is never repeated: it may be a key in the wrong place. */
function digestOf(from, hash) {
  const [shape, expected] = STORED[from];
  if (typeof hash !== "string" || !shape.test(hash)) throw wrong("hash", expected);
  if (STORED[from] === HEX) return Uint8Array.from(hash.match(/../g), (pair) => Number.parseInt(pair, 16));
  const bytes = Uint8Array.from(atob(hash.replaceAll("-", "+").replaceAll("_", "/")), (character) => character.charCodeAt(0));
  // Bits behind the last byte would make two texts of one hash.
  if (base64url(bytes) !== hash.replaceAll("+", "-").replaceAll("/", "_").replace("=", "")) throw wrong("hash", expected);
  return bytes;
}

/** 12 base62 characters of SHA-256 of the hash, most significant first. */
async function idOf(digest) {
  const domain = new TextEncoder().encode(ID_DOMAIN);
  const input = new Uint8Array(domain.length + digest.length);
  input.set(domain);
  input.set(digest, domain.length);
  const sum = new DataView(await crypto.subtle.digest("SHA-256", input));
  let rest = (sum.getBigUint64(0) << 64n) | sum.getBigUint64(8);
  let id = "";
  for (let at = 0; at < 12; at++) {
    id = BASE62[Number(rest % 62n)] + id;
    rest /= 62n;
  }
  return id;
}

function base64url(bytes) {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function unknown(member) {
  const told = /^\w{1,32}$/.test(member) ? `\`${member}\` is none` : "found another";
  return new ScopegateError("import_invalid", `Expected members among ${MEMBERS.join(", ")}: ${told}.`);
}

function wrong(member, expected) {
  return new ScopegateError("import_invalid", `\`${member}\`: expected ${expected}.`);
}
