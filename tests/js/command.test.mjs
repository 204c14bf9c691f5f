// `npx scopegate` and the native command: the same readable text, JSON and exit codes, over one table of invocations.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { after, describe, it } from "node:test";

const root = new URL("../../", import.meta.url);
const native = process.env.SCOPEGATE_NATIVE ?? fileURLToPath(new URL("target/debug/scopegate", root));
const script = fileURLToPath(new URL("js/bin/scopegate.js", root));
const folder = mkdtempSync(join(tmpdir(), "scopegate-command-"));
after(() => rmSync(folder, { recursive: true }));

const file = (name, content) => {
  writeFileSync(join(folder, name), typeof content === "string" ? content : JSON.stringify(content));
  return name;
};
const seed = readFileSync(new URL("examples/jobiflow/policy.json", root), "utf8");
const [set] = [JSON.parse(readFileSync(new URL("examples/jobiflow/cases.json", root)))].flat();
const header = (name, { status }) =>
  set.cases.find(({ request, expect }) => expect.status === status && request.headers?.some(([found]) => found.toLowerCase() === name)).request.headers
    .find(([found]) => found.toLowerCase() === name)[1];
const keyOf = (text) => set.cases.flatMap(({ request }) => request.headers ?? []).map(([, value]) => value).find((value) => value.includes(text));

file("policy.json", seed);
file("cases.json", { ...set, cases: set.cases.slice(0, 3) });
file("failing.json", { ...set, cases: [{ ...set.cases[0], expect: { status: 200, code: "ok", missing: ["é"] } }, set.cases[1]] });
file("keys.json", set.keys);
file("wrapped.json", { keys: set.keys });
file("twice.json", [set.keys[0], set.keys[0]]);
file("peppers.json", set.peppers);
file("current.json", { ...set.peppers, current: "p2" });
file("jwks.json", set.jwks.user);
file("read.key", keyOf("_JobsRead0001_"));
file("sealed.key", `${keyOf("_Sealed000001_")}\n`);
file("old.key", keyOf("_OldPepper001_"));
file("revoked.key", keyOf("_Revoked00001_"));
file("cut.key", keyOf("_JobsRead0001_").slice(0, -1));
file("mistyped.key", `${keyOf("_JobsRead0001_").slice(0, -1)}!`);
file("other.key", "acme_live_x");
file("good.token", header("authorization", { status: 200 }).slice(7));
file("bad.token", `${header("authorization", { status: 200 }).slice(7, -4)}AAAA`);
file("no.token", "abc");
file("empty.token", "");
file("broken.json", '{"version":1');
file("member.json", `{\n  "version": 1,\n  "surprise": true\n}`);
file("wrong.json", {
  version: 1, name: "wrong", scopes: {}, credentials: {},
  routes: [{ id: "a", match: "nonsense", public: true }, { id: "a", match: "GET /x", public: true }, { id: "b", match: "GET /x", allow: [{ nobody: [] }] }],
});

