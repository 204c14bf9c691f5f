// Who was proven, and what is left of an allowed request: nothing of it is read from the module before somebody asks.
import { ScopegateError, fromModule } from "./errors.js";

/** Proofs are given back to the module in batches: one entry in the registry for many of them. */
const BATCH = 64;
/** Claims are copied into pages: an array of its own costs more than the copy. */
const PAGE_BYTES = 16 * 1024;
/** Where the words of a decision say that the claims of its first principal are: address, bytes, credential. */
const CLAIMS_AT = 64;

/** The principals of one instance of the module, which outlive the gate that proved them. */
export class Proofs {
  #raw;
  #memory;
  #recent = [];
  #batch;
  #room = 0;
  #page = new Uint8Array(0);
  #used = 0;
  #nobody;
  #registry = new FinalizationRegistry((number) => {
    try {
      this.#raw.forget(number);
    } catch {
      // The instance is gone, and its memory with it.
    }
  });

  constructor(raw, memory) {
    this.#raw = raw;
    this.#memory = memory;
  }

  /**
   * The proven principal in a slot of the module. A slot's generation changes with its principal.
   * @param {Uint32Array} [words] where the claims are, when it is the first of a decision made just now
   */
  at(slot, generation, now, words) {
    const known = this.#recent[slot];
    if (known !== undefined && known.generation === generation) return known;
    return (this.#recent[slot] = this.#claimed(slot, generation, now, words) ?? this.#kept(slot, generation));
  }

  /** Whether a slot still has this one. */
  has(slot, proven) {
    return this.#recent[slot] === proven;
  }

  /** Somebody proven by a token: there are too many of them to wait for the collector, so the module keeps none. */
  #claimed(slot, generation, now, words) {
    const raw = this.#raw;
    const isNear = words !== undefined && words[CLAIMS_AT + 1] > 0;
    const length = isNear ? words[CLAIMS_AT + 1] : raw.claims_bytes(slot);
    if (length === 0) return undefined;
    const credential = isNear ? words[CLAIMS_AT + 2] : raw.claims_of(slot);
    const at = isNear ? words[CLAIMS_AT] : raw.claims(slot);
    if (this.#used + length > this.#page.length) {
      this.#page = new Uint8Array(Math.max(PAGE_BYTES, length));
      this.#used = 0;
    }
    const from = this.#used;
    this.#used += length;
    this.#page.set(new Uint8Array(this.#memory.buffer, at, length), from);
    return new Claimed(raw, generation, this.#page, from, this.#used, credential, now);
  }

  #kept(slot, generation) {
    if (this.#room === 0) {
      this.#batch = { number: this.#raw.batch() };
      this.#registry.register(this.#batch, this.#batch.number);
      this.#room = BATCH;
    }
    this.#room -= 1;
    return new Kept(this.#raw, generation, this.#batch, this.#raw.keep(slot));
  }

  /** What stands for a principal on a public route. */
  nobody() {
    return (this.#nobody ??= new Kept(this.#raw, 0, { number: 0 }, 0));
  }
}

/** A proven principal. */
class Proven {
  #raw;
  #principal;

  constructor(raw, generation) {
    this.#raw = raw;
    this.generation = generation;
  }

  get principal() {
    return (this.#principal ??= deepFreeze(JSON.parse(asked(() => this.held(this.#raw, (batch, place) => this.#raw.principal(batch, place))))));
  }

  /** The parameters of a target, cut from it when somebody asks. */
  params(target, route) {
    return asked(() => this.#raw.params(target, route));
  }

  /** The text of an allow of this principal alone. */
  text(target, route, alternative, touch, now) {
    return asked(() => this.held(this.#raw, (batch, place) => this.#raw.allow(batch, place, target, route, alternative, touch, now)));
  }
}

/** Somebody proven by a key: the module keeps them as long as their batch lives here. */
class Kept extends Proven {
  #batch;
  #place;

  constructor(raw, generation, batch, place) {
    super(raw, generation);
    this.#batch = batch;
    this.#place = place;
  }

  held(raw, use) {
    return use(this.#batch.number, this.#place);
  }
}

/** Somebody proven by a token: its claims, which the module reads again when somebody asks. */
class Claimed extends Proven {
  #page;
  #from;
  #end;
  #credential;
  #now;

  constructor(raw, generation, page, from, end, credential, now) {
    super(raw, generation);
    this.#page = page;
    this.#from = from;
    this.#end = end;
    this.#credential = credential;
    this.#now = now;
  }

  held(raw, use) {
    const batch = raw.recall(this.#credential, this.#page.subarray(this.#from, this.#end), this.#now);
    try {
      return use(batch, 0);
    } finally {
      raw.forget(batch);
    }
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
  #params;

  constructor(proven, target, route, alternative, touch, now) {
    this.#proven = proven;
    this.#target = target;
    this.#route = route;
    this.#alternative = alternative;
    this.#touch = touch;
    this.#now = now;
    this.#params = undefined;
  }

  /** The path parameters as sent. */
  params() {
    return (this.#params ??= JSON.parse(this.#proven.params(this.#target, this.#route)));
  }

  text() {
    return this.#proven.text(this.#target, this.#route, this.#alternative === 0 ? undefined : this.#alternative - 1, this.#touch, this.#now);
  }
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
