// Authorisation alone: scopes that the application proved itself, held against a route.
import { ScopegateError } from "./errors.js";
import { restart } from "./runtime.js";

const INPUT_BYTES = 1024;
const METHOD_BYTES = 32;
/** Up to here a loop over the characters is faster than the encoder. */
const SHORT = 20;
const encoder = new TextEncoder();

/** What somebody proven elsewhere may do. */
export class Held {
  #live;
  #credential;
  #scopes;
  #engine;
  #routes;
  #raw;
  #bytes = new Uint8Array(0);
  /** Where the target goes. */
  #room = new Uint8Array(0);
  /** The method that stands in the module's memory. */
  #method = "";

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
    this.#routes = engine.about.routes;
    this.#map(engine);
  }

  #map(engine) {
    this.#bytes = engine.bytes(this.#raw.input(), INPUT_BYTES);
    this.#room = this.#bytes.subarray(METHOD_BYTES);
    this.#method = "";
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
    if (this.#bytes.length === 0) this.#map(engine);
    const bytes = this.#write(method, target);
    const route = bytes < 0 ? this.#raw.covers_text(method, target) : this.#raw.covers(method.length, bytes);
    return route === 0 ? null : this.#routes[route - 1];
  }

  /** Lays both into the module's memory; the bytes of the target, -1 when they do not fit. */
  #write(method, target) {
    if (method !== this.#method && !this.#writeMethod(method)) return -1;
    const { length } = target;
    if (length > (INPUT_BYTES - METHOD_BYTES) / 3) return -1;
    if (length <= SHORT) {
      const room = this.#room;
      let at = 0;
      for (let code; at < length && (code = target.charCodeAt(at)) < 0x80; at++) room[at] = code;
      if (at === length) return length;
    }
    return encoder.encodeInto(target, this.#room).written;
  }

  #writeMethod(method) {
    if (method.length > METHOD_BYTES) return false;
    this.#method = "";
    for (let at = 0; at < method.length; at++) {
      const code = method.charCodeAt(at);
      if (code >= 0x80) return false;
      this.#bytes[at] = code;
    }
    this.#method = method;
    return true;
  }
}
