// The gate: a policy with what the application gave for it. `run.js` is the way of one request through it.
import { mismatched } from "./decision.js";
import { effectsOf, withWaitUntil } from "./effects.js";
import { ScopegateError } from "./errors.js";
import { Held } from "./held.js";
import { KeyLife } from "./keys.js";
import { checkOptions } from "./options.js";
import { RawEngine } from "./raw.js";
import { Run } from "./run.js";
import { currentGeneration, host, restart } from "./runtime.js";
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
    checkOptions(options);
    const { fixed, asked } = splitKeySets(keySets);
    const verifier = verifierFor(verify, host);
    this.#options = {
      keys, asked, verifier, onError, trustProxy,
      onEffects: onEffects === undefined ? undefined : withWaitUntil(onEffects),
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
    this.#engine = this.#whole(() => new RawEngine(this.#policy, this.#settings, this.#tokenCache));
    for (const name of Object.keys(asked)) {
      if (this.#engine.about.credentials.some((credential) => credential.name === name && credential.kind === "bearer")) continue;
      this.close();
      throw new ScopegateError("unknown_credential", `\`keySets.${name}\`: the policy has no bearer credential of this name.`);
    }
    this.keys = new KeyLife((name, ...rest) => this.#whole(() => this.#made(name, rest)), this.#options.now);
  }

  /** Decides; the promise rejects only on misuse. */
  async decide(request, context) {
    return this.#start(request, context, false, this.#options);
  }

  /** Decides at once; for stores that answer with plain values. */
  decideSync(request, context) {
    return this.#start(request, context, true, this.#options);
  }

  /** The same gate for a handler that was registered for one route: an allow for another route is a refusal. */
  require(routeId) {
    if (!this.#live().about.routes.includes(routeId)) throw new ScopegateError("route_unknown", `The policy has no route \`${routeId}\`.`);
    const isOther = (allowed, found) => allowed && found !== routeId;
    const held = (decision) => (isOther(decision.allowed, decision.routeId) ? mismatched(decision, this.#options.now()) : decision);
    const { onEffects } = this.#options;
    // What is stored says what the handler's caller hears: the key was not used.
    const told = (effects, context) => {
      const { event } = effects.at(-1);
      return onEffects(isOther(event.effect === "allow", event.routeId) ? effectsOf(mismatched(event, event.at)) : effects, context);
    };
    const options = onEffects === undefined ? this.#options : { ...this.#options, onEffects: told };
    return {
      decide: async (request, context) => held(await this.#start(request, context, false, options)),
      decideSync: (request, context) => held(this.#start(request, context, true, options)),
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
    return this.#whole(() => this.#live().text("rehearse", JSON.stringify(request)));
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

  /** What the module makes of records; a raw key does not stay in its memory. */
  #made(name, rest) {
    const made = this.#live().call(name, ...rest);
    if (typeof made.rawKey === "string") this.#engine.wipe(made.rawKey);
    return made;
  }

  /** Runs what is no decision. Whatever is no error of this package broke the instance: it is replaced, and the caller told. */
  #whole(run) {
    const generation = currentGeneration();
    try {
      return run();
    } catch (error) {
      if (error instanceof ScopegateError) throw error;
      restart(generation);
      this.#counts.restarts += 1;
      throw new ScopegateError("engine_restarted", "The WebAssembly instance broke and was replaced; try again.", { cause: error });
    }
  }

  #start(request, context, sync, options) {
    const run = new Run(this.#live(), options, this.#counts, context, sync);
    return run.start(request);
  }
}
