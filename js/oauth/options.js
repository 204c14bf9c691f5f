// Options: checked, and as the module reads them.
import { fromModule, ScopegateError } from "../core/errors.js";
import { requireCapabilities } from "../stores/contract.js";
import { bytesOf, encode } from "./bytes.js";
import { keysOf } from "./signer.js";
import { glue } from "./runtime.js";

const KNOWN = [
  "issuer", "scopes", "resources", "corsOrigins", "lifetimes", "offlineAccessRequired", "clients", "store", "keys", "secrets", "claims",
  "signedIn", "verifySecret", "onEvent", "onError", "now", "timeout", "fetch",
];
const FUNCTIONS = ["claims", "signedIn", "verifySecret", "onEvent", "onError", "now", "fetch"];
const STORE = ["insertGrant", "getGrant", "swapGrant", "putOnce", "getConsent", "saveConsent"];
/** Milliseconds. */
const TIMEOUT = 5000;

const wrong = (code, message) => new ScopegateError(code, message);

/** Runs a call of the module; what it throws as text becomes an error. */
export function called(run) {
  try {
    return run();
  } catch (thrown) {
    throw fromModule(thrown) ?? thrown;
  }
}

/** The current secret first, as the module wants them. */
export function secretsOf(secrets) {
  const { current, ...keys } = secrets ?? {};
  if (typeof current !== "string" || !Object.hasOwn(keys, current)) {
    throw wrong("secrets_invalid", "`secrets.current` names one of the other members.");
  }
  const ids = [current, ...Object.keys(keys).filter((id) => id !== current)];
  return ids.map((id) => {
    const bytes = bytesOf(keys[id]);
    if (bytes === undefined && typeof keys[id] !== "string") throw wrong("secrets_invalid", `The secret \`${id}\` is neither bytes nor base64url text.`);
    return { id, key: bytes === undefined ? keys[id] : encode(bytes) };
  });
}

/** A look-up of clients: the application's own, or one in a list that is checked now. */
function clientsOf(clients) {
  if (typeof clients === "function") return clients;
  if (!Array.isArray(clients)) throw wrong("clients_invalid", "`clients` is a list of clients, or a function from an id to a client or null.");
  const known = new Map();
  for (const client of clients) {
    const text = JSON.stringify(client);
    if (text === undefined) throw wrong("client_invalid", "A client is an object.");
    called(() => glue().check_client(text));
    if (known.has(client.clientId)) throw wrong("client_invalid", `There are two clients \`${client.clientId}\`.`);
    known.set(client.clientId, JSON.parse(text));
  }
  return (id) => known.get(id) ?? null;
}

/**
 * @returns {{ settings: object, host: object, told: object[], signers: Map<string, Function>, now: () => number, timeout: number }}
 *   `settings` lacks the keys, which change
 */
export function optionsOf(options) {
  if (options === null || typeof options !== "object") throw wrong("options_invalid", "The options are an object.");
  const unknown = Object.keys(options).find((name) => !KNOWN.includes(name));
  if (unknown !== undefined) throw wrong("options_invalid", `There is no option \`${unknown}\`.`);
  for (const name of FUNCTIONS) {
    if (options[name] !== undefined && typeof options[name] !== "function") throw wrong("options_invalid", `\`${name}\` is a function.`);
  }
  const { issuer, scopes, resources = [], corsOrigins = [], lifetimes = {}, offlineAccessRequired = false, store, timeout = TIMEOUT } = options;
  if (!Number.isSafeInteger(timeout) || timeout < 1) throw wrong("options_invalid", "`timeout` is in milliseconds.");
  if (typeof issuer !== "string") throw wrong("issuer_invalid", "`issuer` is an https URL without query, fragment and trailing slash.");
  if (store === null || typeof store !== "object") throw wrong("store_invalid", "`store` is a store of grants: see scopegate/stores.");
  requireCapabilities(store, ["cas", "readYourWrites", "putOnce"]);
  const missing = STORE.find((name) => typeof store[name] !== "function");
  if (missing !== undefined) throw wrong("store_invalid", `\`store\` has no method \`${missing}\`: it is a store of grants.`);
  const { told, signers } = keysOf(options.keys);
  return {
    settings: {
      issuer, scopes, resources, corsOrigins, lifetimes, offlineAccessRequired, secrets: secretsOf(options.secrets),
      capabilities: { cas: true, readYourWrites: true, putOnce: true },
    },
    host: {
      store, client: clientsOf(options.clients), claims: options.claims ?? (() => ({})), signedIn: options.signedIn, verifySecret: options.verifySecret, onEvent: options.onEvent,
      onError: options.onError, fetch: options.fetch ?? globalThis.fetch,
    },
    told, signers, timeout,
    now: options.now ?? (() => Math.floor(Date.now() / 1000)),
  };
}
