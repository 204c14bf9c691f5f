// One decision under way: its strings, and its part of the module's memory. Only numbers cross on the hot path.
import { RequestView } from "./request.js";

/** What the engine wants next. */
export const STEP = Object.freeze({ DONE: 0, KEY: 1, KEYS: 2, VERIFY: 3 });
/** The token that was not handed over is kept no more. */
const GONE = 5;

/** Longer inputs are cut: every limit of the engine is below this, so what was cut is refused. */
const MOST_BYTES = 256 * 1024;
const FIRST_BYTES = 4 * 1024;
const METHOD_BYTES = 32;
const ADDRESS_BYTES = 64;
/** Up to here a loop over the characters is faster than the encoder. */
const SHORT = 34;
/** The same for a text that goes where the view begins. */
const SHORT_FIRST = 20;
/** The line of an id that stands in none. */
const NOWHERE = 0xffffffff;
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
  #id;
  #seen;
  #authorization;
  /** The line of this request that may be known by the next one. */
  #token = -1;
  #room = 0;
  #used = 0;
  #bytes = new Uint8Array(0);
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
    this.#id = raw.open();
    this.#map(FIRST_BYTES);
  }

  #map(room) {
    const at = this.#raw.input(this.#id, room);
    const words = this.#raw.words(this.#id);
    this.#bytes = new Uint8Array(this.#memory.buffer, at, room);
    this.words = new Uint32Array(this.#memory.buffer, words, WORDS);
    this.#room = room;
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
    const { count, values } = view;
    let room = METHOD_BYTES + ADDRESS_BYTES + 3 * view.target.length;
    for (let at = 0; at < count; at++) if (at !== left) room += 3 * values[at].length;
    // Memory that grew leaves views of length 0 behind.
    if (room > this.#room || this.words.length === 0) this.#map(Math.min(Math.max(room, this.#room, FIRST_BYTES), MOST_BYTES));
    const { words } = this;
    words[0] = (view.https ? FLAG_HTTPS : 0) | (wantText ? FLAG_TEXT : 0);
    words[KNOWN_AT] = 0;
    if (known !== undefined) {
      words[KNOWN_AT] = known.slot + 1;
      words[KNOWN_AT + 1] = known.proven.generation;
      words[KNOWN_AT + 2] = known.place;
      words[KNOWN_AT + 3] = left;
    }
    this.#used = 0;
    // The encoder writes where its view begins: one long text goes there, a header value or else the target, unless something must be cut.
    const isWhole = room <= this.#room;
    const first = isWhole && count > 0 && left !== 0 && values[0].length > SHORT ? this.#writeFirst(values[0]) : 0;
    const target = isWhole && first === 0 && view.target.length > SHORT_FIRST ? this.#writeFirst(view.target) : -1;
    words[1] = first;
    words[2] = this.#write(view.method, METHOD_BYTES);
    words[3] = target >= 0 ? target : this.#write(view.target, MOST_BYTES);
    words[4] = this.#write(view.clientIp, ADDRESS_BYTES);
    words[5] = count;
    words[6] = target >= 0 ? 1 : 0;
    for (let at = 0, word = HEAD_WORDS; at < count; at++, word += 2) {
      words[word] = view.indices[at];
      if (at === left) words[word + 1] = 0;
      else words[word + 1] = at === 0 && first > 0 ? first : this.#write(values[at], MOST_BYTES);
    }
    return this.#checked(this.#raw.begin(this.#id, now));
  }

  #writeFirst(text) {
    const { written } = encoder.encodeInto(text, this.#bytes);
    this.#used = written;
    return written;
  }

  #write(text, most) {
    const { length } = text;
    if (length === 0) return 0;
    const from = this.#used;
    if (length <= SHORT && length <= most && length <= this.#room - from) {
      const bytes = this.#bytes;
      let at = 0;
      for (let code; at < length && (code = text.charCodeAt(at)) < 0x80; at++) bytes[from + at] = code;
      if (at === length) {
        this.#used = from + length;
        return length;
      }
    }
    const { written } = encoder.encodeInto(text, this.#bytes.subarray(from, Math.min(from + most, this.#room)));
    this.#used += written;
    return written;
  }

  /** Answers a need for a record by its handle, `MISSING` or `UNAVAILABLE`. */
  answerKey(handle) {
    return this.#checked(this.#raw.answer_key(this.#id, handle));
  }

  answerKeys(answer) {
    return this.#checked(this.#raw.answer_keys(this.#id, answer?.jwks, answer?.fetchedAt ?? 0));
  }

  answerVerify(kind) {
    return this.#checked(this.#raw.answer_verify(this.#id, kind));
  }

  #checked(step) {
    if (this.words.length === 0) this.#map(this.#room);
    if (step > STEP.VERIFY && step !== GONE) throw new Error("the engine was called out of order");
    return step;
  }

  /** The id of the key that the engine asks for: a part of a header value that it points at, or written beside where it stands in none. */
  keyId() {
    const { words } = this;
    if (words[0] !== NOWHERE) return this.view.values[words[0]].substring(words[1], words[1] + words[2]);
    return String.fromCharCode(...new Uint8Array(words.buffer, words.byteOffset + 4, ID_BYTES));
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
    return this.#raw.text(this.#id);
  }

  response() {
    return this.#raw.response(this.#id);
  }

  /** Forgets the request: here, and in the module's memory. `finished`: after the last step the module has forgotten its part. */
  end(finished) {
    this.view.clear();
    if (this.words.length === 0) this.#map(this.#room);
    this.#bytes.fill(0, 0, this.#used);
    this.#used = 0;
    if (!finished) this.#raw.erase(this.#id);
  }

  close() {
    this.#raw.close(this.#id);
  }
}
