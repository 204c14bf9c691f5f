#!/usr/bin/env node
// `npx scopegate test|check|decide`: the native command's output and exit codes, over the module of this package.
// 0 fine or allow, 1 tests failed, 2 misuse or a broken file, 10 deny.
import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { dirname, isAbsolute } from "node:path";
import { fileURLToPath } from "node:url";
import { getSystemErrorMap, parseArgs } from "node:util";
import { createGate } from "../entry/node.js";
import { runCases } from "../core/cases.js";
import { caseSets, keyRecords, readDocument, secretsByName } from "./documents.js";
import { explain, Misuse, mistaken, token } from "./explain.js";
import { readable } from "./readable.js";
import { holdsCredential, redact } from "./secrecy.js";

const USAGE = `usage: scopegate test [--decisions] FILE…
       scopegate check FILE…
       scopegate decide [--policy FILE] (--request 'METHOD TARGET' | [--method METHOD] --target TARGET) [--keys FILE]
                        [--jwks CREDENTIAL=FILE] [--peppers FILE] [--secrets FILE] [-H 'NAME: VALUE'] [--key-file FILE]
                        [--bearer-file FILE] [--http] [--client-ip ADDRESS] [--now TIME] [--explain] [--json]
       scopegate --version
Exit codes: 0 fine or allow, 1 a test failed, 2 misuse or a broken file, 10 deny.`;
/** What the native command can do besides. */
const NATIVE = ["serve", "keys", "users", "oauth-keys", "import"];
/** What is decided on without \`--policy\`: the policy that the native command has built in. */
const DEFAULT_POLICY = fileURLToPath(new URL("../../examples/jobiflow/policy.json", import.meta.url));
const RFC3339 = /^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$/;

function read(file) {
  let bytes;
  try {
    bytes = readFileSync(file === "-" ? 0 : file);
  } catch (error) {
    const [, what] = getSystemErrorMap().get(error.errno) ?? [undefined, error.code];
    throw new Misuse(`${file}: cannot be read: ${what[0].toUpperCase()}${what.slice(1)} (os error ${-error.errno})`);
  }
  let text;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Misuse(`${file}: expected UTF-8 text`);
  }
  if (text.startsWith("\ufeff")) throw new Misuse(`${file}: expected UTF-8 text without a byte order mark`);
  return text;
}

/** A secret: one line, its end cut off. */
function readSecret(file) {
  const line = read(file).replace(/[\r\n]+$/, "");
  if (/[\r\n]/.test(line)) throw new Misuse(`${file}: expected one line, and nothing but the secret in it`);
  return line;
}

/** Standard input is there for one file: the second would find nothing. */
function standardInputOnce(files) {
  if (files.filter((file) => file === "-").length > 1) throw new Misuse("standard input can be read once: only one file may be -");
}

/** The text of a policy; one in TOML needs the native command. */
function readPolicy(file) {
  if (file.endsWith(".toml")) throw new Misuse(`${file}: expected JSON: policies in TOML are read by the native command alone`);
  return read(file);
}

/** A gate. What is wrong with the policy, the peppers or a key set names its file and the place. */
const gateOf = (file, text, { peppers, jwks }, options) => {
  try {
    return createGate({ policy: text, ...options });
  } catch (error) {
    if (error.errors) throw new Misuse(explain(file, text, error.errors));
    if (error.code === "keyring_invalid") throw mistaken(peppers.file, peppers.text, `/${namedIn(error)}`, error.message);
    const set = error.code === "key_set_invalid" && jwks.find(({ name }) => error.message.includes(JSON.stringify(name)));
    throw set ? mistaken(set.file, set.text, faultyKey(set.text), error.message) : new Misuse(error.message);
  }
};

/** The pepper that an error names first. */
function namedIn({ message }) {
  const [name] = /"(?:[^"\\]|\\.)*"/.exec(message) ?? ['""'];
  return token(JSON.parse(name));
}

/** Where a key set is wrong: the first key that none may hold, or the list. */
function faultyKey(text) {
  const { keys } = JSON.parse(text);
  const policy = {
    version: 1, name: "-", scopes: {}, routes: [{ id: "-", match: "GET /", public: true }],
    credentials: { "-": { type: "bearer", issuer: "-", audiences: ["-"], algorithms: ["RS256"] } },
  };
  const isNone = (key) => {
    try {
      createGate({ policy, keySets: { "-": { keys: [key] } } }).close();
      return false;
    } catch {
      return true;
    }
  };
  const at = Array.isArray(keys) ? keys.findIndex(isNone) : -1;
  return at < 0 ? "/keys" : `/keys/${at}`;
}

/** The text of a key set. */
function keySet(file) {
  const text = read(file);
  readDocument("any", file, text);
  return text;
}

/** The peppers of a file; the first is current unless it names another. */
function peppersOf(file) {
  if (file === undefined) return undefined;
  const text = read(file);
  const { current, secrets } = secretsByName(file, text);
  const names = Object.keys(secrets);
  if (current !== undefined && !names.includes(current)) {
    throw mistaken(file, text, "/current", `"current": expected the name of a pepper of this file (${names.join(", ")})`);
  }
  return { file, text, ring: names.length === 0 ? undefined : { current: current ?? names[0], ...secrets } };
}