/** Case files that are none, by what is wrong: each is told with its place, in the native command's words. */
const small = {
  policy: {
    version: 1, name: "t", scopes: { a: "A" }, credentials: { apiKey: { type: "apiKey", header: "X-API-Key", prefix: "jbf" } },
    routes: [{ id: "a", match: "GET /a", allow: [{ apiKey: ["a"] }] }],
  },
  peppers: { p1: set.peppers.p1 }, now: 1780000000, keys: [], cases: [{ name: "n", request: { method: "GET", target: "/a" }, expect: {} }],
};
const wrong = (change) => {
  const document = structuredClone(small);
  change(document);
  return JSON.stringify(document);
};
const [record] = set.keys;
const broken = {
  empty: "",
  colon: '{\n  "policy" 5}',
  comma: '{"now": 1,}',
  end: '{"cases": [',
  number: '{"now": 01}',
  escape: '{"é\\x": 1}',
  control: '{"a\nb": 1}',
  trailing: `${wrong(() => {})} x`,
  twice: wrong(() => {}).replace('"now"', '"now":1,"now"'),
  policy: '{"policy": 5}',
  member: wrong((set) => { set.colour = 1; }),
  caseMember: wrong((set) => { set.cases[0].colour = 1; }),
  requestMember: wrong((set) => { set.cases[0].request.colour = 1; }),
  expect: wrong((set) => { set.cases[0].expect = "allow"; }),
  noExpect: wrong((set) => { delete set.cases[0].expect; }),
  store: wrong((set) => { set.cases[0].store = "slow"; }),
  headers: wrong((set) => { set.cases[0].request.headers = keyOf("_JobsRead0001_"); }),
  address: wrong((set) => { set.cases[0].request.clientIp = "home"; }),
  now: wrong((set) => { set.now = "today"; }),
  fraction: wrong((set) => { set.now = 1.5; }),
  negative: wrong((set) => { set.now = -1; }),
  noCases: wrong((set) => { delete set.cases; }),
  undeclared: wrong((set) => { set.policy.routes[0].allow = [{ apiKey: ["b"] }]; }),
  policyMember: wrong((set) => { set.policy.surprise = 1; }),
  gone: wrong((set) => { set.policy = "none.json"; }),
  otherPolicy: wrong((set) => { set.policy = "wrong.json"; }),
  pepper: wrong((set) => { set.peppers.p1 = "c2hvcnQ"; }),
  jwks: wrong((set) => { set.jwks = { nobody: {} }; }),
  secret: wrong((set) => { set.secrets = { apiKey: "not base64!" }; }),
  twoRoutes: wrong((set) => { set.policy.routes.push({ ...set.policy.routes[0], id: "b" }); }),
  listed: JSON.stringify([small, { ...small, peppers: { p0: set.peppers.p1, p1: "c2hvcnQ" } }], null, 1),
  recordTwice: wrong((set) => { set.keys = [record, record]; }),
  owner: wrong((set) => { set.keys = [{ ...record, owner: "" }]; }),
  hash: wrong((set) => { set.keys = [{ ...record, hashes: [] }]; }),
  second: JSON.stringify({ ...small, keys: [record, { ...set.keys[1], label: "" }, set.keys[2]] }, null, 1),
  noRecord: wrong((set) => { set.keys = [5]; }),
  textRecord: wrong((set) => { set.keys = ["a secret"]; }),
  recordMember: wrong((set) => { set.keys = [record, { ...record, id: 5 }]; }),
  storeNumber: wrong((set) => { set.cases[0].store = 5; }),
  pepperTwice: wrong(() => {}).replace('"p1"', '"p1":"AA","p1"'),
  pepperNull: wrong((set) => { set.peppers = null; }),
  caseTwice: wrong(() => {}).replace('"expect"', '"name":"n","expect"'),
  expectTwice: wrong(() => {}).replace('"expect":{', '"expect":{"a":{"b":1,"b":2}'),
  policyTwice: wrong(() => {}).replace('"routes"', '"name":"t","routes"'),
  late: wrong((set) => { set.now = 253402300800; }),
  deep: wrong(() => {}).replace('"expect":{', `"expect":{"a":${"[".repeat(130)}${"]".repeat(130)}`),
  lists: `[${wrong(() => {})},\n ${wrong((set) => { delete set.now; })}]`,
};
for (const [name, text] of Object.entries(broken)) file(`broken-${name}.json`, text);
file("float.json", `[{ "v": 1, "id": "000000000000",\n "expiresAt": 1.5, "env": "live" }]`);
file("keys-twice.json", JSON.stringify({ keys: [record] }).replace('"keys"', '"keys":[],"keys"'));
file("keys-none.json", "{}");
file("missing.json", JSON.stringify([{ ...record, expiresAt: undefined }]));
file("owner.json", JSON.stringify([{ ...record, owner: "" }]));
file("peppers-broken.json", `{"p1": "${set.peppers.p1}" x}`);
file("peppers-short.json", '{"p1": "AAAA"}');
file("peppers-current.json", { ...set.peppers, current: "p9" });
file("peppers-padded.json", { p1: `${set.peppers.p1}=` });
file("peppers-number.json", '{"p1": 5}');
file("peppers-swapped.json", JSON.stringify({ [set.peppers.p1]: "p1" }));
file("jwks-none.json", '{ "keys": 1 }');
file("jwks-broken.json", '{ "keys":\n [ }');
file("jwks-private.json", '{ "keys": [ { "kty": "EC" },\n { "kty": "RSA", "d": "AQ" } ] }');
file("lines.key", `${keyOf("_JobsRead0001_")}\nmore\n`);
file("bom.key", `\ufeff${keyOf("_JobsRead0001_")}`);
file("toml.toml", "version = 1\n");
writeFileSync(join(folder, "latin.json"), Buffer.from([0x22, 0xe9, 0x22]));
file("bom.json", `\ufeff${wrong(() => {})}`);

