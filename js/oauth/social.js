// Sign-in with providers: the module decides, this sends what it asks for and keeps documents for minutes.
import { ScopegateError } from "../core/errors.js";
import { requireCapabilities } from "../stores/contract.js";
import { bytesOf } from "./bytes.js";
import { operations } from "./host.js";
import { readRequest, responseOf, unavailable } from "./http.js";
import { Counter, run } from "./loop.js";
import { called, secretsOf } from "./options.js";
import { Engine } from "./runtime.js";

const KNOWN = ["issuer", "secrets", "store", "providers", "lifetime", "fetch", "onError", "now", "timeout"];
/** Milliseconds. A question may be a request to a provider, which has five seconds of its own. */
const TIMEOUT = 6000;
/** Seconds that a provider's configuration and keys are kept for, and how many documents. */
const KEPT = 300;
const MOST_KEPT = 32;

const wrong = (code, message) => new ScopegateError(code, message);
const listed = (headers) => {
  const all = new Headers();
  for (const [name, value] of headers) all.append(name, value);
  return all;
};

/** This response with the headers that end a sign-in: its cookie goes, and nothing is stored. */
function ended(response, headers) {
  const answer = new Response(response.body, response);
  for (const [name, value] of headers) {
    if (name === "set-cookie") answer.headers.append(name, value);
    else if (!answer.headers.has(name)) answer.headers.set(name, value);
  }
  return answer;
}

/** Who a provider says it is. `(provider, providerSub)` is the key of the identity, and the only one. */
export class Identity {
  constructor({ headers, ...about }) {
    Object.assign(this, about);
    this.headers = listed(headers);
  }

  /** A response with the headers that it must have. */
  onto(response) {
    return ended(response, this.headers);
  }
}

/** A sign-in that failed, of a browser that began it. */
export class SignInFailure {
  constructor({ headers, ...about }) {
    Object.assign(this, about);
    this.headers = listed(headers);
  }

  /** A plain page that says so. */
  page() {
    const status = this.code.endsWith("_unavailable") ? 503 : 400;
    return this.onto(new Response(`${this.code}: ${this.message}\n`, { status, headers: { "content-type": "text/plain; charset=utf-8" } }));
  }

  onto(response) {
    return ended(response, this.headers);
  }
}

/** What signs the client secret of a provider (Apple): ES256, R and S of 32 bytes each. */
function signerOf({ privateKey, sign }, at) {
  if (privateKey === undefined && sign === undefined) return undefined;
  if (privateKey === undefined) {
    if (typeof sign !== "function") throw wrong("provider_invalid", `providers[${at}].sign is a function.`);
    return sign;
  }
  const { name, namedCurve } = privateKey?.algorithm ?? {};
  if (sign !== undefined || privateKey?.type !== "private" || name !== "ECDSA" || namedCurve !== "P-256") {
    throw wrong("provider_invalid", `providers[${at}].privateKey is a private ECDSA key on P-256.`);
  }
  return (bytes) => crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, privateKey, bytes);
}

/** Answers a `GET` that needs no authorization from what was fetched a moment ago, unless that is forbidden. */
function keeping(http, now) {
  const kept = new Map();
  return async (need) => {
    const said = (name) => need.headers.find(([known]) => known === name)?.[1];
    const open = need.method === "GET" && said("authorization") === undefined;
    const found = open && said("cache-control") === undefined ? kept.get(need.url) : undefined;
    if (found !== undefined && now() < found.until) return found.answer;
    const answer = await http(need);
    if (open && answer.http.status === 200) {
      if (kept.size >= MOST_KEPT) kept.clear();
      kept.set(need.url, { until: now() + KEPT, answer });
    }
    return answer;
  };
}

function optionsOf(options) {
  if (options === null || typeof options !== "object") throw wrong("options_invalid", "The options are an object.");
  const unknown = Object.keys(options).find((name) => !KNOWN.includes(name));
  if (unknown !== undefined) throw wrong("options_invalid", `There is no option \`${unknown}\`.`);
  const { issuer, store, providers, lifetime, timeout = TIMEOUT } = options;
  for (const name of ["fetch", "onError", "now"]) {
    if (options[name] !== undefined && typeof options[name] !== "function") throw wrong("options_invalid", `\`${name}\` is a function.`);
  }
  if (!Number.isSafeInteger(timeout) || timeout < 1) throw wrong("options_invalid", "`timeout` is in milliseconds.");
  if (typeof issuer !== "string") throw wrong("issuer_invalid", "`issuer` is an https URL without query, fragment and trailing slash.");
  if (store === null || typeof store !== "object") throw wrong("store_invalid", "`store` is a store of grants: see scopegate/stores.");
  requireCapabilities(store, ["putOnce"]);
  if (typeof store.putOnce !== "function") throw wrong("store_invalid", "`store` has no method `putOnce`.");
  if (!Array.isArray(providers) || providers.length === 0) throw wrong("providers_invalid", "`providers` is a list of at least one.");
  const signers = new Map();
  const told = providers.map((provider, at) => {
    if (provider === null || typeof provider !== "object") throw wrong("provider_invalid", `providers[${at}] is an object.`);
    const { privateKey, sign, ...members } = provider;
    const signer = signerOf({ privateKey, sign }, at);
    if (signer === undefined && members.keyId !== undefined) throw wrong("provider_invalid", `providers[${at}] has a keyId: give its privateKey or sign.`);
    if (signer !== undefined && typeof members.keyId !== "string") throw wrong("provider_invalid", `providers[${at}].keyId names the key.`);
    if (signer !== undefined) {
      signers.set(members.keyId, async (bytes) => {
        const signature = bytesOf(await signer(bytes));
        if (signature?.length !== 64) throw wrong("signature_invalid", "What signs gave no signature of ES256.");
        return signature;
      });
    }
    return members;
  });
  return {
    settings: JSON.stringify({ issuer, secrets: secretsOf(options.secrets), providers: told, ...(lifetime !== undefined && { lifetime }) }),
    signers, store, timeout, now: options.now ?? (() => Math.floor(Date.now() / 1000)), fetch: options.fetch ?? globalThis.fetch, onError: options.onError,
  };
}

