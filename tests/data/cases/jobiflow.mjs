// The seed policy's own cases: every scope, every code, the whole life of a key.
import { apiKey, c, now, peppers, record, testKey, token } from "../build.mjs";

const policy = "policy.json";
const K = Object.fromEntries(
  ["JobsRead0001", "JobsWrite001", "AppsRead0001", "AppsWrite001", "CandRead0001", "CandWrite001", "WebHooks0001", "Analytics001", "EveryScope01",
    "Revoked00001", "Expired00001", "RevokedExp01", "Expiring0001", "GraceOver001", "GraceOn00001", "Sealed000001", "SealEdited01", "OfficeOnly01",
    "OldPepper001", "NoPepper0001", "JustUsed0001", "LongAgo00001"].map((id) => [id, apiKey(id)]),
);
const test = apiKey("TestEnv00001", { env: "test" });
const ALL = ["jobs:read", "jobs:write", "applications:read", "applications:write", "candidates:read", "candidates:write", "webhooks:manage", "analytics:read"];
const read = ["jobs:read"];

const keys = [
  record(K.JobsRead0001, ["jobs:read"]),
  record(K.JobsWrite001, ["jobs:write"]),
  record(K.AppsRead0001, ["applications:read"]),
  record(K.AppsWrite001, ["applications:write"]),
  record(K.CandRead0001, ["candidates:read"]),
  record(K.CandWrite001, ["candidates:write"]),
  record(K.WebHooks0001, ["webhooks:manage"]),
  record(K.Analytics001, ["analytics:read"]),
  record(K.EveryScope01, ALL, { sealed: true, owner: "company-2" }),
  record(K.Revoked00001, read, { revokedAt: now - 1 }),
  record(K.Expired00001, read, { expiresAt: now - 86400 }),
  record(K.RevokedExp01, read, { revokedAt: now - 50, expiresAt: now - 100 }),
  record(K.Expiring0001, read, { expiresAt: now }),
  record(K.GraceOver001, read, { graceUntil: now }),
  record(K.GraceOn00001, read, { graceUntil: now + 60 }),
  record(K.Sealed000001, read, { sealed: true }),
  record(K.SealEdited01, read, { sealed: true, edited: { scopes: ["jobs:read", "jobs:write"] } }),
  record(K.OfficeOnly01, read, { ipAllow: ["192.0.2.0/24", "2001:db8::/32"] }),
  record(K.OldPepper001, read, { kid: "p2", version: 7 }),
  record(K.NoPepper0001, read, { kid: "p0" }),
  record(K.JustUsed0001, read, { lastUsedAt: now - 30 }),
  record(K.LongAgo00001, read, { lastUsedAt: now - 3600 }),
  record(test, read),
];

const claims = {
  iss: "https://api.jobiflow.com", aud: "https://api.jobiflow.com", sub: "user-1", client_id: "dashboard", jti: "t1",
  iat: now - 60, exp: now + 600, scope: "openid profile email",
};
const user = (change = {}, options = {}) => token({ ...claims, ...change }, { key: "test-rsa-a", ...options });
const KEY_CHALLENGE = 'ApiKey realm="jobiflow-public-api", header="X-API-Key"';
const BEARER_CHALLENGE = 'Bearer realm="jobiflow-public-api"';
const JOBS = "GET /public/v1/job-listings";
const SETTINGS = "GET /settings/api-keys";
const OVERVIEW = "GET /public/v1/analytics/overview";