const JOBS = "GET /public/v1/job-listings/42";
const stored = (peppers) => ["--policy", "policy.json", "--keys", "keys.json", "--peppers", peppers, "--jwks", "user=jwks.json", "--now", String(set.now)];
const asked = (request, ...rest) => ["decide", ...stored("peppers.json"), "--request", request, ...rest];
const key = (name) => ["--key-file", `${name}.key`];
const bearer = (name) => ["--bearer-file", `${name}.token`];

/** Arguments and the exit code; both commands print the same. */
const same = [
  [["--version"], 0],
  [["check", "policy.json"], 0],
  [["check", "policy.json", "wrong.json", "broken.json"], 2],
  [["check", "member.json"], 2],
  [["test", "cases.json", "policy.json"], 0],
  [["test", "failing.json"], 1],
  [["test", "--decisions", "cases.json"], 0],
  [["decide", "--request", "GET /health"], 0],
  [["decide", "--target", "/nowhere"], 10],
  [["decide", "--method", "POST", "--target", "/health", "--now", "1780000000", "--json"], 10],
  [asked(JOBS), 10],
  [asked(JOBS, ...key("read")), 0],
  [asked(JOBS, ...key("read"), "--json"), 0],
  [asked(JOBS, ...key("read"), "--explain"), 0],
  [asked(JOBS, ...key("read"), "--explain", "--json"), 0],
  [asked(JOBS, ...key("sealed")), 0],
  [asked(JOBS, ...key("old"), "--json"), 0],
  [["decide", ...stored("current.json"), "--request", JOBS, ...key("old"), "--json"], 0],
  [asked("POST /public/v1/job-listings", ...key("read"), "--explain"), 10],
  [asked(JOBS, ...key("revoked")), 10],
  [asked(JOBS, ...key("cut")), 10],
  [asked(JOBS, ...key("mistyped")), 10],
  [asked(JOBS, ...key("other")), 10],
  [asked(JOBS, ...key("read"), "--http"), 10],
  [asked("PUT /public/v1/job-listings/42", ...key("read")), 10],
  [asked("GET /public/v1/../x"), 10],
  [asked("GET /public/v1/a%2"), 10],
  [asked("GET /public/v1/é"), 10],
  [asked("GET "), 10],
  [asked("OPTIONS /health", "-H", "Origin: https://a.example", "-H", "Access-Control-Request-Method: GET"), 10],
  [asked("GET /health", "-H", "X-HTTP-Method-Override: DELETE"), 10],
  [asked("GET /settings/api-keys/7", ...bearer("good")), 0],
  [asked("GET /settings/api-keys/7", ...bearer("good"), "--explain"), 0],
  [asked("GET /settings/api-keys/7", ...bearer("bad")), 10],
  [asked("GET /settings/api-keys/7", ...bearer("no")), 10],
  [asked("GET /settings/api-keys/7", ...bearer("empty")), 10],
  [asked("GET /settings/api-keys/7", ...bearer("good"), "--client-ip", "2001:db8::1"), 0],
  [["decide", "--policy", "policy.json", "--keys", "wrapped.json", "--peppers", "peppers.json", "--now", "2026-05-28T22:26:40+02:00", "--request", JOBS, ...key("read")], 0],
  [["decide", "--policy", "policy.json", "--request", JOBS, ...key("read"), "--now", "2026-01-01T00:00:00Z"], 10],
];

