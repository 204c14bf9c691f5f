// The gate: a policy with what the application gave for it. `run.js` is the way of one request through it.
import { mismatched } from "./decision.js";
import { ScopegateError } from "./errors.js";
import { Held } from "./held.js";
import { KeyLife } from "./keys.js";
import { RawEngine } from "./raw.js";
import { Run } from "./run.js";
import { currentGeneration, host } from "./runtime.js";
import { peppersOf, secretsOf, splitKeySets } from "./store.js";
import { verifierFor } from "./verify.js";

const STORE_TIMEOUT = 5000;
const clock = () => Math.floor(Date.now() / 1000);

export class Gate {
  #options;
  #policy;
  #settings;
  #tokenCache;
  #engine;
  #closed = false;
  #counts = { restarts: 0, storeFailures: 0, effectFailures: 0 };
  /** Issue, rotate, revoke and relabel keys; pure: the caller stores what comes back. */
  keys;

  constructor(options) {
    const { policy, keys, keySets, peppers, secrets, verify = "auto", onEffects, onError, trustProxy, tokenCache } = options ?? {};
    if (keys !== undefined && typeof keys?.find !== "function") throw new ScopegateError("options_invalid", "`keys.find` is a function.");
    const { fixed, asked } = splitKeySets(keySets);
    const verifier = verifierFor(verify, host);
    this.#options = {
      keys, asked, verifier, onEffects, onError, trustProxy,
      now: options?.now ?? clock,
      timeout: options?.storeTimeout ?? STORE_TIMEOUT,
      text: onEffects !== undefined || options?.trace === true || options?.json === true,
    };
    // As JSON text a later change of the policy object changes nothing.
    this.#policy = typeof policy === "string" ? policy : JSON.stringify(policy);
    if (typeof this.#policy !== "string") throw new ScopegateError("policy_invalid", "The options have no `policy`.");
    this.#tokenCache = tokenCache === false ? null : [tokenCache?.entries ?? 1000, tokenCache?.bytes ?? 2_000_000];
    this.#settings = JSON.stringify({
      peppers: peppersOf(peppers), secrets: secretsOf(secrets), keySets: fixed,
      tokenCache: this.#tokenCache,
      hostVerification: verifier !== undefined, trace: options?.trace === true, touchInterval: options?.touchInterval ?? 60,
    });
    this.#engine = new RawEngine(this.#policy, this.#settings, this.#tokenCache);
    this.keys = new KeyLife((name, ...rest) => this.#live().call(name, ...rest), this.#options.now);
  }

  /** Decides; the promise rejects only on misuse. */
  async decide(request, context) {
    return this.#start(request, context, false);
  }

  /** Decides at once; for stores that answer with plain values. */
  decideSync(request, context) {
    return this.#start(request, context, true);
  }

  /** The same gate for a handler that was registered for one route: an allow for another route is a refusal. */
  require(routeId) {
    if (!this.#live().about.routes.includes(routeId)) throw new ScopegateError("route_unknown", `The policy has no route \`${routeId}\`.`);
    const held = (decision) =>
      decision.allowed && decision.routeId !== routeId ? mismatched(decision, this.#options.now()) : decision;
    return {
      decide: async (request, context) => held(await this.decide(request, context)),
      decideSync: (request, context) => held(this.decideSync(request, context)),
    };
  }

  /** Authorisation alone, for credentials that the application proves itself: `grant("apiKey", ["jobs:read"]).covers("GET", "/jobs")`. */
  grant(credential, scopes) {
    return new Held(() => this.#live(), credential, scopes);
  }

  /**
   * Decides with credentials that nobody proved: for tests of a policy, never for requests.
   * @param {object} request `{ method, target, https, now, assumed: { credential: scopes | { scopes, claims } } }`
   * @returns {string} the decision's JSON
   */
  rehearse(request) {
    return this.#live().text("rehearse", JSON.stringify(request));
  }

  /** Route ids, scopes and credentials of the policy. */
  get policy() {
    const { name, routes, scopes, credentials, tests } = this.#live().about;
    return { name, routes, scopes, credentials, tests };
  }

  /** How often what happened since the gate was made. */
  get counts() {
    return { ...this.#counts };
  }

  close() {
    if (!this.#closed && this.#engine.generation === currentGeneration()) this.#engine.free();
    this.#closed = true;
  }

  [Symbol.dispose ?? Symbol.for("Symbol.dispose")]() {
    this.close();
  }

  #live() {
    if (this.#closed) throw new ScopegateError("gate_closed", "This gate is closed.");
    if (this.#engine.generation !== currentGeneration()) this.#engine = new RawEngine(this.#policy, this.#settings, this.#tokenCache);
    return this.#engine;
  }

  #start(request, context, sync) {
    const run = new Run(this.#live(), this.#options, this.#counts, context, sync);
    return run.start(request);
  }
}
