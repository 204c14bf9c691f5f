// The module's side of one gate: the generated class, its sessions and what was learnt from it. Everything here belongs to
// one instance of the module and is thrown away with it.
import { fromModule } from "./errors.js";
import { Proofs } from "./proven.js";
import { HeaderNames } from "./request.js";
import { currentGeneration, instance } from "./runtime.js";
import { Records } from "./records.js";
import { Seen } from "./seen.js";
import { Session } from "./session.js";

const IDLE_SESSIONS = 64;

export class RawEngine {
  generation = currentGeneration();
  #raw;
  #memory;
  #idle = [];
  #verifyKeys = new Map();
  #seen;
  #authorization;

  /**
   * @param {string} policy the policy as JSON text
   * @param {string} options the JSON text that `RawGate` takes
   * @param {readonly [number, number] | null} tokenCache its limits, which the options have too
   */
  constructor(policy, options, tokenCache = null) {
    const { glue, memory } = instance();
    this.#memory = memory;
    this.#raw = coded(() => new glue.RawGate(policy, options));
    /** `{ name, routes, scopes, credentials, headers, tests, arithmetic }` */
    this.about = JSON.parse(this.#raw.describe());
    this.names = new HeaderNames(this.about.headers);
    this.#authorization = this.names.find("authorization");
    this.records = new Records(this.#raw);
    this.proofs = new Proofs(this.#raw.proofs(), memory);
    this.#seen = tokenCache !== null && tokenCache[0] > 0 && tokenCache[1] > 0 ? new Seen(this.proofs, tokenCache) : undefined;
  }

  acquire() {
    return this.#idle.pop() ?? new Session(this.#raw, this.#memory, this.#seen, this.#authorization);
  }

  /** @param {boolean} finished whether the session came to a decision */
  release(session, finished) {
    session.end(finished);
    if (this.#idle.length < IDLE_SESSIONS) this.#idle.push(session);
    else session.close();
  }

  /** `{ thumbprint, jwk }` of a key that signatures are checked with. */
  verifyKey(handle) {
    let key = this.#verifyKeys.get(handle);
    if (key === undefined) {
      if (this.#verifyKeys.size >= IDLE_SESSIONS) this.#verifyKeys.clear();
      key = JSON.parse(this.#raw.verify_key(handle));
      this.#verifyKeys.set(handle, key);
    }
    return key;
  }

  /** Scopes as held by a credential. */
  hold(credential, scopes) {
    return coded(() => this.#raw.hold(credential, scopes));
  }

  /** A part of the module's memory. */
  bytes(from, length) {
    return new Uint8Array(this.#memory.buffer, from, length);
  }

  /** Calls one of the functions that take and return JSON. */
  call(name, ...parameters) {
    return JSON.parse(this.text(name, ...parameters));
  }

  /** The same, as text. */
  text(name, ...parameters) {
    return coded(() => this.#raw[name](...parameters));
  }

  /** Overwrites a secret that the module handed over as text: the memory that it gives back keeps its bytes. */
  wipe(secret) {
    const memory = new Uint8Array(this.#memory.buffer);
    const bytes = new TextEncoder().encode(secret);
    for (let at = memory.indexOf(bytes[0]); at >= 0; at = memory.indexOf(bytes[0], at + 1)) {
      if (bytes.every((byte, offset) => memory[at + offset] === byte)) memory.fill(0, at, at + bytes.length);
    }
  }

  /** A decision that still waits finds that its instance is not this one any more. */
  free() {
    this.generation = undefined;
    this.#raw.free();
  }
}

function coded(run) {
  try {
    return run();
  } catch (thrown) {
    throw fromModule(thrown) ?? thrown;
  }
}
