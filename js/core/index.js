// What every entry exports.
import { Gate } from "./gate.js";

/** A policy as it is; TypeScript keeps its route ids and scopes as literal types. */
export const definePolicy = (policy) => policy;

/** A gate for a policy. Throws a `ScopegateError` that says what is wrong with the policy or the options. */
export const createGate = (options) => new Gate(options);

export { ScopegateError } from "./errors.js";
export { importedRecord } from "./imported.js";
export { remoteKeySet } from "./keyset.js";
