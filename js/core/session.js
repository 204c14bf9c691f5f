// One decision under way: its strings, and its part of the module's memory. Only numbers cross on the hot path.
import { RequestView } from "./request.js";

/** What the engine wants next. */
export const STEP = Object.freeze({ DONE: 0, KEY: 1, KEYS: 2, VERIFY: 3 });
/** The token that was not handed over is kept no more. */
const GONE = 5;

/** Longer inputs are cut: every limit of the engine is below this, so what was cut is refused. */
const MOST_BYTES = 256 * 1024;
const FIRST_BYTES = 4 * 1024;
/** Where the module looks for the parts of a request: method, address, target unless it is long, then the header values in order. */
const METHOD_BYTES = 32;
const ADDRESS_AT = METHOD_BYTES;
const TARGET_AT = 96;
const VALUES_AT = 352;
/** Up to here a loop over the characters is faster than the encoder. */
const SHORT = 34;
/** The same for a text that goes where a view begins. */
const SHORT_FIRST = 20;
const ID_BYTES = 12;
const FLAG_HTTPS = 1;
const FLAG_TEXT = 2;
/** Where what stands for a token's line is among the words: slot (from 1) and generation of whom it proved, its place, its line. */
export const KNOWN_AT = 60;
const WORDS = 96;
const HEAD_WORDS = 8;
const encoder = new TextEncoder();

export class Session {
  view = new RequestView();
  #raw;
  #memory;
  #session;
  #seen;
  #authorization;
  /** The line of this request that may be known by the next one. */
  #token = -1;
  #room = 0;
  #bytes = new Uint8Array(0);
  #targetRoom = new Uint8Array(0);
  #valueRoom = new Uint8Array(0);
  #id = new Uint8Array(0);
  /** The method that stands in the module's memory. */
  #method = "";
  #methodBytes = 0;
  /** The words that the engine reads and answers in. */
  words = new Uint32Array(0);

  /**
   * @param {object} raw
   * @param {WebAssembly.Memory} memory
   * @param {Seen | undefined} seen
   * @param {number} authorization the index of that header
   */
  constructor(raw, memory, seen, authorization) {
    this.#raw = raw;
    this.#memory = memory;
    this.#seen = seen;
    this.#authorization = authorization;
    this.#session = raw.open();
    this.#map(FIRST_BYTES);
  }

