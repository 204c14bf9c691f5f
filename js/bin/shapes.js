// The files that the command is given, held against their shapes before anything is done: case files, key records, secrets by name.
import { isIP } from "node:net";
import { createGate } from "../entry/node.js";
import { mistaken, token } from "./explain.js";
import { plain, readStrict } from "./strict.js";

const LAST_INSTANT = 253402300799;
const INSTANT = `whole Unix seconds from 0 to ${LAST_INSTANT}`;
/** The longest name of a secret, in bytes. What is longer may be the secret itself, in the wrong place. */
const MAX_NAME_BYTES = 32;

const isText = ({ kind }) => kind === "string";
const isWhole = (node) => node.kind === "number" && node.whole && Number.isSafeInteger(node.value);
const isInstant = (node) => isWhole(node) && node.value >= 0 && node.value <= LAST_INSTANT;
const isId = (node) => isText(node) && /^[0-9A-Za-z]{12}$/.test(node.value);
const isTexts = ({ kind, items }) => kind === "array" && items.every(isText);
const orNull = (is) => (node) => node.kind === "null" || is(node);

const HASH = { alg: isText, kid: orNull(isText), hash: isText, notAfter: orNull(isInstant) };

function isHash({ kind, members }) {
  if (kind !== "object" || !members.every(({ name, node }) => Object.hasOwn(HASH, name) && HASH[name](node))) return false;
  return ["alg", "hash"].every((required) => members.some(({ name }) => name === required));
}

const SECONDS = "whole Unix seconds or null";
/** What each member of a record is, in the words of the native command, which never repeat what was found. */
const RECORD = {
  v: ["1", isWhole],
  id: ["12 base62 characters", isId],
  env: ["a string", isText],
  owner: ["a string", isText],
  label: ["a string", isText],
  scopes: ["a list of scope names", isTexts],
  hashes: ["a list of hashes: alg, kid, hash, notAfter", ({ kind, items }) => kind === "array" && items.every(isHash)],
  sealed: ["true or false", ({ kind }) => kind === "boolean"],
  createdAt: ["whole Unix seconds", isInstant],
  expiresAt: [SECONDS, orNull(isInstant)],
  revokedAt: [SECONDS, orNull(isInstant)],
  graceUntil: [SECONDS, orNull(isInstant)],
  lastUsedAt: [SECONDS, orNull(isInstant)],
  ipAllow: ["a list of addresses and CIDR blocks", isTexts],
  rotatedFrom: ["12 base62 characters or null", orNull(isId)],
  version: ["a whole number", (node) => isWhole(node) && node.value >= 0],
};

/** The module's own rules for records; asked of a gate, since there is no other way to it. */
let judge;
function judged(record) {
  judge ??= createGate({ policy: '{"version":1,"name":"-","scopes":{},"credentials":{},"routes":[{"id":"-","match":"GET /","public":true}]}' });
  judge.keys.revoke(record);
}

/** Holds nodes of one file against shapes. */
class Shapes {
  constructor({ fault, behind }) {
    this.fault = fault;
    this.behind = behind;
  }

  /** A value of the wrong kind: scalars are told behind their end, lists and objects where they begin. */
  wrong(node, expected) {
    const found = { string: "a string", null: "null", object: "map", array: "sequence", boolean: `boolean \`${node.value}\`` }[node.kind]
      ?? `${node.whole ? "integer" : "floating point"} \`${node.value}\``;
    const nested = node.kind === "object" || node.kind === "array";
    return this.fault(nested ? node.at : node.end, `invalid type: ${found}, expected ${expected}`);
  }

  kind(node, kind, expected) {
    if (node.kind !== kind) throw this.wrong(node, expected);
    return node;
  }

  text(node) {
    return this.kind(node, "string", "a string");
  }

  instant(node) {
    if (node.kind !== "number" || !node.whole) throw this.wrong(node, INSTANT);
    if (!isInstant(node)) throw this.fault(node.end, `invalid value: integer \`${node.value}\`, expected ${INSTANT}`);
  }

  list(node, each) {
    this.kind(node, "array", "a sequence").items.forEach((item) => each(item));
  }

  texts(node) {
    for (const { node: value } of this.kind(node, "object", "an object").members) this.text(value);
  }

