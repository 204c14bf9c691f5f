// The one instance of the authorization server's module, apart from the gate's, and servers that outlive a broken one.
import { ScopegateError } from "../core/errors.js";

let running;
let generation = 0;

/** What an entry knows of its runtime: `node:crypto`, where there is one. */
export const host = { crypto: undefined };

/** Starts the module; entries call it once. */
export function start(glue, module) {
  glue.initSync({ module });
  generation += 1;
  running = { glue, module };
}

/** The generated functions of the running instance. */
export function glue() {
  if (running === undefined) throw new ScopegateError("not_started", "The WebAssembly module is not started: await `ready` first.");
  return running.glue;
}

/** A configured server or its providers, by the name of the class in the module. Its calls keep no state in the module, so that a fresh instance goes on where a broken one stopped. */
export class Engine {
  #kind;
  #settings;
  #raw;
  #generation;

  constructor(kind, settings) {
    this.#kind = kind;
    this.#settings = settings;
    this.#fresh();
  }

  #fresh() {
    this.#raw = new (glue()[this.#kind])(this.#settings);
    this.#generation = generation;
  }

  /** The providers as text. */
  get providers() {
    return this.#raw.providers();
  }

  /** One step; throws text for what is refused, anything else after a trap. */
  step(input, now, entropy, answers) {
    if (this.#generation !== generation) this.#fresh();
    return this.#raw.step(input, now, entropy, answers);
  }

  /** Throws the instance that trapped away. Several servers may notice the same trap: the first restarts it. */
  restart() {
    if (this.#generation !== generation) return;
    const { glue, module } = running;
    glue.__wbg_reset_state();
    start(glue, module);
  }

  free() {
    if (this.#generation === generation) this.#raw.free();
  }
}
