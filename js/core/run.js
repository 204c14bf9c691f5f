// One request on its way through a gate: steps of the module, answers of the host, as long as that takes.
import { Decision, unavailable } from "./decision.js";
import { effectsOf } from "./effects.js";
import { ScopegateError, fromModule } from "./errors.js";
import { readRequest } from "./request.js";
import { currentGeneration, restart } from "./runtime.js";
import { STEP } from "./session.js";
import { KEY, isPromise, keySetAnswer, within } from "./store.js";
import { ALGORITHMS, VERIFY } from "./verify.js";

const KEYS_REASONS = ["missing", "stale", "unknown_kid"];
const KEY_UNAVAILABLE = Object.freeze({ kind: KEY.UNAVAILABLE, record: 0 });
const KEY_MISSING = Object.freeze({ kind: KEY.MISSING, record: 0 });

export class Run {
  #engine;
  #options;
  #counts;
  #context;
  #sync;
  #session;
  #now;

  constructor(engine, options, counts, context, sync) {
    this.#engine = engine;
    this.#options = options;
    this.#counts = counts;
    this.#context = context;
    this.#sync = sync;
    this.#now = options.now();
  }

  /** The decision, or a promise of it when the host answered with one. */
  start(request) {
    const { names } = this.#engine;
    if (!Number.isSafeInteger(this.#now)) throw new ScopegateError("clock_invalid", "`now` does not tell whole Unix seconds.");
    try {
      this.#session = this.#engine.acquire();
    } catch (trap) {
      return this.#broken(trap);
    }
    try {
      readRequest(this.#session.view, request, names, this.#options.trustProxy, this.#context);
    } catch (misuse) {
      this.#engine.release(this.#session);
      throw misuse;
    }
    return this.#drive(() => this.#session.begin(this.#now, this.#options.text));
  }

  #drive(first) {
    let advance = first;
    for (;;) {
      let step;
      try {
        // Another request may have broken the instance while this one waited.
        if (this.#engine.generation !== currentGeneration()) return this.#end(unavailable("engine_restarted", this.#now));
        step = advance();
        if (step === STEP.DONE) return this.#end(this.#decision());
      } catch (trap) {
        return this.#broken(trap);
      }
      const answer = this.#answer(step);
      // A record's handle is made and used in one go: between two turns another request may give it up.
      if (isPromise(answer)) return answer.then((take) => this.#resume(step, take()));
      advance = () => this.#submit(step, answer);
    }
  }

  #resume(step, answer) {
    return this.#drive(() => this.#submit(step, answer));
  }

  #answer(step) {
    if (step === STEP.KEY) return this.#key();
    return step === STEP.KEYS ? this.#keySet() : this.#verify();
  }

  #submit(step, answer) {
    if (step === STEP.KEY) return this.#session.answerKey(answer.kind, answer.record);
    return step === STEP.KEYS ? this.#session.answerKeys(answer) : this.#session.answerVerify(answer);
  }

  #key() {
    const { words } = this.#session;
    const id = this.#session.slice(words[0], words[1], words[2]);
    const { keys } = this.#options;
    if (keys === undefined) return this.#failed(new ScopegateError("store_missing", "The gate was given no `keys.find`."), KEY_UNAVAILABLE);
    return this.#ask(
      "The key store",
      () => keys.find(id, this.#context),
      (record) => (record === null ? KEY_MISSING : { kind: KEY.FOUND, record: this.#engine.records.handle(id, record) }),
      KEY_UNAVAILABLE,
    );
  }

  #keySet() {
    const { words } = this.#session;
    const { name, issuer } = this.#engine.about.credentials[words[0]];
    const need = { credential: name, issuer, reason: KEYS_REASONS[words[1]] };
    const source = this.#options.asked[name];
    if (source === undefined) return this.#failed(new ScopegateError("key_set_missing", `The gate was given no key set for \`${name}\`.`));
    return this.#ask(
      "The source of the key set",
      () => source(need, this.#context),
      (answer) => keySetAnswer(answer, this.#now),
    );
  }

  #verify() {
    const { verifier } = this.#options;
    // WebCrypto always awaits: whoever cannot gets the module's own arithmetic.
    if (this.#sync && !verifier.isSync) return VERIFY.HERE;
    const { words } = this.#session;
    return this.#ask(
      "Signature arithmetic",
      () => verifier({
        algorithm: ALGORITHMS[words[5]],
        ...this.#engine.verifyKey(words[6]),
        input: this.#session.slice(words[0], words[1], words[2]),
        signature: this.#session.slice(words[0], words[3], words[4]),
      }),
      (kind) => kind,
      VERIFY.UNAVAILABLE,
    );
  }

  /** Asks the host. Whatever goes wrong with it is an outage; what goes wrong with the module while taking the answer is not. */
  #ask(what, ask, take, failed) {
    let answer;
    try {
      answer = ask();
    } catch (error) {
      return this.#failed(error, failed);
    }
    if (!isPromise(answer)) return this.#taken(answer, take, failed);
    if (this.#sync) {
      answer.then(undefined, () => {});
      this.#release();
      throw new ScopegateError("store_is_async", `${what} answered with a promise: use \`decide\`.`);
    }
    return within(answer, this.#options.timeout, what).then(
      (value) => () => this.#taken(value, take, failed),
      (error) => () => this.#failed(error, failed),
    );
  }