// Each route: its operation, the key that opens it and what every key without that scope still lacks.
const ROUTES = [
  ["listJobListings", JOBS, "JobsRead0001", "jobs:read"],
  ["getJobListing", "GET /public/v1/job-listings/42", "JobsRead0001", "jobs:read"],
  ["createJobListing", "POST /public/v1/job-listings", "JobsWrite001", "jobs:write"],
  ["updateJobListing", "PATCH /public/v1/job-listings/42", "JobsWrite001", "jobs:write"],
  ["publishJobListing", "POST /public/v1/job-listings/42/publish", "JobsWrite001", "jobs:write"],
  ["archiveJobListing", "POST /public/v1/job-listings/42/archive", "JobsWrite001", "jobs:write"],
  ["deleteJobListing", "DELETE /public/v1/job-listings/42", "JobsWrite001", "jobs:write"],
  ["listJobListingApplications", "GET /public/v1/job-listings/42/applications", "AppsRead0001", "applications:read"],
  ["listApplications", "GET /public/v1/applications", "AppsRead0001", "applications:read"],
  ["getApplication", "GET /public/v1/applications/7", "AppsRead0001", "applications:read"],
  ["submitApplication", "POST /public/v1/applications", "AppsWrite001", "applications:write"],
  ["updateApplicationStatus", "PATCH /public/v1/applications/7/status", "AppsWrite001", "applications:write"],
  ["searchCandidates", "GET /public/v1/candidates?q=rust&page=2", "CandRead0001", "candidates:read"],
  ["getCandidate", "GET /public/v1/candidates/9", "CandRead0001", "candidates:read"],
  ["importCandidates", "POST /public/v1/candidates/import", "CandWrite001", "candidates:write"],
  ["listWebhooks", "GET /public/v1/webhooks", "WebHooks0001", "webhooks:manage"],
  ["createWebhook", "POST /public/v1/webhooks", "WebHooks0001", "webhooks:manage"],
  ["getWebhook", "GET /public/v1/webhooks/3", "WebHooks0001", "webhooks:manage"],
  ["updateWebhook", "PATCH /public/v1/webhooks/3", "WebHooks0001", "webhooks:manage"],
  ["deleteWebhook", "DELETE /public/v1/webhooks/3", "WebHooks0001", "webhooks:manage"],
  ["getAnalyticsOverview", "GET /public/v1/analytics/overview", "Analytics001", "analytics:read"],
  ["listJobAnalytics", "GET /public/v1/analytics/jobs", "Analytics001", "analytics:read"],
  ["getJobAnalytics", "GET /public/v1/analytics/jobs/42", "Analytics001", "analytics:read"],
];
const other = (id) => (id === "JobsRead0001" ? "AppsRead0001" : "JobsRead0001");

const USER_ROUTES = [
  ["createApiKey", "POST /settings/api-keys"], ["listApiKeys", SETTINGS], ["getApiKey", "GET /settings/api-keys/Q9s9Xw1BgXP4"],
  ["updateApiKey", "PATCH /settings/api-keys/Q9s9Xw1BgXP4"], ["deleteApiKey", "DELETE /settings/api-keys/Q9s9Xw1BgXP4"],
  ["rotateApiKey", "POST /settings/api-keys/Q9s9Xw1BgXP4/rotate"],
];

const good = { key: K.JobsRead0001 };
const failing = { store: "fail" };

