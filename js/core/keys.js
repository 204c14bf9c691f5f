// The life of API keys. Nothing here stores anything: records go in and come out.
import { ScopegateError } from "./errors.js";
import { plainRecord } from "./records.js";

const ENTROPY_BYTES = 128;

export class KeyLife {
  #call;
  #now;

  constructor(call, now) {
    this.#call = call;
    this.#now = now;
  }

  /** A new key: `{ record, rawKey }`. The raw key is told once; the record never holds it. */
  issue(request) {
    if (request?.expiresAt === undefined) throw new ScopegateError("request_invalid", "`expiresAt` is whole Unix seconds, or null for a key that never expires.");
    return hidden(this.#call("issue", json(request), entropy(), this.#now()));
  }

  /** A successor: `{ record, rawKey, old }`; `old` is the record of the old key with its grace period. */
  rotate(record, { overlap = 0, credential } = {}) {
    const made = this.#call("rotate", JSON.stringify(plainRecord(record)), json({ overlap, credential }), entropy(), this.#now());
    return hidden({ ...made, old: { ...record, ...made.old } });
  }

  /** The record, revoked. Repeatable. */
  revoke(record) {
    return { ...record, ...this.#call("revoke", JSON.stringify(plainRecord(record)), this.#now()) };
  }

  /** The record under another label; nothing else of a key can change. */
  relabel(record, change) {
    const wanted = typeof change === "string" ? { label: change } : change;
    return { ...record, ...this.#call("relabel", JSON.stringify(plainRecord(record)), json(wanted)) };
  }
}

/** The core draws nothing itself: what a key is made of comes from the runtime. */
function entropy() {
  return crypto.getRandomValues(new Uint8Array(ENTROPY_BYTES));
}

/** JSON writes a NaN as null: an expiry that cannot be read must not mean "never". */
function json(value) {
  if (value === null || typeof value !== "object") throw new ScopegateError("request_invalid", "What is asked for is an object.");
  return JSON.stringify(value, (name, inner) => {
    if (typeof inner === "number" && !Number.isSafeInteger(inner)) {
      throw new ScopegateError("request_invalid", `\`${name}\` is not a whole number.`);
    }
    return inner;
  });
}

/** Keeps the raw key out of JSON, spreads and logs: whoever wants it says so. */
function hidden({ rawKey, ...rest }) {
  return Object.defineProperty(rest, "rawKey", { value: rawKey, enumerable: false });
}
