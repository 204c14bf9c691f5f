#!/usr/bin/env node
// `npx scopegate test|check|decide`: the native command's output and exit codes, over the module of this package.
// 0 fine or allow, 1 tests or checks failed, 2 misuse, 10 deny.
import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { getSystemErrorMap, parseArgs } from "node:util";
import { createGate } from "../entry/node.js";
import { runCases } from "../core/cases.js";
import { explain } from "./explain.js";
import { readable } from "./readable.js";
import { holdsCredential, redact } from "./secrecy.js";

const USAGE = `usage: scopegate test [--decisions] FILE…
       scopegate check FILE…
       scopegate decide [--policy FILE] (--request 'METHOD TARGET' | [--method METHOD] --target TARGET) [--keys FILE]
                        [--jwks CREDENTIAL=FILE] [--peppers FILE] [--secrets FILE] [-H 'NAME: VALUE'] [--key-file FILE]
                        [--bearer-file FILE] [--http] [--client-ip ADDRESS] [--now TIME] [--explain] [--json]
       scopegate --version`;
/** What is decided on without \`--policy\`: the policy that the native command has built in. */
const DEFAULT_POLICY = fileURLToPath(new URL("../../examples/jobiflow/policy.json", import.meta.url));
const RFC3339 = /^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$/;

class Misuse extends Error {}

function read(file) {
  try {
    return readFileSync(file === "-" ? 0 : file, "utf8");
  } catch (error) {
    const [, what] = getSystemErrorMap().get(error.errno) ?? [undefined, error.code];
    throw new Misuse(`${file}: cannot be read: ${what[0].toUpperCase()}${what.slice(1)} (os error ${-error.errno})`);
  }
}

function parse(file, text = read(file)) {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Misuse(`${file}: ${error.message}`);
  }
}

const gateOf = (file, text, options) => {
  try {
    return createGate({ policy: text, ...options });
  } catch (error) {
    // A mistake of the policy names its file, one of the options that go with it does not.
    throw new Misuse(error.errors ? explain(file, text, error.errors) : error.message);
  }
};

async function test({ decisions }, files) {
  let passed = 0;
  let failed = 0;
  for (const file of files) {
    const text = read(file);
    parse(file, text);
    let results;
    try {
      results = await runCases(text, (path) => read(join(dirname(file), path)));
    } catch (error) {
      throw error instanceof Misuse ? error : new Misuse(error.errors ? explain(file, text, error.errors) : `${file}: ${error.message}`);
    }
    for (const { name, decision, differences } of results) {
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
  let good = true;
  for (const file of files) {
    const text = read(file);
    try {
      const gate = createGate({ policy: text, ...standIns(text) });
      const { name, routes, scopes, credentials, tests } = gate.policy;
      console.log(`${file}: ok: ${JSON.stringify(name)}, ${routes.length} routes, ${scopes.length} scopes, ${credentials.length} credentials, ${tests} tests`);
    } catch (error) {
      good = false;
      console.log(error.errors ? explain(file, text, error.errors) : `${file}: ${error.message}`);
    }
  }
  return good ? 0 : 1;
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

function recordsOf(file) {
  const found = parse(file);
  const list = Array.isArray(found) ? found : found.keys;
  if (!Array.isArray(list)) throw new Misuse(`${file}: expected a list of key records, or an object with a list "keys"`);
  const records = new Map();
  for (const record of list) {
    if (records.has(record?.id)) throw new Misuse(`${file}: expected ids that are unique, found two records with id ${record.id}`);
    records.set(record?.id, record);
  }
  return records;
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
  const line = (path) => read(path).replace(/[\r\n]+$/, "");
  if (values["key-file"] !== undefined) {
    const header = credentials.find((one) => one.header !== undefined)?.header;
    if (header === undefined) throw new Misuse("--key-file: the policy has no API key credential");
    headers.push([header, line(values["key-file"])]);
  }
  if (values["bearer-file"] !== undefined) headers.push(["Authorization", `Bearer ${line(values["bearer-file"])}`]);
  return headers;
}

async function decide(values) {
  const [method, target] = requestOf(values);
  const now = instant(values.now);
  if (values["client-ip"] !== undefined && isIP(values["client-ip"]) === 0) throw new Misuse("--client-ip: expected an IP address");
  const jwks = (values.jwks ?? []).map((one) => pair(one, "=", "--jwks: expected CREDENTIAL=FILE"));
  const files = [values.policy, values.keys, values.peppers, values.secrets, values["key-file"], values["bearer-file"], ...jwks.map(([, path]) => path)];
  if (files.filter((path) => path === "-").length > 1) throw new Misuse("standard input can be read once: only one file may be -");
  const file = values.policy ?? DEFAULT_POLICY;
  const text = read(file);
  const records = values.keys === undefined ? new Map() : recordsOf(values.keys);
  const peppers = values.peppers === undefined ? undefined : parse(values.peppers);
  const gate = gateOf(file, text, {
    keys: { find: (id) => records.get(id) ?? null },
    keySets: Object.fromEntries(jwks.map(([name, path]) => [name, read(path)])),
    peppers: peppers === undefined ? undefined : { current: Object.keys(peppers)[0], ...peppers },
    secrets: values.secrets === undefined ? undefined : parse(values.secrets),
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
    console.log(`scopegate ${parse(fileURLToPath(new URL("../../package.json", import.meta.url))).version}`);
    process.exit();
  }
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
