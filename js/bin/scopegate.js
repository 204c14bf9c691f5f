#!/usr/bin/env node
// `npx scopegate test|check|decide`: the native command's output and exit codes, over the module of this package.
// 0 fine or allow, 1 tests or checks failed, 2 misuse, 10 deny.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { createGate } from "../entry/node.js";
import { runCases } from "../core/cases.js";
import { explain } from "./explain.js";
import { readable } from "./readable.js";

const USAGE = `usage: scopegate test [--decisions] FILE…
       scopegate check FILE…
       scopegate decide [--policy FILE] --request 'METHOD TARGET' [--keys FILE] [--jwks CREDENTIAL=FILE] [--peppers FILE]
                        [--secrets FILE] [-H 'NAME: VALUE'] [--key-file FILE] [--bearer-file FILE] [--http]
                        [--client-ip ADDRESS] [--now SECONDS] [--explain] [--json]`;

class Misuse extends Error {}

function read(file) {
  try {
    return readFileSync(file === "-" ? 0 : file, "utf8");
  } catch (error) {
    throw new Misuse(`${file}: cannot be read: ${error.code}`);
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
    throw new Misuse(error.errors ? explain(file, text, error.errors) : `${file}: ${error.message}`);
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
      else if (differences.length > 0) console.log(`FAILED ${file}: ${name}: ${differences.join("; ")}`);
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

async function decide(values) {
  if (values.request === undefined) throw new Misuse(USAGE);
  const [method, target] = pair(values.request, " ", "--request: expected a method, a space and a target, like 'GET /jobs'");
  const file = values.policy;
  if (file === undefined) throw new Misuse("--policy: expected the file of a policy");
  const text = read(file);
  const records = values.keys === undefined ? [] : parse(values.keys);
  const list = Array.isArray(records) ? records : records.keys;
  const peppers = values.peppers === undefined ? undefined : parse(values.peppers);
  const now = values.now === undefined ? undefined : Number(values.now);
  if (now !== undefined && !Number.isSafeInteger(now)) throw new Misuse("--now: expected Unix seconds");
  const gate = gateOf(file, text, {
    keys: { find: (id) => list.find((record) => record.id === id) ?? null },
    keySets: Object.fromEntries((values.jwks ?? []).map((one) => pair(one, "=", "--jwks: expected CREDENTIAL=FILE")).map(([name, path]) => [name, read(path)])),
    peppers: peppers === undefined ? undefined : { current: Object.keys(peppers)[0], ...peppers },
    secrets: values.secrets === undefined ? undefined : parse(values.secrets),
    trace: values.explain,
    now: now === undefined ? undefined : () => now,
  });
  const headers = (values.header ?? []).map((one) => pair(one, ":", "--header: expected NAME: VALUE"));
  const { credentials } = gate.policy;
  for (const [name] of headers) {
    if (["authorization", ...credentials.map((one) => one.header?.toLowerCase())].includes(name.toLowerCase())) {
      throw new Misuse(`a credential on the command line stays in the shell's history; give ${name} by --key-file or --bearer-file (- reads standard input)`);
    }
  }
  const secret = (path) => read(path).replace(/[\r\n]+$/, "");
  if (values["key-file"] !== undefined) {
    const header = credentials.find((one) => one.header !== undefined)?.header;
    if (header === undefined) throw new Misuse("--key-file: the policy has no API key credential");
    headers.push([header, secret(values["key-file"])]);
  }
  if (values["bearer-file"] !== undefined) headers.push(["Authorization", `Bearer ${secret(values["bearer-file"])}`]);
  const decision = await gate.decide({ method, target, headers, https: !values.http, clientIp: values["client-ip"] });
  console.log(values.json ? decision.toString() : readable(decision));
  return decision.allowed ? 0 : 10;
}

const text = { type: "string" };
const many = { type: "string", multiple: true };
const flag = { type: "boolean" };
const commands = {
  test: [test, { decisions: flag }],
  check: [check, {}],
  decide: [decide, {
    policy: text, request: text, keys: text, jwks: many, peppers: text, secrets: text, header: { ...many, short: "H" },
    "key-file": text, "bearer-file": text, http: flag, "client-ip": text, now: text, explain: flag, json: flag,
  }],
};

try {
  const [name, ...rest] = process.argv.slice(2);
  if (!Object.hasOwn(commands, name ?? "")) throw new Misuse(USAGE);
  const [run, options] = commands[name];
  const { values, positionals } = parseArgs({ args: rest, options, allowPositionals: name !== "decide" });
  if (name !== "decide" && positionals.length === 0) throw new Misuse(USAGE);
  process.exitCode = await run(values, positionals);
} catch (error) {
  if (!(error instanceof Misuse) && !error.code?.startsWith?.("ERR_PARSE_ARGS") && error.name !== "ScopegateError") throw error;
  console.error(`error: ${error.message}`);
  process.exitCode = 2;
}
