// What everybody is asked: policies of 30 and of 1,000 routes, keys, tokens and requests, the same for ours and the peers.
import { createHash, createHmac, generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { readFileSync } from "node:fs";
import { createGate } from "../../js/entry/node.js";

export const NOW = Math.floor(Date.now() / 1000);
const KEYS = 16;
const TOKENS = 16;
const ORIGIN = "https://api.jobiflow.com";

export const seed = JSON.parse(readFileSync(new URL("../../examples/jobiflow/policy.json", import.meta.url)));

/** A policy of many routes in the manner of the seed: the same as the native benchmark's. */
export function manyRoutes(count) {
  const routes = Array.from({ length: count }, (_, number) => {
    const path = `/public/v1/resource-${number >> 2}`;
    const match = [`GET ${path}`, `POST ${path}`, `GET ${path}/{id}`, `POST ${path}/{id}/publish`][number & 3];
    return { id: `r${number}`, match, allow: [{ apiKey: [number & 1 ? "jobs:write" : "jobs:read"] }] };
  });
  return { ...seed, routes, tests: [] };
}

/** The same policy with every route public: what is left is the target, the headers, the route and the answer. */
export const open = (policy) => ({ ...policy, routes: policy.routes.map(({ id, match }) => ({ id, match, public: true })) });

/** The paths that are asked, by number of routes: all by scopes that every key holds. */
export const paths = {
  30: ["/public/v1/job-listings", "/public/v1/job-listings/42", "/public/v1/applications?page=2", "/public/v1/analytics/jobs/a-longer-identifier"],
  1000: ["/public/v1/resource-17", "/public/v1/resource-200/42", "/public/v1/resource-3?page=2", "/public/v1/resource-249/a-longer-identifier"],
};

/** The write that a key without `jobs:write` may not do. */
export const writePath = { 30: "/public/v1/job-listings", 1000: "/public/v1/resource-200" };

/** A key set-up: raw keys with the records as our store holds them, and as a hand-written check would hold them. */
export function makeKeys(policy) {
  const pepper = randomBytes(32);
  const peppers = { current: "p1", p1: pepper };
  const issuer = createGate({ policy, peppers, keySets: { user: { keys: [] } } });
  const stores = { plain: new Map(), peppered: new Map(), sealed: new Map() };
  const hand = { byId: new Map(), byHash: new Map() };
  const raw = [];
  for (let at = 0; at < KEYS; at++) {
    const scopes = ["jobs:read", "applications:read", "analytics:read"];
    const { record, rawKey } = issuer.keys.issue({ label: `key ${at}`, scopes, owner: `company-${at}`, expiresAt: NOW + 86_400 });
    const touched = { ...record, lastUsedAt: NOW };
    const hash = (alg, kid, digest) => ({ ...touched, sealed: false, hashes: [{ alg, ...(kid && { kid }), hash: digest.toString("base64url"), notAfter: null }] });
    const digest = createHash("sha256").update(rawKey).digest();
    stores.sealed.set(record.id, touched);
    stores.plain.set(record.id, hash("sha256", undefined, digest));
    stores.peppered.set(record.id, hash("hmac-sha256", "p1", createHmac("sha256", pepper).update(`apikey/v1\0${rawKey}`).digest()));
    const own = { owner: record.owner, scopes: new Set(scopes), expiresAt: record.expiresAt, revokedAt: null, hash: digest };
    const mac = createHmac("sha256", pepper).update(rawKey).digest();
    hand.byId.set(record.id, { ...own, mac });
    hand.byHash.set(digest.toString("base64url"), own);
    raw.push(rawKey);
  }
  issuer.close();
  return { raw, stores, hand, pepper, peppers };
}

const HEADERS = { host: "api.jobiflow.com", accept: "*/*", "user-agent": "bench/1.0", "accept-encoding": "gzip, deflate" };

/** A request as Node's servers give it to a handler, without the socket: what the peers read is in it too. */
export function request(method, target, headers) {
  return { method, target, url: target, headers: { ...HEADERS, ...headers } };
}

/** Requests that must pass, in turn. */
export function keyRequests(routes, raw) {
  return Array.from({ length: 64 }, (_, at) => request("GET", paths[routes][at % 4], { "x-api-key": raw[at % raw.length] }));
}

/** Allow, deny, 404 and wrong method, by the status that each must have. */
export function keyAnswers(routes, raw) {
  const key = { "x-api-key": raw[0] };
  const wrong = raw[0].replace(/.{12}$/, raw[1].slice(-12));
  return [
    ["allow", request("GET", paths[routes][1], key), 200],
    ["no key", request("GET", paths[routes][1], {}), 401],
    ["a key with another's end", request("GET", paths[routes][1], { "x-api-key": wrong }), 401],
    ["a scope that is not held", request("POST", writePath[routes], key), 403],
    ["an unknown path", request("GET", "/public/v1/nowhere", key), 404],
    ["a wrong method", request("PUT", paths[routes][1], key), 405],
  ];
}

const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
const SIGNERS = {
  RS256: { type: "rsa", options: { modulusLength: 2048 }, digest: "sha256", how: {} },
  ES256: { type: "ec", options: { namedCurve: "P-256" }, digest: "sha256", how: { dsaEncoding: "ieee-p1363" } },
  EdDSA: { type: "ed25519", options: {}, digest: null, how: {} },
};

/** Tokens of one algorithm with the key that they are checked with. */
export function makeTokens(algorithm) {
  const secret = algorithm === "HS256" ? Buffer.from(randomBytes(32).toString("hex")) : undefined;
  const pair = secret ? undefined : generateKeyPairSync(SIGNERS[algorithm].type, SIGNERS[algorithm].options);
  const mint = (claims) => {
    const input = `${part({ alg: algorithm, typ: "at+jwt", ...(pair && { kid: "k1" }) })}.${part({
      iss: ORIGIN, aud: ORIGIN, sub: "user-1", client_id: "dashboard", scope: "openid profile email", iat: NOW, exp: NOW + 3600,
      email: "ada@example.com", roles: ["admin", "recruiter"], ...claims,
    })}`;
    const bytes = Buffer.from(input);
    const signature = secret
      ? createHmac("sha256", secret).update(bytes).digest()
      : sign(SIGNERS[algorithm].digest, bytes, { key: pair.privateKey, ...SIGNERS[algorithm].how });
    return `${input}.${signature.toString("base64url")}`;
  };
  const tokens = Array.from({ length: TOKENS }, (_, at) => mint({ jti: `token-${at}`, sub: `user-${at}` }));
  const jwk = pair && { ...pair.publicKey.export({ format: "jwk" }), kid: "k1", alg: algorithm, use: "sig" };
  return { algorithm, tokens, secret, jwk, publicKey: pair?.publicKey, mint, origin: ORIGIN };
}

export const bearerPolicy = (algorithm) => ({
  ...seed, tests: [], credentials: { ...seed.credentials, user: { ...seed.credentials.user, algorithms: [algorithm] } },
});

const bearer = (token) => ({ authorization: `Bearer ${token}` });
const SETTINGS = ["/settings/api-keys", "/settings/api-keys/7", "/settings/api-keys?page=2"];

export const tokenRequests = ({ tokens }) => tokens.map((token, at) => request("GET", SETTINGS[at % 3], bearer(token)));

export function tokenAnswers({ tokens, mint }) {
  const [head, , tail] = tokens[0].split(".");
  return [
    ["allow", request("GET", SETTINGS[1], bearer(tokens[0])), 200],
    ["no token", request("GET", SETTINGS[1], {}), 401],
    ["claims of another token", request("GET", SETTINGS[1], bearer(`${head}.${tokens[1].split(".")[1]}.${tail}`)), 401],
    ["an expired token", request("GET", SETTINGS[1], bearer(mint({ jti: "old", exp: NOW - 600 }))), 401],
    ["a scope that is not held", request("GET", SETTINGS[1], bearer(mint({ jti: "poor", scope: "email" }))), 403],
    ["an unknown path", request("GET", "/settings/nowhere", bearer(tokens[0])), 404],
    ["a wrong method", request("PUT", SETTINGS[1], bearer(tokens[0])), 405],
  ];
}