/** Holds a policy against the rules: the text of a file, or one that stands in the set at `place` of the case file `text`. What it compiles to is not kept. */
function credentialsOf(file, policy, text, place) {
  let gate;
  try {
    gate = createGate({ policy, ...standIns(policy) });
  } catch (error) {
    if (error.errors === undefined) throw error;
    const moved = (pointer) => (pointer === undefined || place === undefined ? pointer : `${place}/policy${pointer}`);
    throw new Misuse(explain(file, text, error.errors.map((one) => ({ ...one, place: moved(one.place), other: moved(one.other) }))));
  }
  const { credentials } = gate.policy;
  gate.close();
  return credentials;
}

/** A path beside a file. */
function beside(file, path) {
  return isAbsolute(path) || !/[/\\]/.test(file) ? path : `${dirname(file)}/${path}`;
}

/** The results of one file. Every policy of it is looked at before the first case runs. */
async function results(file) {
  const text = readPolicy(file);
  const sets = caseSets(file, text);
  if (sets === null) credentialsOf(file, text, text);
  const policies = new Map();
  for (const { set, place } of sets ?? []) {
    const path = typeof set.policy === "string" ? beside(file, set.policy) : undefined;
    if (path !== undefined && !policies.has(set.policy)) policies.set(set.policy, readPolicy(path));
    const policy = path === undefined ? JSON.stringify(set.policy) : policies.get(set.policy);
    const credentials = path === undefined ? credentialsOf(file, policy, text, place) : credentialsOf(path, policy, policy);
    holdPeppers(file, text, `${place}/peppers`, policy, set.peppers);
    const unknown = Object.keys(set.jwks ?? {}).find((name) => !credentials.some((credential) => credential.name === name));
    if (unknown !== undefined) {
      throw mistaken(file, text, `${place}/jwks/${token(unknown)}`, `credential ${JSON.stringify(unknown)} is not declared`);
    }
  }
  try {
    return await runCases(text, (path) => policies.get(path));
  } catch (error) {
    throw error.name === "ScopegateError" ? new Misuse(`${file}: ${error.message}`) : error;
  }
}

/** Holds the peppers of a set against the rules. */
function holdPeppers(file, text, place, policy, peppers = {}) {
  const [current] = Object.keys(peppers);
  if (current === undefined) return;
  try {
    createGate({ policy, peppers: { current, ...peppers }, ...standIns(policy) }).close();
  } catch (error) {
    if (error.code === "keyring_invalid") throw mistaken(file, text, `${place}/${namedIn(error)}`, error.message);
    throw error;
  }
}