export class SocialLogin {
  #engine;
  #operations;
  #now;
  #timeout;
  #counter;
  #paths;
  #closed = false;
  /** Each with its `id`, its `name`, where its link leads, and the redirect URI to register there. */
  providers;

  constructor(options) {
    const { settings, signers, store, timeout, now, fetch, onError } = optionsOf(options);
    this.#now = now;
    this.#timeout = timeout;
    this.#counter = new Counter(onError);
    this.#engine = called(() => new Engine("RawSocial", settings));
    const { put_once, sign, http } = operations({ store, signers, fetch });
    this.#operations = { put_once, sign, http: keeping(http, now) };
    const { issuer } = options;
    const base = new URL(issuer).pathname.replace(/\/$/, "");
    this.providers = Object.freeze(JSON.parse(this.#engine.providers).map(([id, name]) =>
      Object.freeze({ id, name, startPath: `${base}/oauth2/authorization/${id}`, redirectUri: `${issuer}/login/oauth2/code/${id}` })));
    this.#paths = new Set(this.providers.flatMap(({ startPath, redirectUri }) => [startPath, new URL(redirectUri).pathname]));
  }

  /** Whether a request is for one of its paths. */
  owns(request) {
    const target = request.originalUrl ?? request.url;
    // `OPTIONS *` has a target that is neither.
    if (target.startsWith("/")) return this.#paths.has(target.split("?")[0]);
    return URL.canParse(target) && this.#paths.has(new URL(target).pathname);
  }

  /** The path of a link to a provider. `ticket` is the interaction to go on with afterwards. */
  startPath(provider, ticket) {
    const found = this.providers.find(({ id }) => id === provider);
    if (found === undefined) throw wrong("provider_unknown", "There is no such provider.");
    return (ticket ?? null) === null ? found.startPath : `${found.startPath}?ticket=${encodeURIComponent(ticket)}`;
  }

  /**
   * Answers a request to either path of a provider: the way there, or the way back.
   * @returns {Promise<Response | Identity | SignInFailure>}
   */
  async handle(request) {
    return this.#run(await readRequest(request, true));
  }

  /** Sends the browser to a provider, without a link of its own. */
  async start(provider, { ticket } = {}) {
    if ((ticket ?? null) !== null && typeof ticket !== "string") throw wrong("request_invalid", "`ticket` is a text.");
    const [path, query = ""] = this.startPath(provider, ticket).split("?");
    return this.#run({ method: "GET", path, query });
  }

  get counts() {
    return this.#counter.counts;
  }

  close() {
    if (!this.#closed) this.#engine.free();
    this.#closed = true;
  }

  [Symbol.dispose ?? Symbol.for("Symbol.dispose")]() {
    this.close();
  }

  async #run(input) {
    if (this.#closed) throw wrong("server_closed", "This is closed.");
    const step = await run({
      engine: this.#engine, operations: this.#operations, input, now: this.#now(), timeout: this.#timeout, counter: this.#counter,
    });
    if (step === undefined) return unavailable();
    if (step.loggedIn !== undefined) return new Identity(step.loggedIn);
    return step.failed === undefined ? responseOf(step.respond) : new SignInFailure(step.failed);
  }
}

/** Whose account an identity is, by the rule of `oauth::social::link` in the core. */
export function linkIdentity(identity, { known = null, sameEmail = null, byVerifiedEmail = false } = {}) {
  const isText = (value) => typeof value === "string" && value !== "";
  if (!(identity instanceof Identity)) throw wrong("request_invalid", "An identity is what `handle` resolves to.");
  const fits = (known === null || isText(known)) && typeof byVerifiedEmail === "boolean"
    && (sameEmail === null || (isText(sameEmail.sub) && typeof sameEmail.emailVerified === "boolean"));
  if (!fits) throw wrong("request_invalid", "`known` is a subject or null, `sameEmail` an account `{ sub, emailVerified }` or null.");
  if (known !== null) return { do: "signIn", sub: known };
  if (sameEmail === null) return { do: "create" };
  // An address that either side has not verified links nothing: who may write any address would take the account over.
  const verified = identity.email !== null && identity.emailVerified === true && sameEmail.emailVerified;
  return byVerifiedEmail && verified ? { do: "link", sub: sameEmail.sub } : { do: "emailTaken" };
}
