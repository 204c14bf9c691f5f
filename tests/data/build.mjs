// What the case sources are written with: test API keys, key records, tokens and cases. Needs Node alone.
import { createHash, createHmac, createPrivateKey, createPublicKey, sign as cryptoSign, verify as cryptoVerify } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";

export const now = 1780000000;
export const b64u = (bytes) => Buffer.from(bytes).toString("base64url");
const here = (path) => new URL(path, import.meta.url);

// API keys (docs: the key format v1)

const BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

function base62(number, width) {
  let text = "";
  for (let rest = BigInt(number); rest > 0n; rest /= 62n) text = BASE62[Number(rest % 62n)] + text;
  return text.padStart(width, "0");
}

function crc32(text) {
  let crc = 0xffffffff;
  for (const byte of Buffer.from(text)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}

/** A well-formed key. Its secret follows from its name, so that every run makes the same one. */
export function apiKey(id, { product = "jbf", env = "live", secret } = {}) {
  const digest = createHash("sha256").update(`test secret of ${product} ${env} ${id}`).digest("hex");
  const body = `${product}_${env}_${id}_${secret ?? base62(BigInt(`0x${digest}`), 43).slice(-43)}`;
  return body + base62(crc32(body), 6);
}

export const peppers = { p1: b64u(Uint8Array.from({ length: 32 }, (_, i) => i)), p2: b64u(new Uint8Array(32).fill(0x42)) };

/** The hash of a key; of a sealed record it also covers what the record says of the key. */
export function keyHash(key, kid, record) {
  const mac = createHmac("sha256", Buffer.from(peppers[kid] ?? b64u(new Uint8Array(32).fill(9)), "base64url"));
  mac.update(record?.sealed ? `apikey/v1/sealed\0${key}\0${seal(record)}` : `apikey/v1\0${key}`);
  return b64u(mac.digest());
}

/** What a seal covers besides the key: env, owner, the sorted scopes and createdAt, padded to a multiple of 256 bytes. */
function seal({ env, owner, scopes, createdAt }) {
  const text = `${env}\0${owner}\0${[...scopes].sort().join(" ")}\0${createdAt}`;
  return text.padEnd(Math.ceil(text.length / 256) * 256, "\0");
}

/** The stored record of a key. `edited` is what somebody changed in the database after the hash was made. */
export function record(key, scopes, { kid = "p1", edited = {}, ...fields } = {}) {
  const [, env, id] = key.split("_");
  const made = {
    v: 1, id, env, owner: "company-1", label: "Test key", scopes, hashes: [], sealed: false,
    createdAt: 1764000000, expiresAt: null, revokedAt: null, graceUntil: null, lastUsedAt: null,
    ipAllow: [], rotatedFrom: null, version: 1, ...fields,
  };
  if (made.hashes.length === 0) made.hashes = [{ alg: "hmac-sha256", kid, hash: keyHash(key, kid, made), notAfter: null }];
  return { ...made, ...edited };
}

// Tokens

const loaded = {};

/** A test key: { private, public, jwk } where `jwk` is the public half with `kid`. */
export function testKey(name) {
  return (loaded[name] ??= (() => {
    const file = JSON.parse(readFileSync(here(`keys/${name}.json`)));
    const key = createPrivateKey({ key: file.jwk, format: "jwk" });
    const pub = createPublicKey(key);
    return { private: key, public: pub, jwk: { ...pub.export({ format: "jwk" }), kid: name } };
  })());
}

const HASH = { 256: "sha256", 384: "sha384", 512: "sha512" };

function options(alg) {
  if (alg.startsWith("PS")) return { padding: 6, saltLength: Number(alg.slice(2)) / 8 };
  return alg.startsWith("ES") ? { dsaEncoding: "ieee-p1363" } : {};
}

/** Signatures of the files as they are: ECDSA and PSS are random, and a second run must change nothing. */
const kept = new Map();

export function keepSignatures(path) {
  if (!existsSync(path)) return;
  for (const [, input, signature] of readFileSync(path, "utf8").matchAll(/(eyJ[\w-]*\.[\w-]*)\.([\w-]+)/g)) {
    kept.set(input, [...(kept.get(input) ?? []), signature]);
  }
}

export function signature(input, alg, key) {
  if (alg === "none") return "";
  if (alg.startsWith("HS")) return createHmac(HASH[alg.slice(2)], key).update(input).digest("base64url");
  const hash = alg === "EdDSA" ? null : HASH[alg.slice(2)];
  const data = Buffer.from(input);
  const same = (kept.get(input) ?? []).find((s) => cryptoVerify(hash, data, { key: key.public, ...options(alg) }, Buffer.from(s, "base64url")));
  return same ?? cryptoSign(hash, data, { key: key.private, ...options(alg) }).toString("base64url");
}

/**
 * A compact JWS. `header` is merged over { alg, typ, kid }; a member set to undefined is left out. `headerText` and
 * `payloadText` replace the JSON; `signed` is the algorithm of the signature where it is not the header's.
 */
export function token(claims, { key, kid, alg = "RS256", signed = alg, header = {}, headerText, payloadText } = {}) {
  const signer = typeof key === "string" && !signed.startsWith("HS") ? testKey(key) : key;
  const head = headerText ?? JSON.stringify({ alg, typ: "at+jwt", kid: kid ?? (typeof key === "string" ? key : undefined), ...header });
  const input = `${b64u(head)}.${b64u(payloadText ?? JSON.stringify(claims))}`;
  return `${input}.${signature(input, signed, signer)}`;
}

// Cases

/** `METHOD target`, or a request in full. */
function request(what, { headers = [], key, bearer, https, clientIp } = {}) {
  const at = what.indexOf(" ");
  const lines = [...headers];
  if (key !== undefined) lines.push(["X-API-Key", key]);
  if (bearer !== undefined) lines.push(["Authorization", `Bearer ${bearer}`]);
  return {
    method: what.slice(0, at), target: what.slice(at + 1), ...(lines.length ? { headers: lines } : {}),
    ...(https === undefined ? {} : { https }), ...(clientIp === undefined ? {} : { clientIp }),
  };
}

/**
 * `"200"`, `"204 preflight"`, `"403 insufficient_scope jobs:read,jobs:write"` (missing scopes), or a status, a code and,
 * for the codes that have one, the detail: `"401 invalid_token expired"`.
 */
export function expectation(text) {
  const [status, code = "ok", more] = text.split(" ");
  const effect = { ok: "allow", preflight: "preflight" }[code] ?? "deny";
  const extra = more === undefined ? {} : code === "insufficient_scope" ? { missing: more.split(",") } : { detail: more };
  return { effect, status: Number(status), code, ...extra };
}

/** One case: what it shows, the request, what is sent with it, and the decision; `expect` and `options` add members. */
export function c(name, what, sent, decision, { expect = {}, ...options } = {}) {
  return { name, request: request(what, sent), ...options, expect: { ...expectation(decision), ...expect } };
}