/** Misuse: both end in 2 and print nothing to standard output; where `true`, they say the same. */
const misused = [
  [["check", "nowhere.json"], true],
  [["test", "nowhere.json"], true],
  [["decide", "--request", "GET"], true],
  [["decide", "--request", "GET /x", "-H", "X-API-Key: x"], true],
  [["decide", "--request", "GET /x", "-H", "Proxy-Authorization: x"], true],
  [["decide", "--request", "GET /x", "-H", "nonsense"], true],
  [["decide", "--request", "GET /x", "--jwks", "nonsense"], true],
  [["decide", "--request", "GET /x", "--key-file", "-", "--bearer-file", "-"], true],
  [["decide", "--request", "GET /x", "--keys", "twice.json"], true],
  [["decide", "--request", keyOf("_JobsRead0001_")], true],
  [["decide", "--policy", "wrong.json", "--request", "GET /x"], true],
  ...Object.keys(broken).map((name) => [["test", `broken-${name}.json`], true]),
  ...["float", "missing", "owner", "keys-twice", "keys-none", "broken-empty"].map((name) => [["decide", "--request", "GET /x", "--keys", `${name}.json`], true]),
  ...["broken", "short", "number", "swapped", "current", "padded"].map((name) => [["decide", "--request", "GET /x", "--peppers", `peppers-${name}.json`], true]),
  ...["none", "broken", "private"].map((name) => [["decide", "--request", "GET /x", "--jwks", `user=jwks-${name}.json`], true]),
  [["decide", "--request", "GET /x", "--jwks", "nobody=jwks.json"], true],
  ...["lines", "bom"].map((name) => [["decide", "--request", "GET /x", ...key(name)], true]),
  [["check", "-", "-"], true],
  [["test", "-", "-"], true],
  [["test", "latin.json"], true],
  [["check", "latin.json"], true],
  [["test", "bom.json"], true],
  [["decide", "--request", "GET /x", "--now", "soon"], false],
  [["decide", "--request", "GET /x", "--client-ip", "x"], false],
  [["decide", "--request", "GET /x", "--target", "/x"], false],
  [["decide"], false],
  [["check"], false],
  [["test", "broken.json"], false],
  [["test", "toml.toml"], false],
  [["decide", "--policy", "toml.toml", "--request", "GET /x"], false],
  [["decide", "--surprise"], false],
  [["surprise"], false],
];

const run = (command, parameters) => {
  const { status, stdout, stderr } = spawnSync(command, parameters, { cwd: folder, encoding: "utf8", input: "" });
  return { status, stdout, stderr };
};
const ours = (parameters) => run(process.execPath, [script, ...parameters]);
const label = (parameters) => parameters.join(" ").slice(0, 120);

describe("the npm command", () => {
  const skip = existsSync(native) ? false : "no native command is built";
  for (const [parameters, status] of same) {
    it(`${status}: ${label(parameters)}`, { skip }, () => {
      const found = ours(parameters);
      assert.deepEqual(found, run(native, parameters));
      assert.equal(found.status, status, found.stdout + found.stderr);
    });
  }

  for (const parameters of [["--help"], ["-h"], ["help"], ["decide", "--help"], ["test", "-h"]]) {
    it(`helps: ${label(parameters)}`, () => {
      const { status, stdout, stderr } = ours(parameters);
      assert.deepEqual([status, stderr], [0, ""]);
      for (const part of ["usage: scopegate test", "check FILE", "--peppers FILE", "Exit codes"]) assert.ok(stdout.includes(part), stdout);
    });
  }

  it("says which commands are native ones", () => {
    for (const name of ["serve", "keys"]) assert.deepEqual([ours([name]).status, ours([name, "new"]).stderr.includes(`${name} is of the native command alone`)], [2, true]);
  });

  for (const [parameters, text] of misused) {
    it(`misused: ${label(parameters)}`, { skip }, () => {
      const [found, expected] = [ours(parameters), run(native, parameters)];
      assert.deepEqual([found.status, found.stdout], [expected.status, expected.stdout], found.stderr + expected.stderr);
      assert.equal(found.status, 2);
      assert.ok(found.stderr.length > 0);
      assert.ok(!found.stderr.includes(set.peppers.p1), "a pepper is shown");
      if (text) assert.equal(found.stderr, expected.stderr);
    });
  }
});
