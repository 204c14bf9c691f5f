// Who was proven, and what is left of an allowed request: nothing of it is read from the module before somebody asks.
import { ScopegateError, fromModule } from "./errors.js";

/** Proofs are given back to the module in batches: one entry in the registry for many of them. */
const BATCH = 64;

/** The principals of one instance of the module, which outlive the gate that proved them. */
export class Proofs {
  #raw;
  #recent = [];
  #batch;
  #room = 0;
  #nobody;
  #registry = new FinalizationRegistry((number) => {
    try {
      this.#raw.forget(number);
    } catch {
      // The instance is gone, and its memory with it.
    }
  });

  constructor(raw) {
    this.#raw = raw;
  }

  /** The proven principal in a slot of the module. A slot's generation changes with its principal. */
  at(slot, generation) {
    const known = this.#recent[slot];
    if (known !== undefined && known.generation === generation) return known;
    if (this.#room === 0) {
      this.#batch = { number: this.#raw.batch() };
      this.#registry.register(this.#batch, this.#batch.number);
      this.#room = BATCH;
    }
    this.#room -= 1;
    return (this.#recent[slot] = new Proven(this.#raw, this.#batch, this.#raw.keep(slot), generation));
  }

  /** What stands for a principal on a public route. */
  nobody() {
    return (this.#nobody ??= new Proven(this.#raw, { number: 0 }, 0, 0));
  }
}

/** A proven principal: the module keeps it as long as its batch lives here. */
class Proven {
  #raw;
  #batch;
  #place;
  #principal;

  constructor(raw, batch, place, generation) {
    this.#raw = raw;
    this.#batch = batch;
    this.#place = place;
    this.generation = generation;
  }

  get principal() {
    return (this.#principal ??= deepFreeze(JSON.parse(asked(() => this.#raw.principal(this.#batch.number, this.#place)))));
  }

  /** The text of an allow of this principal alone. */
  text(target, route, alternative, touch, now) {
    return asked(() => this.#raw.allow(this.#batch.number, this.#place, target, route, alternative, touch, now));
  }
}

/** An allowed request: it holds the target and the proven principal, never a credential. */
export class Allowed {
  #proven;
  #target;
  #route;
  #alternative;
  #touch;
  #now;
  #names;
  #ranges;
  #params;

  constructor(proven, target, names, ranges, route, alternative, touch, now) {
    this.#proven = proven;
    this.#target = target;
    this.#names = names;
    this.#ranges = ranges;
    this.#route = route;
    this.#alternative = alternative;
    this.#touch = touch;
    this.#now = now;
    this.#params = undefined;
  }

  /** The path parameters as sent. */
  params() {
    if (this.#params !== undefined) return this.#params;
    const params = {};
    for (let at = 0; at < this.#ranges.length; at++) {
      const range = this.#ranges[at];
      define(params, this.#names[at], this.#target.slice(range & 0xffff, range >>> 16));
    }
    return (this.#params = params);
  }

  text() {
    return this.#proven.text(this.#target, this.#route, this.#alternative === 0 ? undefined : this.#alternative - 1, this.#touch, this.#now);
  }
}

const NO_RANGES = Object.freeze([]);

/** Where the parameters are in the target, begin and end in one number, from the words of a decision. */
export function rangesOf(words) {
  const count = words[14];
  if (count === 0) return NO_RANGES;
  return count === 1 ? [words[15]] : Array.from(words.subarray(15, 15 + count));
}

/** A parameter may be called like a member that every object has. */
function define(object, name, value) {
  if (name === "__proto__") Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
  else object[name] = value;
}

function asked(read) {
  try {
    return read();
  } catch (thrown) {
    throw fromModule(thrown) ?? new ScopegateError("engine_restarted", "The instance that made this decision is gone.", { cause: thrown });
  }
}

function deepFreeze(value) {
  if (value !== null && typeof value === "object") {
    Object.freeze(value);
    for (const inner of Object.values(value)) deepFreeze(inner);
  }
  return value;
}
