// The files that the command is given: read strictly by the module, which tells what is wrong in the native command's words.
import { instance } from "../core/runtime.js";
import { Misuse, mistaken, token } from "./explain.js";

/** The longest name of a secret, in bytes. What is longer may be the secret itself, in the wrong place. */
const MAX_NAME_BYTES = 32;

/** What the module calls them. */
const KINDS = ["cases", "records", "secrets", "any"];

/**
 * The value of a text. What is wrong is told with file, line, column and what was expected, never with the text that was found, which may
 * be a secret.
 * @param {"cases" | "records" | "secrets" | "any"} kind
 */
export function readDocument(kind, file, text) {
  const fault = instance().glue.document_fault(KINDS.indexOf(kind), text);
  if (fault !== undefined) {
    const [, what, line, column] = /^(.*) at line (\d+) column (\d+)$/s.exec(fault);
    throw new Misuse(`${file}:${line}:${column}: ${what.replace(/: string ".*", expected /s, ": a string, expected ")}`);
  }
  return JSON.parse(text);
}

/** The sets of a case file, each as `{ set, place }`: `place` is its JSON pointer. `null` for a policy with tests of its own, which a gate reads. */
export function caseSets(file, text) {
  if (isPolicy(text)) return null;
  const document = readDocument("cases", file, text);
  const sets = Array.isArray(document) ? document.map((set, at) => ({ set, place: `/${at}` })) : [{ set: document, place: "" }];
  for (const { set, place } of sets) {
    checkSecrets(file, text, `${place}/peppers`, set.peppers ?? {});
    checkSecrets(file, text, `${place}/secrets`, set.secrets ?? {});
    checkUnique(file, text, `${place}/keys`, set.keys ?? []);
  }
  return sets;
}

function isPolicy(text) {
  try {
    const document = JSON.parse(text);
    return document?.version !== undefined && document.cases === undefined;
  } catch {
    return false;
  }
}

function checkUnique(file, text, place, records) {
  const seen = new Set();
  for (const [at, { id }] of records.entries()) {
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
  const document = readDocument("records", file, text);
  const [records, place] = Array.isArray(document) ? [document, ""] : [document.keys, "/keys"];
  checkUnique(file, text, place, records);
  return records;
}

/** Secrets by name, base64url; `current`, where there is one, names one of them. */
export function secretsByName(file, text) {
  const { current, ...secrets } = readDocument("secrets", file, text);
  checkSecrets(file, text, "", secrets);
  return { current, secrets };
}