  #map(room) {
    const at = this.#raw.input(this.#session, room);
    const words = this.#raw.words(this.#session);
    const { buffer } = this.#memory;
    this.#bytes = new Uint8Array(buffer, at, room);
    this.#targetRoom = new Uint8Array(buffer, at + TARGET_AT, VALUES_AT - TARGET_AT);
    this.#valueRoom = new Uint8Array(buffer, at + VALUES_AT, room - VALUES_AT);
    this.#id = new Uint8Array(buffer, words + 4, ID_BYTES);
    this.words = new Uint32Array(buffer, words, WORDS);
    this.#room = room;
    this.#method = "";
    this.#methodBytes = 0;
  }

  /** Writes the request and starts the decision. */
  begin(now, wantText) {
    const { view } = this;
    const token = this.#seen === undefined ? -1 : view.once(this.#authorization);
    const known = token >= 0 ? this.#seen.find(view.values[token]) : undefined;
    this.#token = known === undefined ? token : -1;
    const step = this.#lay(now, wantText, known === undefined ? -1 : token, known);
    if (step !== GONE) return step;
    this.#seen.drop(view.values[token]);
    this.#token = token;
    return this.#lay(now, wantText, -1, undefined);
  }

  /** `known`: what stands for the value of the line `left`, which is not written. */
  #lay(now, wantText, left, known) {
    const { view } = this;
    const { count, indices, method, target, values } = view;
    let room = VALUES_AT + 3 * target.length;
    for (let at = 0; at < count; at++) if (at !== left) room += 3 * values[at].length;
    // Memory that grew leaves views of length 0 behind.
    if (room > this.#room || this.words.length === 0) this.#map(Math.min(Math.max(room, this.#room, FIRST_BYTES), MOST_BYTES));
    if (method !== this.#method) this.#writeMethod(method);
    const { words } = this;
    words[0] = (view.https ? FLAG_HTTPS : 0) | (wantText ? FLAG_TEXT : 0);
    words[1] = this.#methodBytes;
    words[4] = this.#write(view.clientIp, ADDRESS_AT, TARGET_AT);
    words[5] = count;
    words[KNOWN_AT] = 0;
    if (known !== undefined) {
      words[KNOWN_AT] = known.slot + 1;
      words[KNOWN_AT + 1] = known.proven.generation;
      words[KNOWN_AT + 2] = known.place;
      words[KNOWN_AT + 3] = left;
    }
    // Before the values: what is cut for want of room is never the target.
    let used = this.#layTarget(target, words);
    for (let at = 0, word = HEAD_WORDS; at < count; at++, word += 2) {
      words[word] = indices[at];
      const written = at === left ? 0 : this.#writeValue(values[at], used);
      words[word + 1] = written;
      used += written;
    }
    return this.#checked(this.#raw.begin(this.#session, now));
  }

  #writeMethod(method) {
    this.#methodBytes = this.#write(method, 0, METHOD_BYTES);
    this.#method = method;
  }

  /** Where the values may begin. */
  #layTarget(target, words) {
    words[2] = TARGET_AT;
    if (target.length <= SHORT_FIRST) {
      words[3] = this.#write(target, TARGET_AT, VALUES_AT);
      return VALUES_AT;
    }
    const { read, written } = encoder.encodeInto(target, this.#targetRoom);
    words[3] = written;
    if (read === target.length) return VALUES_AT;
    words[2] = VALUES_AT;
    words[3] = this.#writeValue(target, VALUES_AT);
    return VALUES_AT + words[3];
  }

  /** The encoder writes where its view begins, and a view of its own costs as much as the text. */
  #writeValue(text, from) {
    if (from === VALUES_AT && text.length > SHORT) return encoder.encodeInto(text, this.#valueRoom).written;
    return this.#write(text, from, this.#room);
  }

  /** Writes a text between two places; how many bytes that took. */
  #write(text, from, end) {
    const { length } = text;
    if (length <= SHORT && length <= end - from) {
      const bytes = this.#bytes;
      let at = 0;
      for (let code; at < length && (code = text.charCodeAt(at)) < 0x80; at++) bytes[from + at] = code;
      if (at === length) return length;
    }
    return encoder.encodeInto(text, this.#bytes.subarray(from, end)).written;
  }

  /** Answers a need for a record by its handle, `MISSING` or `UNAVAILABLE`. */
  answerKey(handle) {
    return this.#checked(this.#raw.answer_key(this.#session, handle));
  }

  answerKeys(answer) {
    return this.#checked(this.#raw.answer_keys(this.#session, answer?.jwks, answer?.fetchedAt ?? 0));
  }

  answerVerify(kind) {
    return this.#checked(this.#raw.answer_verify(this.#session, kind));
  }

  #checked(step) {
    if (this.words.length === 0) this.#map(this.#room);
    if (step > STEP.VERIFY && step !== GONE) throw new Error("the engine was called out of order");
    return step;
  }

  /** The id of the key that the engine asks for. */
  keyId() {
    const [a, b, c, d, e, f, g, h, i, j, k, l] = this.#id;
    return String.fromCharCode(a, b, c, d, e, f, g, h, i, j, k, l);
  }

  /** After the last step, when a token proved somebody: notes by what its line is known from now on. */
  learn(slot, proven, place) {
    if (place !== 0 && this.#token >= 0) this.#seen.keep(this.view.values[this.#token], slot, proven, place - 1);
  }

  /** A part of the module's memory, as it is until the module is called again. */
  bytes(from, length) {
    return new Uint8Array(this.#memory.buffer, from, length);
  }

  text() {
    return this.#raw.text(this.#session);
  }

  response() {
    return this.#raw.response(this.#session);
  }

  /** Forgets the request: here, and in the module's memory. `finished`: after the last step the module has forgotten its part. */
  end(finished) {
    this.view.clear();
    if (finished) return;
    this.#raw.erase(this.#session);
    this.#method = "";
    this.#methodBytes = 0;
  }

  close() {
    this.#raw.close(this.#session);
  }
}
