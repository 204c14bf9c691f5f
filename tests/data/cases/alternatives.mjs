// Any of several alternatives, each all of its credentials, scopes and claims; and which refusal is told when none is met.
import { apiKey, c, now, peppers, record, testKey, token } from "../build.mjs";

const jwks = { keys: [testKey("test-ed25519").jwk] };
const policy = {
  version: 1, name: "alternatives",
  // In alphabetical order, so that runners whose JSON objects are sorted list scopes alike.
  scopes: {
    admin: { title: "Administer", implies: ["write"] }, audit: "Read the audit log", export: "Export", openid: "Sign in",
    read: "Read", write: { title: "Write", implies: ["read"] },
  },
  credentials: {
    apiKey: { type: "apiKey", header: "X-API-Key", prefix: "jbf" },
    partner: { type: "apiKey", header: "X-Partner-Key", prefix: "prt" },
    user: { type: "bearer", issuer: "https://id.example", audiences: ["api"], algorithms: ["EdDSA"], clients: ["app"], jwks, resourceMetadata: "https://api.example/.well-known/oauth-protected-resource" },
  },
  routes: [
    { id: "either", match: "GET /either", allow: [{ apiKey: ["read"] }, { user: ["read"] }] },
    { id: "both", match: "POST /both", allow: [{ apiKey: ["write"], user: ["openid"] }] },
    { id: "mixed", match: "GET /mixed", allow: [{ apiKey: ["read"], user: ["openid"] }, { user: ["admin"] }] },
    { id: "ladder", match: "GET /ladder", allow: [{ apiKey: ["write", "audit", "export"] }, { apiKey: ["audit", "export"] }, { apiKey: ["admin"] }] },
    { id: "readWrite", match: "PUT /read-write", allow: [{ apiKey: ["read", "write"] }] },
    { id: "anyKey", match: "GET /any-key", allow: [{ apiKey: [] }] },
    { id: "partner", match: "GET /partner", allow: [{ partner: ["read"] }] },
    { id: "role", match: "GET /role", allow: [{ user: { claims: { role: "admin" } } }] },
    { id: "level", match: "GET /level", allow: [{ user: { scopes: ["read"], claims: { level: 3, beta: true } } }] },
    { id: "roleOrScope", match: "GET /role-or-scope", allow: [{ user: { claims: { role: "admin" } } }, { user: ["audit"] }] },
    { id: "keyOrRole", match: "GET /key-or-role", allow: [{ apiKey: ["audit"] }, { user: { claims: { role: "admin" } } }] },
  ],
};

const K = Object.fromEntries(["Read00000001", "Write0000001", "Admin0000001", "Audit0000001", "NoScope00001", "Revoked00001", "Office000001"].map((id) => [id, apiKey(id)]));
const partner = apiKey("Partner00001", { product: "prt" });
const keys = [
  record(K.Read00000001, ["read"]), record(K.Write0000001, ["write"]), record(K.Admin0000001, ["admin"]), record(K.Audit0000001, ["audit"]),
  record(K.NoScope00001, ["gone:scope"]), record(K.Revoked00001, ["read"], { revokedAt: now - 1 }), record(K.Office000001, ["read"], { ipAllow: ["192.0.2.0/24"] }),
  record(partner, ["read"]),
];
const user = (scope, change = {}) => token({ iss: "https://id.example", aud: "api", sub: "u1", client_id: "app", iat: now - 60, exp: now + 600, scope, ...change }, { key: "test-ed25519", alg: "EdDSA" });
const late = user("read openid admin", { exp: now - 600 });
const stranger = user("read openid admin", { client_id: "other" });
const { Read00000001: read, Write0000001: write, Admin0000001: admin, Audit0000001: audit, NoScope00001: none, Revoked00001: revoked, Office000001: office } = K;
const unknown = apiKey("Unknown00001");
const KEY = 'ApiKey realm="alternatives", header="X-API-Key"';
const BEARER = 'Bearer realm="alternatives", resource_metadata="https://api.example/.well-known/oauth-protected-resource"';
const at = (alternative) => ({ expect: { alternative } });
const failing = { store: "fail" };

