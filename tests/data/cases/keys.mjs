// Mistakes that others made with API keys (the V rows of the key design), as decisions.
import { apiKey, c, keyHash, now, peppers, record } from "../build.mjs";

const policy = {
  version: 1, name: "keys",
  scopes: { "jobs:read": "Read jobs", "jobs:read2": "Read jobs twice", "jobs": "Jobs", "jobs:write": "Write jobs", "keys:manage": "Manage keys" },
  credentials: {
    apiKey: { type: "apiKey", header: "X-API-Key", prefix: "jbf", environments: ["live", "test"], accept: ["live"] },
    user: { type: "bearer", issuer: "https://id.example", audiences: ["api"], algorithms: ["RS256"] },
  },
  routes: [
    { id: "jobs", match: "GET /jobs", allow: [{ apiKey: ["jobs:read"] }] },
    { id: "createJob", match: "POST /jobs", allow: [{ apiKey: ["jobs:read", "jobs:write"] }] },
    { id: "createKey", match: "POST /keys", allow: [{ user: ["keys:manage"] }] },
  ],
};

const JOBS = "GET /jobs";
const made = {};
const key = (id, scopes = ["jobs:read"], fields = {}, options = {}) => {
  made[id] = record(apiKey(id, options), scopes, fields);
  return apiKey(id, options);
};
const good = key("Good00000001");
const more = key("More00000001", ["jobs:read", "jobs:write", "keys:manage"]);
const revoked = key("Revoked00001", ["jobs:read"], { revokedAt: now - 1 });
const expired = key("Expired00001", ["jobs:read"], { expiresAt: now - 1 });
const test = key("TestOnly0001", ["jobs:read"], {}, { env: "test" });
const wrong = (id, options = {}) => apiKey(id, { ...options, secret: "0".repeat(43) });
const vector = "jbf_live_zzzzzzzzzzzz_zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz3v38RW";
made.zzzzzzzzzzzz = record(vector, ["jobs:read"]);

const sent = (value) => ({ key: value });
const malformed = (list) => list.map(([name, value]) => c(`V08 ${name}`, JOBS, sent(value), "401 malformed_credential", { store: "fail" }));
const lacks = (name, scopes, missing = "jobs:read") => c(name, JOBS, sent(key(`Scope${String(Object.keys(made).length).padStart(7, "0")}`, scopes)), `403 insufficient_scope ${missing}`);
const changed = (at, by) => good.slice(0, at) + by + good.slice(at + 1);

let boxes = 0;
const box = (ipAllow, clientIp, decision) => {
  const value = key(`Address${String(boxes++).padStart(5, "0")}`, ["jobs:read"], { ipAllow });
  return c(`V27 ${clientIp ?? "no address"} and ${ipAllow.join(", ")} (${decision})`, JOBS, { key: value, ...(clientIp ? { clientIp } : {}) }, decision);
};

