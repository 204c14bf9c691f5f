// The files that the command is given: read strictly by the module, which tells what is wrong in the native command's words.
import { instance } from "../core/runtime.js";

/** A mistake in what was given: exit code 2. */
export class Misuse extends Error {}

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

/** The sets of a case file; `null` for a policy with tests of its own, which a gate reads. */
export function caseSets(file, text) {
  if (isPolicy(text)) return null;
  const sets = [readDocument("cases", file, text)].flat();
  for (const { peppers = {}, secrets = {}, keys = [] } of sets) {
    checkSecrets(file, peppers);
    checkSecrets(file, secrets);
    checkUnique(file, keys);
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

function checkUnique(file, records) {
  const seen = new Set();
  for (const { id } of records) {
    if (seen.has(id)) throw new Misuse(`${file}: expected ids that are unique, found two records with id ${id}`);
    seen.add(id);
  }
}

/** Names come first, then the secrets: neither a secret nor a name that may be one is repeated. */
function checkSecrets(file, secrets) {
  for (const [name, secret] of Object.entries(secrets)) {
    if (Buffer.byteLength(name) > MAX_NAME_BYTES) {
      throw new Misuse(`${file}: expected names of at most ${MAX_NAME_BYTES} bytes: names come first, then the secrets`);
    }
    if (Buffer.from(secret, "base64url").toString("base64url") !== secret) throw new Misuse(`${file}: ${name}: expected base64url without padding`);
  }
}

/** Key records: a list, or an object with a list `keys`; a whole case file will do. */
export function keyRecords(file, text) {
  const document = readDocument("records", file, text);
  const records = Array.isArray(document) ? document : document.keys;
  checkUnique(file, records);
  return records;
}

/** Secrets by name, base64url; `current`, where there is one, names one of them. */
export function secretsByName(file, text) {
  const { current, ...secrets } = readDocument("secrets", file, text);
  checkSecrets(file, secrets);
  return { current, secrets };
}