const either = [
  ["nothing", {}, "401 missing_credential", { expect: { routeId: "either", alternative: null, challenges: [KEY, BEARER] } }],
  ["a key", { key: read }, "200", at(0)],
  ["a token", { bearer: user("read") }, "200", at(1)],
  ["both, the first is taken", { key: read, bearer: user("read") }, "200", at(0)],
  ["a key that lacks the scope", { key: audit }, "403 insufficient_scope read"],
  ["a token that lacks the scope", { bearer: user("openid") }, "403 insufficient_scope read", { expect: { challenges: [`${BEARER}, error="insufficient_scope", scope="read"`] } }],
  ["an unknown key", { key: unknown }, "401 invalid_credential"],
  ["an unknown key beside a good token", { key: unknown, bearer: user("read") }, "200", at(1)],
  ["a malformed key beside a good token", { key: "jbf_live_x", bearer: user("read") }, "200", at(1)],
  ["a lacking key beside a good token", { key: audit, bearer: user("read") }, "200", at(1)],
  ["a good key beside an expired token", { key: read, bearer: late }, "200", at(0)],
  ["a lacking key beside an expired token: what was proven is nearer", { key: audit, bearer: late }, "403 insufficient_scope read"],
  ["a revoked key beside a lacking token: what was proven is nearer", { key: revoked, bearer: user("openid") }, "403 insufficient_scope read"],
  ["a revoked key: failed is nearer than missing", { key: revoked }, "401 key_revoked"],
  ["an expired token: failed is nearer than missing", { bearer: late }, "401 invalid_token expired", { expect: { challenges: [KEY, `${BEARER}, error="invalid_token"`] } }],
  ["an unknown key and an expired token: the first is told", { key: unknown, bearer: late }, "401 invalid_credential"],
  ["a key twice beside a good token", { headers: [["X-API-Key", read], ["X-API-Key", read]], bearer: user("read") }, "400 ambiguous_credentials"],
  ["a token twice beside a good key", { key: read, headers: [["Authorization", `Bearer ${late}`], ["Authorization", `Bearer ${late}`]] }, "400 ambiguous_credentials"],
  ["a key in both places", { key: read, bearer: read }, "400 ambiguous_credentials"],
  ["a token of a strange client", { bearer: stranger }, "403 credential_not_accepted"],
  ["a token of a strange client beside a good key", { key: read, bearer: stranger }, "200", at(0)],
  ["a token of a strange client beside an unknown key", { key: unknown, bearer: stranger }, "403 credential_not_accepted"],
  ["a key from a wrong address", { key: office, clientIp: "198.51.100.1" }, "403 ip_not_allowed"],
  ["a key from a wrong address beside a good token", { key: office, clientIp: "198.51.100.1", bearer: user("read") }, "200", at(1)],
  ["a key while the store is down", { key: read }, "503 store_unavailable", failing],
  ["a good token beside a key while the store is down", { key: read, bearer: user("read") }, "200", { ...failing, ...at(1) }],
  ["a good token while the store is down", { bearer: user("read") }, "200", { ...failing, ...at(1) }],
  ["a lacking token beside a key while the store is down: the key might have done", { key: read, bearer: user("openid") }, "503 store_unavailable", failing],
];

const both = [
  ["nothing", {}, "401 missing_credential"],
  ["the key alone", { key: write }, "401 missing_credential"],
  ["the token alone", { bearer: user("openid") }, "401 missing_credential"],
  ["both", { key: write, bearer: user("openid") }, "200", { expect: { alternative: 0, principal: { kind: "apiKey", keyId: "Write0000001" }, others: [{ credential: "user", kind: "bearer", subject: "u1", keyId: null, clientId: "app", scopes: ["openid"] }] } }],
  ["a key that lacks the scope", { key: read, bearer: user("openid") }, "403 insufficient_scope write"],
  ["V23 the user's scopes never widen the key", { key: read, bearer: user("openid write admin") }, "403 insufficient_scope write"],
  ["the key's scopes never widen the user", { key: admin, bearer: user("read") }, "403 insufficient_scope openid"],
  ["both lack a scope", { key: read, bearer: user("read") }, "403 insufficient_scope openid,write"],
  ["a good key and an expired token", { key: write, bearer: late }, "401 invalid_token expired"],
  ["an unknown key and a good token", { key: unknown, bearer: user("openid") }, "401 invalid_credential"],
  ["an unknown key without a token: failed is told before missing", { key: unknown }, "401 invalid_credential"],
];

const rows = (what, list) => list.map(([name, sent, decision, more]) => c(`${what.split("/")[1]}: ${name}`, what, sent, decision, more));
const claims = (what, list) => list.map(([change, decision]) => c(`${what.split("/")[1]}: ${JSON.stringify(change)}`, what, { bearer: user("read", change) }, decision));

