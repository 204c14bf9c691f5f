// Authorisation alone: scopes that the application proved itself, held against a route.
import { ScopegateError } from "./errors.js";
import { restart } from "./runtime.js";

const INPUT_BYTES = 1024;

/** What somebody proven elsewhere may do. */
export class Held {
  #live;
  #credential;
  #scopes;
  #engine;
  #raw;
  #bytes = new Uint8Array(0);

  /**
   * @param {() => object} live the gate's engine, as it is now
   * @param {string} credential a credential of the policy
   * @param {readonly string[]} scopes
   */
  constructor(live, credential, scopes) {
    if (typeof credential !== "string" || !Array.isArray(scopes)) throw new ScopegateError("request_invalid", "`grant` takes the name of a credential and a list of scopes.");
    this.#live = live;
    this.#credential = credential;
    this.#scopes = JSON.stringify(scopes);
    this.#made(live());
  }

  /** In this instance of the module. */
  #made(engine) {
    this.#raw = engine.hold(this.#credential, this.#scopes);
    this.#engine = engine;
    this.#bytes = engine.bytes(this.#raw.input(), INPUT_BYTES);
  }

  /**
   * The id of the route that a request means, when these scopes cover it or it is public; null otherwise.
   * @param {string} method
   * @param {string} target as it stands in the request line
   */
  covers(method, target) {
    if (typeof method !== "string" || typeof target !== "string") throw new ScopegateError("invalid_request", "`covers` takes a method and a target.");
    const engine = this.#live();
    try {
      return this.#covered(engine, method, target);
    } catch (trap) {
      if (trap instanceof ScopegateError) throw trap;
      restart(engine.generation);
      throw new ScopegateError("engine_restarted", "The WebAssembly instance broke and was replaced.", { cause: trap });
    }
  }

  #covered(engine, method, target) {
    if (engine !== this.#engine) this.#made(engine);
    // Memory that grew leaves views of length 0 behind.
    if (this.#bytes.length === 0) this.#bytes = engine.bytes(this.#raw.input(), INPUT_BYTES);
    const bytes = this.#bytes;
    const start = method.length;
    const end = start + target.length;
    let at = 0;
    if (end <= INPUT_BYTES) {
      for (let code; at < start && (code = method.charCodeAt(at)) < 0x80; at++) bytes[at] = code;
      if (at === start) for (let code; at < end && (code = target.charCodeAt(at - start)) < 0x80; at++) bytes[at] = code;
    }
    const route = at === end ? this.#raw.covers(start, end - start) : this.#raw.covers_text(method, target);
    return route === 0 ? null : engine.about.routes[route - 1];
  }
}