const cases = [
  c("a good key", JOBS, sent(good), "200", { expect: { principal: { kind: "apiKey", keyId: "Good00000001", subject: "company-1", scopes: ["jobs:read"] } } }),
  c("the fixed vector is a key", JOBS, sent(vector), "200"),

  c("V03 a revoked key", JOBS, sent(revoked), "401 key_revoked"),
  c("V03 a revoked id with a wrong secret", JOBS, sent(wrong("Revoked00001")), "401 invalid_credential"),
  c("V03 an expired key", JOBS, sent(expired), "401 key_expired"),
  c("V03 an expired id with a wrong secret", JOBS, sent(wrong("Expired00001")), "401 invalid_credential"),
  c("V03 a revoked key that lacks the scope", "POST /jobs", sent(revoked), "401 key_revoked"),

  c("V05 the test twin of a live key", JOBS, sent(apiKey("Good00000001", { env: "test" })), "401 invalid_credential"),
  c("V05 the secret of a live key under test", JOBS, sent(apiKey("Good00000001", { env: "test", secret: good.slice(22, 65) })), "401 invalid_credential"),
  c("V05 a key of test renamed to live", JOBS, sent(apiKey("TestOnly0001", { secret: test.slice(22, 65) })), "401 invalid_credential"),
  c("V05 a key of test", JOBS, sent(test), "401 invalid_credential"),
  c("V05 an environment that is not declared", JOBS, sent(apiKey("Good00000001", { env: "prod" })), "401 malformed_credential"),
  c("V05 another product", JOBS, sent(apiKey("Good00000001", { product: "jbx" })), "401 malformed_credential"),
  c("V05 a longer product", JOBS, sent(apiKey("Good00000001", { product: "jbfx" })), "401 malformed_credential"),

  c("V06 the id of one key with the secret of another", JOBS, sent(apiKey("Good00000001", { secret: more.slice(22, 65) })), "401 invalid_credential"),
  c("V06 an id that differs in case", JOBS, sent(apiKey("good00000001", { secret: good.slice(22, 65) })), "401 invalid_credential"),

  ...malformed([
    ["empty", ""], ["a space", " "], ["a space before", ` ${good}`], ["a space behind", `${good} `], ["a tab behind", `${good}\t`], ["a line feed", `${good}\n`], ["CR and LF", `${good}\r\nX: y`],
    ["NUL behind", `${good}\0`], ["NUL inside", changed(30, "\0")], ["non-ASCII inside", changed(30, "é")], ["a full-width digit", changed(30, "１")], ["a zero-width space", changed(30, "\u200b")],
    ["a zero-width space behind", `${good}\u200b`], ["percent-encoded", good.replaceAll("_", "%5F")], ["quoted", `"${good}"`], ["10,000 bytes", "a".repeat(10000)], ["a key of 129 bytes", good.padEnd(129, "0")],
    ["one character short", good.slice(0, -1)], ["one character long", `${good}0`], ["a wrong last character", changed(70, good[70] === "A" ? "B" : "A")], ["a changed secret under the old checksum", changed(40, good[40] === "A" ? "B" : "A")],
    ["a changed id under the old checksum", changed(12, "X")], ["upper-case product", good.replace("jbf", "JBF")], ["upper-case environment", good.replace("live", "LIVE")], ["hyphens", good.replaceAll("_", "-")],
    ["the prefix alone", "jbf_live_Good00000001"], ["the id alone", "Good00000001"], ["a scheme before", `ApiKey ${good}`], ["Bearer before", `Bearer ${good}`], ["an underscore in the secret", changed(30, "_")],
  ]),

  c("V12 in the query string", `GET /jobs?apiKey=${good}`, {}, "401 missing_credential"),
  c("V12 in a cookie", JOBS, { headers: [["Cookie", `X-API-Key=${good}`]] }, "401 missing_credential"),
  c("V12 in a header of a like name", JOBS, { headers: [["X-API-Keys", good], ["X_API_KEY", good], ["API-Key", good]] }, "401 missing_credential"),
  c("the header name in another case", JOBS, { headers: [["x-ApI-kEy", good]] }, "200"),

  c("V13 the same key twice", JOBS, { headers: [["X-API-Key", good], ["X-API-Key", good]] }, "400 ambiguous_credentials"),
  c("V13 a good key behind a bad one", JOBS, { headers: [["X-API-Key", "x"], ["x-api-key", good]] }, "400 ambiguous_credentials"),
  c("V13 an empty line beside a good key", JOBS, { headers: [["X-API-Key", ""], ["X-API-Key", good]] }, "400 ambiguous_credentials"),
  c("V13 joined by a comma", JOBS, sent(`${good},${more}`), "400 ambiguous_credentials"),
  c("V13 a comma behind", JOBS, sent(`${good},`), "400 ambiguous_credentials"),
  c("V13 also as a bearer token", JOBS, { key: good, bearer: more }, "400 ambiguous_credentials"),

  c("V22 an API key mints no API keys", "POST /keys", sent(more), "401 missing_credential", { expect: { challenges: ['Bearer realm="keys"'] } }),
  c("V22 nor as a bearer token", "POST /keys", { bearer: more }, "401 malformed_credential"),
  c("V23 the owner's other key widens nothing", "POST /jobs", sent(good), "403 insufficient_scope jobs:write"),

  lacks("V24 no scopes are no scopes", []),
  lacks("V25 a longer name", ["jobs:read2"]),
  lacks("V25 a shorter name", ["jobs"]),
  lacks("V25 another one of the family", ["jobs:write"]),
  lacks("V25 a longer path of names", ["jobs:read:all"]),
  lacks("V25 a scope that is not declared", ["admin"]),
  lacks("V25 a name with a dot for the colon", ["jobs.read"]),

  c("V26 a missing scope is 403", "POST /jobs", sent(good), "403 insufficient_scope jobs:write", { expect: { routeId: "createJob", problem: { status: 403, code: "insufficient_scope" } } }),
  c("V26 only what is missing is listed", "POST /jobs", sent(key("WriteOnly001", ["jobs:write"])), "403 insufficient_scope jobs:read"),
  c("V26 a wrong key is 401 where the scope would be missing too", "POST /jobs", sent(wrong("Good00000001")), "401 invalid_credential"),

  box(["192.0.2.0/24"], "192.0.2.0", "200"), box(["192.0.2.0/24"], "192.0.2.255", "200"), box(["192.0.2.0/24"], "192.0.3.0", "403 ip_not_allowed"), box(["192.0.2.0/24"], "192.0.20.7", "403 ip_not_allowed"),
  box(["192.0.2.7"], "192.0.2.7", "200"), box(["192.0.2.7"], "192.0.2.70", "403 ip_not_allowed"), box(["192.0.2.7/32"], "192.0.2.8", "403 ip_not_allowed"),
  box(["10.0.0.0/9"], "10.127.255.255", "200"), box(["10.0.0.0/9"], "10.128.0.0", "403 ip_not_allowed"), box(["0.0.0.0/0"], "203.0.113.9", "200"), box(["0.0.0.0/0"], "2001:db8::1", "403 ip_not_allowed"),
  box(["192.0.2.0/24"], "::ffff:192.0.2.7", "200"), box(["192.0.2.0/24"], "::ffff:198.51.100.7", "403 ip_not_allowed"), box(["192.0.2.0/24"], "::192.0.2.7", "403 ip_not_allowed"),
  box(["2001:db8::/32"], "2001:db8:ffff::1", "200"), box(["2001:db8::/32"], "2001:db9::1", "403 ip_not_allowed"), box(["2001:db8::7"], "2001:0db8:0:0:0:0:0:7", "200"), box(["2001:db8::/33"], "2001:db8:8000::1", "403 ip_not_allowed"),
  box(["198.51.100.1", "192.0.2.0/24"], "192.0.2.9", "200"), box(["192.0.2.0/24"], undefined, "403 ip_not_allowed"), box(["0.0.0.0/0", "::/0"], undefined, "403 ip_not_allowed"),
  c("V27 a forwarded address does not count", JOBS, { key: key("Forwarded001", ["jobs:read"], { ipAllow: ["192.0.2.0/24"] }), clientIp: "198.51.100.1", headers: [["X-Forwarded-For", "192.0.2.7"]] }, "403 ip_not_allowed"),
  c("V27 the address is told only after proof", JOBS, { key: wrong("Forwarded001"), clientIp: "198.51.100.1" }, "401 invalid_credential"),

  c("V28 a pepper that is gone", JOBS, sent(key("NoPepper0001", ["jobs:read"], { kid: "p0" })), "503 keyring_unavailable"),
  c("V28 a pepper whose name differs in case", JOBS, sent(key("CasePepper01", ["jobs:read"], { kid: "P1" })), "503 keyring_unavailable"),
  c("V28 a wrong secret under a pepper that is gone", JOBS, sent(wrong("NoPepper0001")), "503 keyring_unavailable"),
  c("V28 the hash of another pepper", JOBS, sent(key("WrongKid0001", ["jobs:read"], { hashes: [{ alg: "hmac-sha256", kid: "p1", hash: keyHash(apiKey("WrongKid0001"), "p2"), notAfter: null }] })), "401 invalid_credential"),
  c("V28 an older pepper still holds", JOBS, sent(key("OldPepper001", ["jobs:read"], { kid: "p2", version: 3 })), "200", {
    expect: { effects: { upgrade: { id: "OldPepper001", expectedVersion: 3, hash: { alg: "hmac-sha256", kid: "p1", hash: keyHash(apiKey("OldPepper001"), "p1") } } } } }),
  c("V28 no upgrade under the current pepper", JOBS, sent(good), "200", { expect: { effects: { upgrade: null } } }),

  c("V29 the stored hash is no key", JOBS, sent(made.Good00000001.hashes[0].hash), "401 malformed_credential"),
  c("V29 nor in the place of the secret", JOBS, sent(apiKey("Good00000001", { secret: made.Good00000001.hashes[0].hash.replaceAll(/[-_]/g, "0") })), "401 invalid_credential"),

  ...[["scopes", { scopes: ["jobs:read", "jobs:write"] }], ["owner", { owner: "company-2" }], ["environment", { env: "test" }], ["creation time", { createdAt: 1 }], ["seal", { sealed: false }]].map(([what, edited], at) =>
    c(`V30 an edited ${what}`, JOBS, sent(key(`Edited00000${at}`, ["jobs:read"], { sealed: true, edited })), "401 invalid_credential")),
  c("V30 a sealed record as issued", JOBS, sent(key("Sealed000001", ["jobs:write", "jobs:read"], { sealed: true })), "200"),
  c("V30 the order of scopes is not sealed", JOBS, sent(key("Reordered001", ["jobs:write", "jobs:read"], { sealed: true, edited: { scopes: ["jobs:read", "jobs:write"] } })), "200"),
  c("V30 the label is not sealed", JOBS, sent(key("Relabelled01", ["jobs:read"], { sealed: true, edited: { label: "Renamed" } })), "200"),

  c("V33 no use is recorded on a missing scope", "POST /jobs", sent(good), "403 insufficient_scope jobs:write", { expect: { effects: { touch: null } } }),
  c("V33 no use is recorded on a wrong secret", JOBS, sent(wrong("Good00000001")), "401 invalid_credential", { expect: { effects: { touch: null } } }),
  c("V33 no use is recorded of a revoked key", JOBS, sent(revoked), "401 key_revoked", { expect: { effects: { touch: null } } }),
  c("V33 a use is recorded on allow", JOBS, sent(good), "200", { expect: { effects: { touch: { id: "Good00000001", at: now } } } }),
  c("V33 a use never goes backwards", JOBS, sent(key("Future000001", ["jobs:read"], { lastUsedAt: now + 3600 })), "200", { expect: { effects: { touch: null } } }),
];

export default { policy, peppers, jwks: { user: { keys: [] } }, now, keys: Object.values(made), cases };