  #taken(answer, take, failed) {
    if (this.#engine.generation !== currentGeneration()) return failed;
    try {
      return take(answer);
    } catch (error) {
      const known = error instanceof ScopegateError ? error : fromModule(error);
      if (known) return this.#failed(known, failed);
      this.#restart(error);
      return failed;
    }
  }

  #failed(error, answer) {
    this.#counts.storeFailures += 1;
    this.#report(error);
    return answer;
  }

  /** The module trapped: the request fails closed, the next one finds a fresh instance. */
  #broken(trap) {
    this.#restart(trap);
    return this.#end(unavailable("engine_restarted", this.#now));
  }

  #restart(trap) {
    this.#counts.restarts += 1;
    restart(this.#engine.generation);
    this.#report(new ScopegateError("engine_restarted", "The WebAssembly instance broke and was replaced.", { cause: trap }));
  }

  #report(error) {
    try {
      this.#options.onError?.(error, this.#context);
    } catch {
      // Whoever reports errors must not be able to change a decision.
    }
  }

  #decision() {
    const { words } = this.#session;
    const [effect, status, route, alternative, marks, count] = words;
    const { about } = this.#engine;
    const routeId = route === 0 ? null : about.routes[route - 1];
    const principals = [];
    let proof;
    for (let at = 0; at < count; at++) {
      const proven = this.#engine.proven(words[6 + 2 * at], words[7 + 2 * at]);
      principals.push(proven.principal);
      proof = proven.proof;
    }
    if (effect !== 1) return new Decision({ effect, status, routeId, principals, text: this.#session.text(), response: this.#session.response() });
    if (this.#options.text || marks > 1) return new Decision({ effect, status, routeId, principals, text: this.#session.text() });
    return new Decision({
      effect, status, routeId, principals,
      allow: {
        params: this.#params(about.params[route - 1]),
        text: later(proof ?? this.#engine.nobody(), this.#session.view.target, route - 1, alternative, marks === 1, this.#now),
      },
    });
  }

  #params(names) {
    const params = {};
    const { words, view } = this.#session;
    for (let at = 0; at < words[14]; at++) {
      const range = words[15 + at];
      define(params, names[at], view.target.slice(range & 0xffff, range >>> 16));
    }
    return params;
  }

  #release() {
    if (this.#session !== undefined && this.#engine.generation === currentGeneration()) this.#engine.release(this.#session);
    this.#session = undefined;
  }

  #end(decision) {
    this.#release();
    const { onEffects } = this.#options;
    if (onEffects !== undefined) this.#store(onEffects, effectsOf(decision));
    return decision;
  }

  #store(onEffects, effects) {
    const failed = (error) => {
      this.#counts.effectFailures += 1;
      this.#report(error);
    };
    try {
      const stored = onEffects(effects, this.#context);
      if (!isPromise(stored)) return;
      const settled = stored.then(undefined, failed);
      if (typeof this.#context?.waitUntil === "function") this.#context.waitUntil(settled);
    } catch (error) {
      failed(error);
    }
  }
}

/** Makes the text of an allow when it is read. It holds the target and the proven principal, never a credential. */
function later(proof, target, route, alternative, touch, now) {
  return () => {
    try {
      return proof.allow(target, route, alternative === 0 ? undefined : alternative - 1, touch, now);
    } catch (thrown) {
      throw fromModule(thrown) ?? new ScopegateError("engine_restarted", "The instance that made this decision is gone.", { cause: thrown });
    }
  };
}

/** A parameter may be called like a member that every object has. */
function define(object, name, value) {
  if (name === "__proto__") Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
  else object[name] = value;
}