const cases = [
  ...rows("GET /either", either),
  ...rows("POST /both", both),
  ...rows("GET /mixed", [
    ["a key and a token", { key: read, bearer: user("openid") }, "200", at(0)],
    ["an administrator's token alone", { bearer: user("admin") }, "200", at(1)],
    ["a lacking token alone: the alternative without a key is nearer", { bearer: user("openid") }, "403 insufficient_scope admin"],
    ["a key alone", { key: read }, "401 missing_credential"],
    ["a lacking key and a token: the first of two equally near", { key: audit, bearer: user("openid") }, "403 insufficient_scope read"],
  ]),
  ...rows("GET /ladder", [
    ["nothing of any: the shortest way is told", { key: none }, "403 insufficient_scope admin"],
    ["one of two: the first of two equally near", { key: audit }, "403 insufficient_scope export"],
    ["an administrator", { key: admin }, "200", at(2)],
  ]),
  ...rows("PUT /read-write", [
    ["what comes with another scope is not listed", { key: audit }, "403 insufficient_scope write"],
    ["what is granted is not listed", { key: read }, "403 insufficient_scope write"],
    ["write brings read", { key: write }, "200", { expect: { principal: { scopes: ["read", "write"] } } }],
    ["admin brings write brings read", { key: admin }, "200", { expect: { principal: { scopes: ["admin", "read", "write"] } } }],
  ]),
  ...rows("GET /any-key", [
    ["a key with no declared scope", { key: none }, "200", { expect: { principal: { scopes: [] } } }],
    ["no key", {}, "401 missing_credential", { expect: { challenges: [KEY] } }],
    ["a revoked key", { key: revoked }, "401 key_revoked"],
  ]),
  ...rows("GET /partner", [
    ["the partner's key in its header", { headers: [["X-Partner-Key", partner]] }, "200", { expect: { principal: { credential: "partner" } } }],
    ["the partner's key in the other header", { key: partner }, "401 missing_credential"],
    ["the other key in the partner's header", { headers: [["X-Partner-Key", read]] }, "401 malformed_credential"],
    ["the other key in its own header", { key: admin }, "401 missing_credential", { expect: { challenges: ['ApiKey realm="alternatives", header="X-Partner-Key"'] } }],
    ["a wrong key in the other header does not count", { headers: [["X-Partner-Key", partner]], key: "nonsense" }, "200"],
  ]),
  ...claims("GET /role", [
    [{ role: "admin" }, "200"], [{ role: ["user", "admin"] }, "200"], [{ role: "user" }, "403 claim_mismatch"], [{}, "403 claim_mismatch"], [{ role: "Admin" }, "403 claim_mismatch"],
    [{ role: "admin " }, "403 claim_mismatch"], [{ role: "admin,user" }, "403 claim_mismatch"], [{ role: [] }, "403 claim_mismatch"], [{ role: null }, "403 claim_mismatch"], [{ role: true }, "403 claim_mismatch"],
    [{ role: { admin: "admin" } }, "403 claim_mismatch"], [{ role: [["admin"]] }, "403 claim_mismatch"], [{ Role: "admin" }, "403 claim_mismatch"],
  ]),
  ...claims("GET /level", [
    [{ level: 3, beta: true }, "200"], [{ level: 3 }, "403 claim_mismatch"], [{ level: "3", beta: true }, "403 claim_mismatch"], [{ level: 4, beta: true }, "403 claim_mismatch"], [{ level: 3, beta: "true" }, "403 claim_mismatch"],
    [{ level: 3, beta: true, scope: "openid" }, "403 insufficient_scope read"], [{ scope: "openid" }, "403 insufficient_scope read"],
  ]),
  ...rows("GET /role-or-scope", [
    ["the claim", { bearer: user("openid", { role: "admin" }) }, "200", at(0)],
    ["the scope", { bearer: user("audit") }, "200", at(1)],
    ["neither: the scope can be asked for", { bearer: user("openid") }, "403 insufficient_scope audit"],
  ]),
  ...rows("GET /key-or-role", [
    ["an expired token with the claim", { bearer: user("read", { role: "admin", exp: now - 600 }) }, "401 invalid_token expired"],
    ["a lacking key beside a token without the claim", { key: read, bearer: user("read") }, "403 insufficient_scope audit"],
    ["an unknown key beside a token without the claim", { key: unknown, bearer: user("read") }, "403 claim_mismatch"],
  ]),
];

export default { policy, peppers, now, keys, cases };
