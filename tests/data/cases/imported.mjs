// Keys that other systems issued: made by their own libraries (tests/data/foreign.json), taken where the policy says so.
import { readFileSync } from "node:fs";
import { apiKey, b64u, c, keyHash, now, peppers } from "../build.mjs";

const foreign = JSON.parse(readFileSync(new URL("../foreign.json", import.meta.url)));
const encodings = { seam: "hex", unkey: "base64", "better-auth": "base64url", keypal: "hex", sha256: "hex" };

/** The record of a row. */
const imported = ({ id, from, hash }, fields = {}) => ({
  v: 1, id, env: "live", owner: "company-1", label: `Imported from ${from}`, scopes: ["jobs:read"],
  hashes: [{ alg: "sha256", kid: null, hash: b64u(Buffer.from(hash, encodings[from])), notAfter: null }],
  sealed: false, createdAt: 1764000000, expiresAt: null, revokedAt: null, graceUntil: null, lastUsedAt: null,
  ipAllow: [], rotatedFrom: null, version: 1, ...fields,
});
const upgraded = (row, fields = {}) => imported(row, { hashes: [{ alg: "hmac-sha256", kid: "p1", hash: keyHash(row.key, "p1"), notAfter: null }], version: 2, ...fields });

// Without a prefix two systems are told apart by their lengths alone.
const entries = [...new Map(foreign.map(({ from, prefix }) => [`${from} ${prefix}`, { from, ...(prefix ? { prefix } : from === "unkey" && { length: 24 }) }])).values()];
const policy = (list) => ({
  version: 1, name: "imported",
  scopes: { "jobs:read": "Read jobs", "jobs:write": "Write jobs" },
  credentials: { apiKey: { type: "apiKey", header: "X-API-Key", prefix: "jbf", environments: ["live", "test"], accept: ["live"], ...(list && { imported: list }) } },
  routes: [
    { id: "jobs", match: "GET /jobs", allow: [{ apiKey: ["jobs:read"] }] },
    { id: "createJob", match: "POST /jobs", allow: [{ apiKey: ["jobs:write"] }] },
  ],
});

const JOBS = "GET /jobs";
const sent = (key) => ({ key });
const [seam, revoked, expired, unkey, letters, prefixed, , otherEnv] = foreign;
const plain = foreign.at(-1);
const changed = (text, at) => text.slice(0, at) + (text[at] === "A" ? "B" : "A") + text.slice(at + 1);
const unasked = (name, key) => c(name, JOBS, sent(key), "401 malformed_credential", { store: "fail" });

const good = foreign.filter((row) => ![revoked, expired, otherEnv].includes(row));
const taken = {
  name: "taken",
  policy: policy(entries), peppers, now,
  keys: [
    ...good.map((row) => imported(row)),
    imported(revoked, { revokedAt: now - 1 }), imported(expired, { expiresAt: now }), imported(otherEnv, { env: "test" }),
  ],
  cases: [
    ...good.map((row) => c(`${row.from}: ${row.id} is renewed on first use`, JOBS, sent(row.key), "200", { expect: {
      principal: { kind: "apiKey", keyId: row.id, subject: "company-1", scopes: ["jobs:read"] },
      effects: { touch: { id: row.id, at: now }, upgrade: { id: row.id, expectedVersion: 1, hash: { alg: "hmac-sha256", kid: "p1", hash: keyHash(row.key, "p1") } } } } })),
    ...good.map((row) => c(`${row.from}: ${row.id} with a changed character`, JOBS, sent(changed(row.key, row.key.length - 1)), "401 invalid_credential", { expect: { effects: { touch: null, upgrade: null } } })),
    c("seam: another short token is the same key", JOBS, sent(seam.key.replace("EuNA6AZr", "AAAAAAAA")), "200"),
    c("V03 a revoked key", JOBS, sent(revoked.key), "401 key_revoked"),
    c("V03 an expired key", JOBS, sent(expired.key), "401 key_expired"),
    c("V05 a record of another environment", JOBS, sent(otherEnv.key), "401 invalid_credential"),
    c("V26 a missing scope", "POST /jobs", sent(seam.key), "403 insufficient_scope jobs:write"),
    c("the outage of the store", JOBS, sent(seam.key), "503 store_unavailable", { store: "fail" }),
    ...foreign.map((row) => unasked(`V29 the stored hash of ${row.id} is no key`, row.hash)),
    ...foreign.map((row) => unasked(`V29 nor is the id ${row.id}`, row.id)),
    unasked("V08 a space behind", `${seam.key} `),
    unasked("V08 another prefix", seam.key.replace("mycompany", "mycompanx")),
    unasked("V04 seam: a third part", `${seam.key}_x`),
    unasked("V04 seam: no short token", seam.key.replace("_EuNA6AZr", "")),
    unasked("V09 seam: a short long token", seam.key.slice(0, -10)),
    unasked("V08 unkey: a character that base58 has not", `${unkey.key.slice(0, -1)}0`),
    unasked("V08 unkey: the prefix of another", `other_${unkey.key}`),
    unasked("V08 better-auth: one character short", letters.key.slice(1)),
    unasked("V08 better-auth: one character long", `${prefixed.key}a`),
    unasked("V08 better-auth: a digit", changed(prefixed.key, 10).replace(/.$/, "1")),
    unasked("V08 a key of 129 bytes", plain.key.padEnd(129, "0")),
    unasked("V08 ours under another checksum is never theirs", changed(apiKey("Good00000001"), 40)),
  ],
};

const byLength = {
  name: "by length",
  policy: policy([{ from: "sha256", length: 71 }]), peppers, now,
  keys: [],
  cases: [
    unasked("ours under another checksum is never theirs", changed(apiKey("Good00000001"), 40)),
    c("any text of the length is looked up", JOBS, sent("x".repeat(71)), "401 invalid_credential"),
    unasked("but no other", "x".repeat(70)),
  ],
};

const late = {
  name: "upgraded only",
  policy: policy([{ from: "seam", prefix: "mycompany", upgradedOnly: true }, { from: "unkey", upgradedOnly: true, environment: "test" }]), peppers, now,
  keys: [imported(seam), upgraded(expired), upgraded(unkey)],
  cases: [
    c("a hash that was never renewed counts no more", JOBS, sent(seam.key), "401 invalid_credential"),
    c("a renewed one does", JOBS, sent(expired.key), "200", { expect: { effects: { upgrade: null } } }),
    c("V05 a key of another environment than its entry's", JOBS, sent(unkey.key), "401 invalid_credential"),
  ],
};

const pepperless = {
  name: "without a pepper",
  policy: policy(entries), now,
  keys: [imported(seam)],
  cases: [c("a key is taken and not renewed", JOBS, sent(seam.key), "200", { expect: { effects: { upgrade: null } } })],
};

const off = {
  name: "not switched on",
  policy: policy(), peppers, now,
  keys: foreign.map((row) => imported(row)),
  cases: foreign.map((row) => unasked(`${row.from}: ${row.id}`, row.key)),
};

export default [taken, byLength, late, pepperless, off];
