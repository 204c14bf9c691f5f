// One request on its way through a gate: steps of the module, answers of the host, as long as that takes.
import { Decision, unavailable } from "./decision.js";
import { effectsOf } from "./effects.js";
import { ScopegateError, fromModule } from "./errors.js";
import { Allowed } from "./proven.js";
import { readRequest } from "./request.js";
import { currentGeneration, restart } from "./runtime.js";
import { KNOWN_AT, STEP } from "./session.js";
import { KEY, isPromise, keySetAnswer, within } from "./store.js";
import { ALGORITHMS, VERIFY } from "./verify.js";

const KEYS_REASONS = ["missing", "stale", "unknown_kid"];

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
    this.#session = undefined;
    this.#now = options.now();
  }

  /** The decision, or a promise of it when the host answered with one. */
  start(request) {
    if (!Number.isSafeInteger(this.#now)) throw new ScopegateError("clock_invalid", "`now` does not tell whole Unix seconds.");
    let session;
    try {
      session = this.#session = this.#engine.acquire();
    } catch (trap) {
      return this.#broken(trap);
    }
    try {
      readRequest(session.view, request, this.#engine.names, this.#options.trustProxy, this.#context);
    } catch (misuse) {
      this.#engine.release(session, false);
      throw misuse;
    }
    let step;
    try {
      step = session.begin(this.#now, this.#options.text);
    } catch (trap) {
      return this.#broken(trap);
    }
    return this.#drive(step);
  }

  #drive(first) {
    let step = first;
    while (step !== STEP.DONE) {
      const answer = this.#answer(step);
      if (isPromise(answer)) return this.#later(step, answer);
      if (this.#isStale()) return this.#gone();
      try {
        step = this.#submit(step, answer);
      } catch (trap) {
        return this.#broken(trap);
      }
    }
    let decision;
    try {
      decision = this.#decision();
    } catch (trap) {
      return this.#broken(trap);
    }
    return this.#end(decision, true);
  }

  #later(step, answer) {
    return answer.then((take) => {
      // A record's handle is made and used in one go: between two turns another request may give it up.
      const taken = take();
      if (this.#isStale()) return this.#gone();
      let next;
      try {
        next = this.#submit(step, taken);
      } catch (trap) {
        return this.#broken(trap);
      }
      return this.#drive(next);
    });
  }

  /** Another request may have broken the instance while this one waited. */
  #isStale() {
    return this.#engine.generation !== currentGeneration();
  }

  #gone() {
    return this.#end(unavailable("engine_restarted", this.#now), false);
  }

  #answer(step) {
    if (step === STEP.KEY) return this.#key();
    return step === STEP.KEYS ? this.#keySet() : this.#verify();
  }

  #submit(step, answer) {
    if (step === STEP.KEY) return this.#session.answerKey(answer);
    return step === STEP.KEYS ? this.#session.answerKeys(answer) : this.#session.answerVerify(answer);
  }

  #key() {
    const { records } = this.#engine;
    const known = records.of(this.#session.words[0]);
    // A text that was hashed before: one made anew would be hashed again for each map it is looked up in.
    const id = known === undefined ? this.#session.keyId() : known.record.id;
    const { keys } = this.#options;
    if (keys === undefined) return this.#failed(new ScopegateError("store_missing", "The gate was given no `keys.find`."), KEY.UNAVAILABLE);
    let record;
    try {
      record = keys.find(id, this.#context);
      if (known !== undefined && records.isStill(known, record)) return known.handle;
    } catch (error) {
      return this.#failed(error, KEY.UNAVAILABLE);
    }
    return isPromise(record) ? this.#lateKey(id, record) : this.#record(id, record);
  }

  #lateKey(id, record) {
    return this.#await("The key store", record, (found) => this.#record(id, found), KEY.UNAVAILABLE);
  }

  /** The handle of a record as the store gave it. */
  #record(id, record) {
    if (record === null) return KEY.MISSING;
    if (this.#isStale()) return KEY.UNAVAILABLE;
    try {
      return this.#engine.records.handle(id, record);
    } catch (error) {
      return this.#refused(error, KEY.UNAVAILABLE);
    }
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
    if (this.#sync && !verifier.isSync) return this.#here("Signatures are checked by WebCrypto, which answers with promises: use `decide`.");
    const { words } = this.#session;
    // All is read before the module is called again: memory that grows takes the words away.
    const input = words[0];
    const inputBytes = words[1];
    const signature = words[2];
    const signatureBytes = words[3];
    const algorithm = ALGORITHMS[words[4]];
    const handle = words[5];
    let kind;
    try {
      kind = verifier(algorithm, this.#engine.verifyKey(handle), this.#session.bytes(input, inputBytes), this.#session.bytes(signature, signatureBytes));
    } catch (error) {
      return this.#failed(error, VERIFY.UNAVAILABLE);
    }
    if (!isPromise(kind)) return this.#verified(kind, algorithm);
    const take = (found) => this.#verified(found, algorithm);
    return this.#await("Signature arithmetic", kind, (found) => this.#taken(found, take, VERIFY.UNAVAILABLE), VERIFY.UNAVAILABLE);
  }

  #verified(kind, algorithm) {
    return kind === VERIFY.HERE ? this.#here(`This runtime does not verify ${algorithm}.`) : kind;
  }

  /** The module does the arithmetic itself; the slim one has none, and an outage says why. */
  #here(why) {
    return this.#engine.about.arithmetic ? VERIFY.HERE : this.#failed(new ScopegateError("algorithm_unsupported", why), VERIFY.UNAVAILABLE);
  }

  /** Asks the host. Whatever goes wrong with it is an outage; what goes wrong with the module while taking the answer is not. */
  #ask(what, ask, take, failed) {
    let answer;
    try {
      answer = ask();
    } catch (error) {
      return this.#failed(error, failed);
    }
    return isPromise(answer) ? this.#await(what, answer, (value) => this.#taken(value, take, failed), failed) : this.#taken(answer, take, failed);
  }

  /** A promise of what takes the answer. */
  #await(what, answer, take, failed) {
    if (this.#sync) {
      answer.then(undefined, () => {});
      this.#release(false);
      throw new ScopegateError("store_is_async", `${what} answered with a promise: use \`decide\`.`);
    }
    return within(answer, this.#options.timeout, what).then(
      (value) => () => take(value),
      (error) => () => this.#failed(error, failed),
    );
  }

  #taken(answer, take, failed) {
    if (this.#isStale()) return failed;
    try {
      return take(answer);
    } catch (error) {
      return this.#refused(error, failed);
    }
  }

  /** Rubbish of the host is an outage; anything else is a trap of the module. */
  #refused(error, failed) {
    const known = error instanceof ScopegateError ? error : fromModule(error);
    if (known) return this.#failed(known, failed);
    this.#restart(error);
    return failed;
  }

  #failed(error, answer) {
    this.#counts.storeFailures += 1;
    this.#report(error);
    return answer;
  }

  /** The module trapped: the request fails closed, the next one finds a fresh instance. */
  #broken(trap) {
    this.#restart(trap);
    return this.#gone();
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
    const { words, view } = this.#session;
    const { about, proofs } = this.#engine;
    const effect = words[0];
    const status = words[1];
    const route = words[2];
    const alternative = words[3];
    const marks = words[4];
    const count = words[5];
    // All is read before the module is called again: memory that grows takes the words away.
    if (effect === 1 && marks <= 1 && !this.#options.text) {
      const slot = words[6];
      const place = words[KNOWN_AT];
      const proven = count === 0 ? null : proofs.at(slot, words[7], this.#now, words);
      if (count === 1) this.#session.learn(slot, proven, place);
      const allowed = new Allowed(proven ?? proofs.nobody(), view.target, route - 1, alternative, marks === 1, this.#now);
      return new Decision(1, status, about.routes[route - 1], proven, allowed);
    }
    const slots = Array.from(words.subarray(6, 6 + 2 * count));
    const proven = [];
    for (let at = 0; at < count; at++) proven.push(proofs.at(slots[2 * at], slots[2 * at + 1], this.#now));
    const response = effect === 1 ? undefined : this.#session.response();
    return new Decision(effect, status, route === 0 ? null : about.routes[route - 1], proven, null, this.#session.text(), response);
  }

  #release(finished) {
    if (this.#session !== undefined && !this.#isStale()) this.#engine.release(this.#session, finished);
    this.#session = undefined;
  }

  #end(decision, finished) {
    this.#release(finished);
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