const cases = [
  ...ROUTES.map(([routeId, what, , scope]) => c(`${routeId} is refused without ${scope}`, what, { key: K[other(ROUTES.find((r) => r[0] === routeId)[2])] },
    `403 insufficient_scope ${scope}`, { expect: { routeId, principal: null, effects: { touch: null } } })),
  ...ROUTES.map(([routeId, what, id, scope]) => c(`${routeId} is allowed with ${scope}`, what, { key: K[id] }, "200", {
    expect: { routeId, alternative: 0, missing: [], principal: { credential: "apiKey", kind: "apiKey", subject: "company-1", keyId: id, clientId: null, scopes: [scope] } } })),
  ...USER_ROUTES.map(([routeId, what]) => c(`V22 ${routeId} takes no API key`, what, { key: K.EveryScope01 }, "401 missing_credential", { expect: { routeId, challenges: [BEARER_CHALLENGE] } })),
  ...USER_ROUTES.map(([routeId, what]) => c(`${routeId} is allowed for the signed-in user`, what, { bearer: user() }, "200", {
    expect: { routeId, principal: { credential: "user", kind: "bearer", subject: "user-1", keyId: null, clientId: "dashboard", scopes: ["openid", "profile", "email"] } } })),

  c("the overview is for administrators too", OVERVIEW, { bearer: user({ role: "admin" }) }, "200", { expect: { alternative: 1, principal: { credential: "user" } } }),
  c("an administrator's role among several", OVERVIEW, { bearer: user({ role: ["recruiter", "admin"] }) }, "200"),
  c("a user of another role", OVERVIEW, { bearer: user({ role: "recruiter" }) }, "403 claim_mismatch", { expect: { missing: [], challenges: [] } }),
  c("a user without a role", OVERVIEW, { bearer: user() }, "403 claim_mismatch"),
  c("nobody is told of both credentials of the overview", OVERVIEW, {}, "401 missing_credential", { expect: { challenges: [KEY_CHALLENGE, BEARER_CHALLENGE] } }),
  c("the other analytics take no user", "GET /public/v1/analytics/jobs", { bearer: user({ role: "admin" }) }, "401 missing_credential", { expect: { challenges: [KEY_CHALLENGE] } }),

  c("health is public", "GET /health", {}, "200", { expect: { routeId: "health", principal: null, alternative: null, challenges: [] } }),
  c("a public route does not look at credentials", "GET /health", { key: "nonsense", bearer: "nonsense" }, "200"),
  c("a public route does not look for two credentials", "GET /health", { headers: [["X-API-Key", "a"], ["X-API-Key", "b"]] }, "200"),
  c("HEAD takes the rule of GET", "HEAD /public/v1/job-listings/42", good, "200", { expect: { routeId: "getJobListing", params: { id: "42" } } }),
  c("HEAD takes the scopes of GET", "HEAD /public/v1/job-listings/42", { key: K.JobsWrite001 }, "403 insufficient_scope jobs:read"),
  c("a parameter is told as it was sent", "GET /public/v1/job-listings/senior%20engineer", good, "200", { expect: { params: { id: "senior%20engineer" } } }),

  // 400
  c("a dot segment", "GET /public/v1/job-listings/../webhooks", good, "400 noncanonical_target dot_segment", { expect: { routeId: null, challenges: [] } }),
  c("an encoded dot segment", "GET /public/v1/job-listings/%2e%2e/webhooks", good, "400 noncanonical_target"),
  c("an encoded slash", "GET /public/v1/job-listings/42%2Fpublish", good, "400 noncanonical_target encoded_slash"),
  c("an encoded query delimiter", "GET /public/v1/job-listings/42%3fx", good, "400 noncanonical_target encoded_delimiter"),
  c("an encoded letter", "GET /public/v1/job-listing%73", good, "400 noncanonical_target encoded_unreserved"),
  c("a matrix parameter", "GET /public/v1/job-listings;v=1", good, "400 noncanonical_target matrix_parameter"),
  c("a backslash", "GET /public\\v1\\job-listings", good, "400 noncanonical_target backslash"),
  c("a fragment", "GET /public/v1/job-listings#x", good, "400 noncanonical_target fragment"),
  c("a control character", "GET /public/v1/job-listings/4\u00012", good, "400 noncanonical_target control_character"),
  c("raw non-ASCII", "GET /public/v1/job-listings/é", good, "400 noncanonical_target non_ascii"),
  c("invalid UTF-8", "GET /public/v1/job-listings/%ff", good, "400 noncanonical_target invalid_utf8"),
  c("an empty segment", "GET /public//v1/job-listings", good, "400 noncanonical_target empty_segment"),
  c("an absolute form", "GET http://api.jobiflow.com/public/v1/job-listings", good, "400 noncanonical_target not_absolute_path"),
  c("a truncated escape", "GET /public/v1/job-listings/%4", good, "400 noncanonical_target bad_percent_encoding"),
  c("a space", "GET /public/v1/job-listings/4 2", good, "400 noncanonical_target invalid_character"),
  c("a target of more than 8 KiB", `GET /${"a".repeat(8192)}`, good, "400 noncanonical_target too_long"),
  c("more than 64 segments", `GET ${"/a".repeat(65)}`, good, "400 noncanonical_target too_many_segments"),
  c("the gate stands before public routes too", "GET /./health", {}, "400 noncanonical_target dot_segment"),
  c("the gate stands before the transport", "GET /a/../health", { https: false }, "400 noncanonical_target dot_segment"),
  c("a method override", "POST /public/v1/job-listings/42/publish", { key: K.JobsWrite001, headers: [["X-HTTP-Method-Override", "DELETE"]] }, "400 method_override"),
  c("a method override on a public route", "GET /health", { headers: [["X-HTTP-Method", "DELETE"]] }, "400 method_override"),
  c("a method override stands before the transport", "GET /health", { https: false, headers: [["X-Method-Override", "DELETE"]] }, "400 method_override"),
  c("V13 one key on two lines", JOBS, { headers: [["X-API-Key", K.JobsRead0001], ["x-api-key", K.JobsRead0001]] }, "400 ambiguous_credentials", { expect: { routeId: "listJobListings" } }),
  c("V13 two keys joined by a comma", JOBS, { key: `${K.JobsRead0001}, ${K.JobsWrite001}` }, "400 ambiguous_credentials"),
  c("V13 a key in two places", JOBS, { key: K.JobsRead0001, bearer: K.JobsRead0001 }, "400 ambiguous_credentials"),
  c("two bearer tokens", SETTINGS, { headers: [["Authorization", `Bearer ${user()}`], ["Authorization", `Bearer ${user()}`]] }, "400 ambiguous_credentials"),

  // 401
  c("no key at all", JOBS, {}, "401 missing_credential", { expect: { challenges: [KEY_CHALLENGE], problem: { status: 401, code: "missing_credential" } } }),
  c("V12 a key in the query string is not read", `${JOBS}?api_key=${K.JobsRead0001}&X-API-Key=${K.JobsRead0001}`, {}, "401 missing_credential"),
  c("a user's token opens no key-only route", JOBS, { bearer: user() }, "401 missing_credential", { expect: { challenges: [KEY_CHALLENGE] } }),
  c("no token at all", SETTINGS, {}, "401 missing_credential", { expect: { challenges: [BEARER_CHALLENGE] } }),
  c("another scheme is no bearer token", SETTINGS, { headers: [["Authorization", "Basic dXNlcjpwYXNz"]] }, "401 missing_credential", { expect: { challenges: [BEARER_CHALLENGE] } }),
  c("a key with a wrong checksum", JOBS, { key: `${K.JobsRead0001.slice(0, -1)}${K.JobsRead0001.endsWith("0") ? "1" : "0"}` }, "401 malformed_credential wrong_checksum"),
  c("a key of another product", JOBS, { key: apiKey("JobsRead0001", { product: "abc" }) }, "401 malformed_credential wrong_prefix"),
  c("a malformed key makes no host call", JOBS, { key: "jbf_live_short" }, "401 malformed_credential", failing),
  c("an API key as a bearer token", SETTINGS, { bearer: K.JobsRead0001 }, "401 malformed_credential token_malformed"),
  c("Bearer without a token", SETTINGS, { headers: [["Authorization", "Bearer"]] }, "401 malformed_credential"),
  c("an unknown key", JOBS, { key: apiKey("Unknown00001") }, "401 invalid_credential", { expect: { problem: { detail: "The credential is not valid." }, effects: { touch: null, upgrade: null, audit: { reason: "unknown_id" } } } }),
  c("a known id with another secret", JOBS, { key: apiKey("JobsRead0001", { secret: "0".repeat(43) }) }, "401 invalid_credential", { expect: { problem: { detail: "The credential is not valid." }, effects: { audit: { reason: "wrong_secret" } } } }),
  c("a key of an environment not accepted here", JOBS, { key: test }, "401 invalid_credential", { expect: { problem: { detail: "The credential is not valid." }, effects: { audit: { reason: "wrong_environment" } } } }),
  c("V30 scopes edited in the database", JOBS, { key: K.SealEdited01 }, "401 invalid_credential"),
  c("a revoked key", JOBS, { key: K.Revoked00001 }, "401 key_revoked", { expect: { effects: { touch: null, audit: { code: "key_revoked", keyId: "Revoked00001" } } } }),
  c("V19 a clock that went backwards does not revive a revoked key", JOBS, { key: K.Revoked00001 }, "401 key_revoked", { now: now - 2 }),
  c("V03 revoked is told only after proof", JOBS, { key: apiKey("Revoked00001", { secret: "1".repeat(43) }) }, "401 invalid_credential"),
  c("V03 expired is told only after proof", JOBS, { key: apiKey("Expired00001", { secret: "1".repeat(43) }) }, "401 invalid_credential"),
  c("an expired key", JOBS, { key: K.Expired00001 }, "401 key_expired"),
  c("revoked says more than expired", JOBS, { key: K.RevokedExp01 }, "401 key_revoked"),
  c("a key is expired at exactly its end", JOBS, { key: K.Expiring0001 }, "401 key_expired"),
  c("a key is good until a second before its end", JOBS, { key: K.Expiring0001 }, "200", { now: now - 1 }),
  c("a rotated key after its overlap", JOBS, { key: K.GraceOver001 }, "401 key_expired"),
  c("a rotated key within its overlap", JOBS, { key: K.GraceOn00001 }, "200"),
  c("an expired token", SETTINGS, { bearer: user({ exp: now - 30 }) }, "401 invalid_token expired", { expect: { challenges: [`${BEARER_CHALLENGE}, error="invalid_token"`], problem: { code: "invalid_token" } } }),
  c("a token within the leeway", SETTINGS, { bearer: user({ exp: now - 29 }) }, "200"),
  c("a token of another issuer", SETTINGS, { bearer: user({ iss: "https://api.jobiflow.com/" }) }, "401 invalid_token issuer_mismatch"),
  c("a token for another audience", SETTINGS, { bearer: user({ aud: ["https://api.jobiflow.com.example"] }) }, "401 invalid_token audience_mismatch"),
  c("a token signed by a stranger", SETTINGS, { bearer: user({}, { key: "test-rsa-b", kid: "test-rsa-a" }) }, "401 invalid_token signature_invalid"),
  c("a token of an unknown key", SETTINGS, { bearer: user({}, { key: "test-rsa-b" }) }, "401 invalid_token key_not_found"),
  c("a token without a signature", SETTINGS, { bearer: `${user({}, { alg: "none" })}AA` }, "401 invalid_token alg_not_allowed"),
  c("an ID token is no access token", SETTINGS, { bearer: user({}, { header: { typ: "JWT" } }) }, "401 invalid_token typ_mismatch"),

  // each reason of invalid_token that this policy can give and that has no case above
  ...[
    ["token_too_large", `${user()}${"A".repeat(8192)}`], ["base64_invalid", `${user()}=`],
    ["header_invalid", user({}, { headerText: "{" })], ["header_duplicate_member", user({}, { headerText: '{"alg":"RS256","alg":"none","typ":"at+jwt"}' })],
    ["alg_missing", user({}, { header: { alg: undefined } })], ["alg_key_mismatch", user({}, { kid: "elliptic" })],
    ["crit_invalid", user({}, { header: { crit: [] } })], ["crit_unsupported", user({}, { header: { crit: ["x"], x: 1 } })], ["b64_unsupported", user({}, { header: { b64: false } })],
    ["nested_unsupported", user({}, { header: { cty: "JWT" } })], ["key_ambiguous", user({}, { header: { kid: undefined } })],
    ["key_use_mismatch", user({}, { kid: "encryption" })], ["key_weak", user({}, { key: "test-rsa-1024", kid: "weak" })], ["key_invalid", user({}, { kid: "broken" })],
    ["claims_invalid", user({}, { payloadText: "{" })], ["claims_duplicate_member", user({}, { payloadText: `${JSON.stringify(claims).slice(0, -1)},"sub":"user-2"}` })],
    ["claim_missing", user({ sub: undefined })], ["claim_type", user({ exp: `${now + 600}` })], ["not_yet_valid", user({ nbf: now + 31 })], ["issued_in_future", user({ iat: now + 31 })],
  ].map(([detail, bearer]) => c(`a token refused for ${detail}`, SETTINGS, { bearer }, `401 invalid_token ${detail}`)),

  // 403
  c("plain HTTP", JOBS, { ...good, https: false }, "403 insecure_transport", { expect: { routeId: null, effects: { touch: null } } }),
  c("plain HTTP on a public route", "GET /health", { https: false }, "403 insecure_transport"),
  c("plain HTTP stands before an unknown path", "GET /nowhere", { https: false }, "403 insecure_transport"),
  c("a key from an address outside its list", JOBS, { key: K.OfficeOnly01, clientIp: "198.51.100.7" }, "403 ip_not_allowed", { expect: { challenges: [] } }),
  c("V27 a key with a list and no address", JOBS, { key: K.OfficeOnly01 }, "403 ip_not_allowed"),
  c("a key from an address within its list", JOBS, { key: K.OfficeOnly01, clientIp: "192.0.2.255" }, "200"),
  c("a key from an IPv6 address within its list", JOBS, { key: K.OfficeOnly01, clientIp: "2001:db8:ffff::1" }, "200"),
  c("a token of another client", SETTINGS, { bearer: user({ client_id: "partner-app" }) }, "403 credential_not_accepted", { expect: { challenges: [] } }),
  c("a token of no client", SETTINGS, { bearer: user({ client_id: undefined }) }, "403 credential_not_accepted"),
  c("a token that names its client in azp", SETTINGS, { bearer: user({ client_id: undefined, azp: "dashboard" }) }, "200", { expect: { principal: { clientId: "dashboard" } } }),
  c("a token without openid", SETTINGS, { bearer: user({ scope: "profile email" }) }, "403 insufficient_scope openid", {
    expect: { challenges: [`${BEARER_CHALLENGE}, error="insufficient_scope", scope="openid"`] } }),
  c("a token without a scope", SETTINGS, { bearer: user({ scope: undefined }) }, "403 insufficient_scope openid"),
  c("a key without the scope is challenged for it", JOBS, { key: K.JobsWrite001 }, "403 insufficient_scope jobs:read", {
    expect: { challenges: [`${KEY_CHALLENGE}, error="insufficient_scope", scope="jobs:read"`], problem: { requiredScopes: ["jobs:read"] } } }),

  // 404, 405
  c("an unknown path", "GET /public/v1/nothing", good, "404 no_route", { expect: { routeId: null, challenges: [] } }),
  c("an unknown path, without a credential", "GET /public/v1/nothing", {}, "404 no_route"),
  c("a trailing slash makes another path", `${JOBS}/`, good, "404 no_route"),
  c("case makes another path", "GET /public/v1/Job-Listings", good, "404 no_route"),
  c("a longer first segment is another path", "GET /publicity/v1/job-listings", good, "404 no_route"),
  c("the root is no route", "GET /", {}, "404 no_route"),
  c("a method that the path lacks", "PUT /public/v1/job-listings/42", good, "405 method_not_allowed", { expect: { routeId: null } }),
  c("a wrong method tells the right ones", "GET /public/v1/job-listings/42/publish", good, "405 method_not_allowed", { expect: { allow: ["POST"] } }),
  c("a literal path never falls through to a parameter", "GET /public/v1/candidates/import", { key: K.CandRead0001 }, "405 method_not_allowed", { expect: { allow: ["POST"] } }),
  c("a method in lower case", "get /public/v1/job-listings", good, "405 method_not_allowed"),

  // preflight
  c("a preflight", "OPTIONS /public/v1/job-listings", { headers: [["Origin", "https://app.example"], ["Access-Control-Request-Method", "GET"]] }, "204 preflight", { expect: { problem: null, principal: null } }),
  c("a preflight of an unknown path", "OPTIONS /nowhere", { headers: [["Origin", "https://app.example"], ["Access-Control-Request-Method", "GET"]] }, "404 no_route"),
  c("OPTIONS without an origin is no preflight", "OPTIONS /public/v1/job-listings", { headers: [["Access-Control-Request-Method", "GET"]] }, "405 method_not_allowed"),

  // 503
  c("the store is down", JOBS, good, "503 store_unavailable", { ...failing, expect: { challenges: [], effects: { touch: null } } }),
  c("the store is down and nobody asks it", JOBS, {}, "401 missing_credential", failing),
  c("the store is down and the route is public", "GET /health", {}, "200", failing),
  c("V28 a record under a pepper that is gone", JOBS, { key: K.NoPepper0001 }, "503 keyring_unavailable"),
  c("the key set is out of reach", SETTINGS, { bearer: user() }, "503 keys_unavailable", failing),

  // effects
  c("a sealed record as it was issued", JOBS, { key: K.Sealed000001 }, "200"),
  c("a first use is recorded", JOBS, good, "200", { expect: { effects: { touch: { id: "JobsRead0001", at: now }, upgrade: null } } }),
  c("a use within the minute is not recorded again", JOBS, { key: K.JustUsed0001 }, "200", { expect: { effects: { touch: null } } }),
  c("a use after the minute is recorded", JOBS, { key: K.LongAgo00001 }, "200", { expect: { effects: { touch: { id: "LongAgo00001", at: now } } } }),
  c("a hash under an old pepper is renewed", JOBS, { key: K.OldPepper001 }, "200", { expect: { effects: { upgrade: { id: "OldPepper001", expectedVersion: 7 } } } }),
  c("a denial is audited by id", JOBS, { key: K.JobsWrite001 }, "403 insufficient_scope jobs:read", {
    expect: { effects: { audit: { type: "decision", at: now, effect: "deny", status: 403, code: "insufficient_scope", routeId: "listJobListings", keyId: "JobsWrite001" } } } }),
];

const { jwk: first } = testKey("test-rsa-a");
const jwks = {
  user: {
    keys: [
      { ...first, alg: "RS256", use: "sig" },
      { ...testKey("test-rsa-b").jwk, kid: "second" },
      { ...testKey("test-p256").jwk, kid: "elliptic" },
      { ...first, kid: "encryption", use: "enc" },
      { ...testKey("test-rsa-1024").jwk, kid: "weak" },
      { ...first, kid: "broken", e: "AQ" },
    ],
  },
};

export default { policy, peppers, jwks, now, keys, cases };

/** The same for `scopegate decide`, which takes them one by one: examples/jobiflow/README.md has the commands. */
export const files = {
  "keys.json": keys,
  "peppers.json": peppers,
  "jwks.json": jwks.user,
  "reader.key": K.JobsRead0001,
  "revoked.key": K.Revoked00001,
  "user.jwt": user(),
  "unsigned.jwt": `${user({}, { alg: "none" })}AA`,
};
