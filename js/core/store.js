// Asking the host: stores and key sets answer with a value or a promise, throw, hang or answer rubbish.
import { ScopegateError } from "./errors.js";

/** What the module is answered instead of the handle of a record. */
export const KEY = Object.freeze({ MISSING: 0, UNAVAILABLE: 0xffff_ffff });

export const isPromise = (value) => value !== null && typeof value === "object" && typeof value.then === "function";

/** What a promise comes to within a time; a later answer is an outage. `timers` is what tells the time. */
export async function within(promise, milliseconds, what, timers = globalThis) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = timers.setTimeout(() => reject(new ScopegateError("store_timeout", `${what} did not answer in time.`)), milliseconds);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    timers.clearTimeout(timer);
  }
}

/** Where a key set comes from, as functions of one shape. Static ones go into the module at once. */
export function splitKeySets(keySets) {
  const fixed = {};
  const asked = {};
  for (const [credential, source] of Object.entries(keySets ?? {})) {
    if (typeof source === "string") fixed[credential] = source;
    else if (typeof source === "function") asked[credential] = source;
    else if (typeof source?.keys === "function") asked[credential] = (need) => source.keys(need);
    else if (Array.isArray(source?.keys)) fixed[credential] = JSON.stringify(source);
    else throw new ScopegateError("key_set_invalid", `The key set of \`${credential}\` is no JWK Set, text or source of one.`);
  }
  return { fixed, asked };
}

/** A key-set answer of exact shape, or nothing. */
export function keySetAnswer(answer, now) {
  if (typeof answer === "string") return { jwks: answer, fetchedAt: now };
  if (answer === null || typeof answer !== "object") return undefined;
  if (Array.isArray(answer.keys)) return { jwks: JSON.stringify(answer), fetchedAt: now };
  const jwks = typeof answer.jwks === "string" ? answer.jwks : JSON.stringify(answer.jwks);
  return typeof jwks === "string" && Number.isSafeInteger(answer.fetchedAt) ? { jwks, fetchedAt: answer.fetchedAt } : undefined;
}

/** Peppers as the module takes them: base64url text or bytes, the current one named. */
export function peppersOf(peppers) {
  if (peppers === undefined || peppers === null) return null;
  const { current, acceptPlainHashes: plainHashes = false, ...keys } = peppers;
  if (typeof current !== "string" || !(current in keys)) {
    throw new ScopegateError("keyring_invalid", "`peppers.current` names one of the other members.");
  }
  return { current, plainHashes, keys: Object.fromEntries(Object.entries(keys).map(([kid, value]) => [kid, base64url(value, kid)])) };
}

export function secretsOf(secrets) {
  return Object.fromEntries(Object.entries(secrets ?? {}).map(([name, value]) => [name, base64url(value, name)]));
}

function base64url(value, name) {
  if (typeof value === "string") return value;
  if (!(value instanceof Uint8Array)) throw new ScopegateError("secret_invalid", `\`${name}\` is neither base64url text nor bytes.`);
  let binary = "";
  for (const byte of value) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
