// One decision under way: its strings, and its part of the module's memory. Only numbers cross on the hot path.
import { RequestView } from "./request.js";

/** What the engine wants next. */
export const STEP = Object.freeze({ DONE: 0, KEY: 1, KEYS: 2, VERIFY: 3 });

/** Longer inputs are cut: every limit of the engine is below this, so what was cut is refused. */
const MOST_BYTES = 256 * 1024;
const FIRST_BYTES = 4 * 1024;
const METHOD_BYTES = 32;
const ADDRESS_BYTES = 64;
const FLAG_HTTPS = 1;
const FLAG_TEXT = 2;
const HEAD_WORDS = 5;
const encoder = new TextEncoder();

export class Session {
  view = new RequestView();
  #raw;
  #memory;
  #id;
  #room = 0;
  #used = 0;
  #bytes = new Uint8Array(0);
  /** The words that the engine reads and answers in. */
  words = new Uint32Array(0);

  constructor(raw, memory) {
    this.#raw = raw;
    this.#memory = memory;
    this.#id = raw.open();
    this.#map(FIRST_BYTES);
  }

  #map(room) {
    const at = this.#raw.input(this.#id, room);
    const words = this.#raw.words(this.#id);
    this.#bytes = new Uint8Array(this.#memory.buffer, at, room);
    this.words = new Uint32Array(this.#memory.buffer, words, 64);
    this.#room = room;
  }

  /** Writes the request and starts the decision. */
  begin(now, wantText) {
    const { view } = this;
    let room = METHOD_BYTES + ADDRESS_BYTES + 3 * view.target.length;
    for (let at = 0; at < view.count; at++) room += 3 * view.values[at].length;
    // Memory that grew leaves views of length 0 behind.
    if (room > this.#room || this.words.length === 0) this.#map(Math.min(Math.max(room, this.#room, FIRST_BYTES), MOST_BYTES));
    const { words } = this;
    words[0] = (view.https ? FLAG_HTTPS : 0) | (wantText ? FLAG_TEXT : 0);
    this.#used = 0;
    words[1] = this.#write(view.method, METHOD_BYTES);
    words[2] = this.#write(view.target, MOST_BYTES);
    words[3] = this.#write(view.clientIp, ADDRESS_BYTES);
    words[4] = view.count;
    for (let at = 0, word = HEAD_WORDS; at < view.count; at++) {
      words[word++] = view.indices[at];
      words[word++] = this.#write(view.values[at], MOST_BYTES);
    }
    return this.#checked(this.#raw.begin(this.#id, now));
  }

  #write(text, most) {
    if (text.length === 0) return 0;
    const from = this.#used;
    const { written } = encoder.encodeInto(text, this.#bytes.subarray(from, Math.min(from + most, this.#room)));
    this.#used += written;
    return written;
  }

  answerKey(kind, record) {
    return this.#checked(this.#raw.answer_key(this.#id, kind, record));
  }

  answerKeys(answer) {
    return this.#checked(this.#raw.answer_keys(this.#id, answer?.jwks, answer?.fetchedAt ?? 0));
  }

  answerVerify(kind) {
    return this.#checked(this.#raw.answer_verify(this.#id, kind));
  }

  #checked(step) {
    if (this.words.length === 0) this.#map(this.#room);
    if (step > STEP.VERIFY) throw new Error("the engine was called out of order");
    return step;
  }

  /** A part of a header value that the engine pointed at. */
  slice(line, from, length) {
    return this.view.values[line].substring(from, from + length);
  }

  text() {
    return this.#raw.text(this.#id);
  }

  response() {
    return this.#raw.response(this.#id);
  }

  /** Forgets the request: here, and in the module's memory. */
  end() {
    this.view.clear();
    this.#raw.erase(this.#id);
    this.#used = 0;
  }

  close() {
    this.#raw.close(this.#id);
  }
}