async function test({ decisions }, files) {
  standardInputOnce(files);
  let passed = 0;
  let failed = 0;
  for (const file of files) {
    for (const { name, decision, differences } of await results(file)) {
      if (decisions) console.log(JSON.stringify({ decision, name }));
      else if (differences.length > 0) console.log(redact(`FAILED ${file}: ${name}: ${differences.join("; ")}`));
      if (differences.length > 0) failed += 1;
      else passed += 1;
    }
  }
  if (decisions) return 0;
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

/** Key sets and secrets that stand for none: a policy is checked without what a host would give. */
function standIns(text) {
  let credentials;
  try {
    credentials = Object.entries(JSON.parse(text).credentials ?? {});
  } catch {
    return {};
  }
  const hmac = credentials.filter(([, credential]) => JSON.stringify(credential).includes('"HS'));
  return { secrets: Object.fromEntries(hmac.map(([name]) => [name, new Uint8Array(64)])) };
}

function check(_, files) {
  standardInputOnce(files);
  let good = true;
  for (const file of files) {
    const text = readPolicy(file);
    try {
      const gate = createGate({ policy: text, ...standIns(text) });
      const { name, routes, scopes, credentials, tests } = gate.policy;
      console.log(`${file}: ok: ${JSON.stringify(name)}, ${routes.length} routes, ${scopes.length} scopes, ${credentials.length} credentials, ${tests} tests`);
    } catch (error) {
      good = false;
      console.log(error.errors ? explain(file, text, error.errors) : `${file}: ${error.message}`);
    }
  }
  return good ? 0 : 2;
}

function pair(text, separator, what) {
  const at = text.indexOf(separator);
  if (at < 0) throw new Misuse(what);
  return [text.slice(0, at).trim(), text.slice(at + separator.length).trim()];
}

function requestOf({ request, method, target }) {
  if (request !== undefined && (method !== undefined || target !== undefined)) throw new Misuse(USAGE);
  if (request === undefined) {
    if (target === undefined) throw new Misuse(USAGE);
    return [method ?? "GET", target];
  }
  const at = request.indexOf(" ");
  if (at < 0) throw new Misuse("--request: expected a method, a space and a target, like 'GET /jobs'");
  return [request.slice(0, at), request.slice(at + 1)];
}

function instant(text) {
  if (text === undefined) return undefined;
  const seconds = /^[+-]?\d+$/.test(text) ? Number(text) : RFC3339.test(text) ? Math.floor(Date.parse(text) / 1000) : Number.NaN;
  if (!Number.isSafeInteger(seconds)) throw new Misuse("--now: expected Unix seconds, or a time like 2027-01-31T00:00:00Z");
  return seconds;
}

/** The headers of the request: none of them may be a credential, which come from files. */
function headersOf(values, credentials) {
  const headers = (values.header ?? []).map((one) => pair(one, ":", "--header: expected NAME: VALUE"));
  const secret = new Set(["authorization", "proxy-authorization", "x-api-key", ...credentials.map(({ header }) => header?.toLowerCase())]);
  for (const [name] of headers) {
    if (secret.has(name.toLowerCase())) {
      throw new Misuse(`a credential on the command line stays in the shell's history; give ${name} by --key-file or --bearer-file (- reads standard input)`);
    }
  }
  if (values["key-file"] !== undefined) {
    const header = credentials.find((one) => one.header !== undefined)?.header;
    if (header === undefined) throw new Misuse("--key-file: the policy has no API key credential");
    headers.push([header, readSecret(values["key-file"])]);
  }
  if (values["bearer-file"] !== undefined) headers.push(["Authorization", `Bearer ${readSecret(values["bearer-file"])}`]);
  return headers;
}

async function decide(values) {
  const [method, target] = requestOf(values);
  const now = instant(values.now);
  if (values["client-ip"] !== undefined && isIP(values["client-ip"]) === 0) throw new Misuse("--client-ip: expected an IP address");
  const jwks = (values.jwks ?? []).map((one) => pair(one, "=", "--jwks: expected CREDENTIAL=FILE"));
  const files = [values.policy, values.keys, values.peppers, values.secrets, values["key-file"], values["bearer-file"], ...jwks.map(([, path]) => path)];
  standardInputOnce(files);
  const file = values.policy ?? DEFAULT_POLICY;
  const text = readPolicy(file);
  const peppers = peppersOf(values.peppers);
  const records = new Map((values.keys === undefined ? [] : keyRecords(values.keys, read(values.keys))).map((record) => [record.id, record]));
  const sets = jwks.map(([name, path]) => ({ name, file: path, text: keySet(path) }));
  const gate = gateOf(file, text, { peppers, jwks: sets }, {
    keys: { find: (id) => records.get(id) ?? null },
    keySets: Object.fromEntries(sets.map((set) => [set.name, set.text])),
    peppers: peppers?.ring,
    secrets: values.secrets === undefined ? undefined : secretsByName(values.secrets, read(values.secrets)).secrets,
    trace: values.explain,
    now: now === undefined ? undefined : () => now,
  });
  const headers = headersOf(values, gate.policy.credentials);
  const decision = await gate.decide({ method, target, headers, https: !values.http, clientIp: values["client-ip"] });
  console.log(values.json ? decision.toString() : readable(decision, JSON.parse(text).routes));
  return decision.allowed ? 0 : 10;
}

const text = { type: "string" };
const many = { type: "string", multiple: true };
const flag = { type: "boolean" };
const commands = {
  test: [test, { decisions: flag }],
  check: [check, {}],
  decide: [decide, {
    policy: text, request: text, method: text, target: text, keys: text, jwks: many, peppers: text, secrets: text, header: { ...many, short: "H" },
    "key-file": text, "bearer-file": text, http: flag, "client-ip": text, now: text, explain: flag, json: flag,
  }],
};

try {
  const [name, ...rest] = process.argv.slice(2);
  if (process.argv.slice(2).some(holdsCredential)) {
    throw new Misuse("an argument holds an API key or a token, and arguments stay in the shell's history: give it by --key-file or --bearer-file " +
      "(for `keys`, as a file), where - is standard input; revoke it if others can read that history");
  }
  if (name === "--version" || name === "-V") {
    console.log(`scopegate ${JSON.parse(read(fileURLToPath(new URL("../../package.json", import.meta.url)))).version}`);
    process.exit();
  }
  if (["--help", "-h", "help"].includes(name) || rest.includes("--help") || rest.includes("-h")) {
    console.log(USAGE);
    process.exit();
  }
  if (NATIVE.includes(name)) throw new Misuse(`${name} is of the native command alone, the crate scopegate-cli\n${USAGE}`);
  if (!Object.hasOwn(commands, name ?? "")) throw new Misuse(USAGE);
  const [run, options] = commands[name];
  const { values, positionals } = parseArgs({ args: rest, options, allowPositionals: name !== "decide" });
  if (name !== "decide" && positionals.length === 0) throw new Misuse(USAGE);
  process.exitCode = await run(values, positionals);
} catch (error) {
  if (!(error instanceof Misuse) && !error.code?.startsWith?.("ERR_PARSE_ARGS") && error.name !== "ScopegateError") throw error;
  console.error(`error: ${redact(error.message)}`);
  process.exitCode = 2;
}
