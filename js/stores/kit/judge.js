// How the kit runs its checks, and what it makes records of. Nothing here needs more than JavaScript.

/** How many callers race. */
export const RACERS = 16;
/** The instant of the kit: any will do that is not far from now, for databases that forget by their own clock. */
export const NOW = 1_780_000_000;

const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** Runs checks one after another: `[{ name, ok, detail }]`. */
export async function judged(checks) {
  const results = [];
  for (const [name, check] of checks) {
    try {
      results.push({ name, ok: true, detail: (await check()) ?? "" });
    } catch (error) {
      results.push({ name, ok: false, detail: error instanceof Wrong ? error.message : `${error?.name}: ${error?.message}` });
    }
  }
  return results;
}

class Wrong extends Error {}

/** What the store got wrong, unless it holds. */
export function expect(holds, what) {
  if (!holds) throw new Wrong(what);
}

export const same = (found, wanted) => canonical(found) === canonical(wanted);

function canonical(value) {
  const isObject = (inner) => inner !== null && typeof inner === "object" && !Array.isArray(inner);
  return JSON.stringify(value, (_, inner) => (isObject(inner) ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1))) : inner));
}

export function equal(found, wanted, what) {
  expect(same(found, wanted), what);
}

/** Runs callers at once and gives their answers. One that throws makes the check fail. */
export const racing = (count, run) => Promise.all(Array.from({ length: count }, async (_, at) => run(at)));

/** Texts and records that hang on a seed alone, so that a run can be repeated with another one over the same database. */
export class Samples {
  #seed;
  #count = 0;

  constructor(seed) {
    if (!Number.isSafeInteger(seed)) throw new TypeError("The kit needs a whole number as `seed`.");
    this.#seed = BigInt.asUintN(64, BigInt(seed));
  }

  /** A text of twelve base62 characters, another one each time. */
  id() {
    let state = BigInt.asUintN(64, (this.#seed << 20n) + BigInt(this.#count++));
    let id = "";
    for (let at = 0; at < 12; at++) {
      // splitmix64, by Sebastiano Vigna (public domain).
      state = BigInt.asUintN(64, state + 0x9e3779b97f4a7c15n);
      let mixed = BigInt.asUintN(64, (state ^ (state >> 30n)) * 0xbf58476d1ce4e5b9n);
      mixed = BigInt.asUintN(64, (mixed ^ (mixed >> 27n)) * 0x94d049bb133111ebn);
      id += ALPHABET[Number((mixed ^ (mixed >> 31n)) % 62n)];
    }
    return id;
  }

  record(change) {
    return {
      v: 1, id: this.id(), env: "live", owner: "kit", label: "kit", scopes: ["jobs:read"],
      hashes: [{ alg: "sha256", kid: null, hash: "A".repeat(43), notAfter: null }],
      sealed: false, createdAt: NOW, expiresAt: NOW + 86_400, revokedAt: null, graceUntil: null, lastUsedAt: null,
      ipAllow: [], rotatedFrom: null, version: 1, ...change,
    };
  }
}

/** A record after a change: the next version. */
export const changed = (record, change) => ({ ...record, ...change, version: record.version + 1 });