  /** An object of known members. `known` says how each is read, and `required` which must be there. */
  members(node, expected, known, required) {
    const names = Object.keys(known);
    for (const { name, end, node: value } of this.kind(node, "object", expected).members) {
      if (!Object.hasOwn(known, name)) {
        throw this.fault(end, `unknown field \`${name}\`, expected one of ${names.map((one) => `\`${one}\``).join(", ")}`);
      }
      known[name](value);
    }
    for (const name of required) {
      if (!node.members.some((member) => member.name === name)) throw this.fault(node.end, `missing field \`${name}\``);
    }
  }

  record(node) {
    for (const { name, node: value } of this.kind(node, "object", "a key record").members) {
      if (Object.hasOwn(RECORD, name) && !RECORD[name][1](value)) throw this.fault(value.end, `${name}: expected ${RECORD[name][0]}`);
    }
    for (const [name, [expected]] of Object.entries(RECORD)) {
      if (!node.members.some((member) => member.name === name)) throw this.fault(node.end, `${name}: expected ${expected}; it is missing`);
    }
    try {
      judged(plain(node));
    } catch (error) {
      if (error.code !== "record_invalid") throw error;
      throw this.fault(this.behind(node.end), error.message.replace(/ at line \d+ column \d+$/, ""));
    }
  }

  request(node) {
    const text = (value) => this.text(value);
    this.members(node, "struct RequestDocument", {
      method: text,
      target: text,
      headers: (value) => this.list(value, (line) => {
        this.list(line, text);
        if (line.items.length !== 2) throw this.fault(line.end, `invalid length ${line.items.length}, expected a name and a value`);
      }),
      https: (value) => this.kind(value, "boolean", "a boolean"),
      clientIp: (value) => {
        if (value.kind === "null") return;
        if (isIP(this.kind(value, "string", "IP address").value) === 0) throw this.fault(value.end, "invalid IP address syntax");
      },
    }, ["method", "target"]);
  }

  one(node) {
    this.members(node, "struct CaseDocument", {
      name: (value) => this.text(value),
      request: (value) => this.request(value),
      now: (value) => value.kind === "null" || this.instant(value),
      store: (value) => {
        if (value.kind === "null") return;
        if (this.text(value).value !== "fail") throw this.fault(value.end, `unknown variant \`${value.value}\`, expected \`fail\``);
      },
      expect: (value) => this.kind(value, "object", "an object"),
    }, ["name", "request", "expect"]);
  }

  set(node) {
    this.members(node, "struct SetDocument", {
      name: (value) => value.kind === "null" || this.text(value),
      policy: (value) => {
        if (value.kind !== "object" && value.kind !== "string") throw this.wrong(value, "the path of a policy, or a policy");
      },
      peppers: (value) => this.texts(value),
      secrets: (value) => this.texts(value),
      jwks: (value) => this.kind(value, "object", "an object"),
      now: (value) => this.instant(value),
      keys: (value) => this.list(value, (record) => this.record(record)),
      cases: (value) => this.list(value, (one) => this.one(one)),
    }, ["policy", "now", "cases"]);
  }
}

const memberOf = (node, name) => node.members.find((member) => member.name === name)?.node;

/**
 * The sets of a case file, each as `{ set, place, inline }`: `place` is its JSON pointer, `inline` the text of a policy that is written into it, and what stands before it.
 * `null` for a policy with tests of its own, which the module reads.
 */
export function caseSets(file, text) {
  const read = readStrict(file, text);
  const { node } = read;
  if (node.kind === "object" && memberOf(node, "version") && !memberOf(node, "cases")) return null;
  const shapes = new Shapes(read);
  return (node.kind === "array" ? node.items : [node]).map((item, at) => {
    const place = node.kind === "array" ? `/${at}` : "";
    shapes.set(item);
    const set = plain(item);
    checkSecrets(file, text, `${place}/peppers`, { ...set.peppers });
    checkSecrets(file, text, `${place}/secrets`, { ...set.secrets });
    const ids = (set.keys ?? []).map(({ id }) => id);
    unique(file, text, `${place}/keys`, ids);
    const policy = memberOf(item, "policy");
    return { set, place, inline: policy.kind === "object" ? { text: text.slice(policy.at, policy.end), before: text.slice(0, policy.at) } : undefined };
  });
}

function unique(file, text, place, ids) {
  const seen = new Set();
  for (const [at, id] of ids.entries()) {
    if (seen.has(id)) throw mistaken(file, text, `${place}/${at}/id`, `expected ids that are unique, found two records with id ${id}`);
    seen.add(id);
  }
}

/** Names come first, then the secrets: neither a secret nor a name that may be one is repeated. */
function checkSecrets(file, text, place, secrets) {
  for (const [name, secret] of Object.entries(secrets)) {
    const wrong = (message) => mistaken(file, text, `${place}/${token(name)}`, message);
    if (Buffer.byteLength(name) > MAX_NAME_BYTES) throw wrong(`expected names of at most ${MAX_NAME_BYTES} bytes: names come first, then the secrets`);
    if (Buffer.from(secret, "base64url").toString("base64url") !== secret) throw wrong(`${name}: expected base64url without padding`);
  }
}

/** Key records: a list, or an object with a list `keys`; a whole case file will do. */
export function keyRecords(file, text) {
  const read = readStrict(file, text);
  const { node, fault } = read;
  const shapes = new Shapes(read);
  const list = node.kind === "object" ? memberOf(node, "keys") : node;
  if (list === undefined) throw fault(node.end, "missing field `keys`");
  shapes.list(list, (record) => shapes.record(record));
  const records = plain(list);
  unique(file, text, node.kind === "object" ? "/keys" : "", records.map(({ id }) => id));
  return records;
}

/** Secrets by name, base64url; `current`, where there is one, names one of them. */
export function secretsByName(file, text) {
  const read = readStrict(file, text);
  new Shapes(read).texts(read.node);
  const { current, ...secrets } = plain(read.node);
  checkSecrets(file, text, "", secrets);
  return { current, secrets };
}
