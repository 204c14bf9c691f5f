// The options of a gate that are no policy, key or secret, held to their types: a wrong one must not read as another default.
import { ScopegateError } from "./errors.js";

const isFunction = (value) => typeof value === "function";
const isObject = (value) => value !== null && typeof value === "object";
const isCount = (value) => Number.isSafeInteger(value) && value >= 0;
const isHop = (value) => value === undefined || (Number.isSafeInteger(value) && value >= 1);
const isBelieved = (value) => value === undefined || (isObject(value) && typeof value.header === "string" && value.header !== "" && isHop(value.hops));

const RULES = {
  keys: ["an object with a function `find`", (value) => isFunction(value?.find)],
  verify: ["one of auto, node, webcrypto and wasm", (value) => ["auto", "node", "webcrypto", "wasm"].includes(value)],
  tokenCache: ["false, or whole numbers of `entries` and `bytes`", (value) => value === false || (isObject(value) && [value.entries ?? 0, value.bytes ?? 0].every(isCount))],
  storeTimeout: ["milliseconds above 0", (value) => Number.isFinite(value) && value > 0],
  touchInterval: ["whole seconds", isCount],
  trace: ["true or false", (value) => typeof value === "boolean"],
  now: ["a function", isFunction],
  trustProxy: ["`clientIp` and `https`, each with a `header` and perhaps `hops` from 1", (value) => isObject(value) && isBelieved(value.clientIp) && isBelieved(value.https)],
  onEffects: ["a function", isFunction],
  onError: ["a function", isFunction],
};

/** Throws `options_invalid` for the first option that is not what it may be. */
export function checkOptions(options) {
  for (const [name, [expected, holds]] of Object.entries(RULES)) {
    const value = options?.[name];
    if (value !== undefined && !holds(value)) throw new ScopegateError("options_invalid", `\`${name}\`: expected ${expected}.`);
  }
}
