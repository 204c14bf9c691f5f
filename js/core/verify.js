// Signature arithmetic by the host: node:crypto at once where it is, else WebCrypto. Keys are imported once.

/** What the module is answered. `HERE` leaves the arithmetic to the module itself. */
export const VERIFY = Object.freeze({ INVALID: 0, VALID: 1, UNAVAILABLE: 2, HERE: 3 });

/** In the order of the engine's `Algorithm::ALL`. */
export const ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA", "HS256", "HS384", "HS512"];
const bits = (algorithm) => Number(algorithm.slice(2));

/** Imported keys by the object that describes one: the gate has one for each key of an issuer, as long as it lives. */
class KeyCache {
  #keys = new WeakMap();

  get(algorithm, key, make) {
    const known = this.#keys.get(key);
    if (known !== undefined && known.algorithm === algorithm) return known.made;
    const made = make();
    this.#keys.set(key, { algorithm, made });
    return made;
  }

  forget(key) {
    this.#keys.delete(key);
  }
}

/** @param {typeof import("node:crypto")} crypto */
export function nodeVerifier(crypto) {
  const keys = new KeyCache();
  const imported = (algorithm, jwk) => {
    const key = crypto.createPublicKey({ key: jwk, format: "jwk" });
    const digest = algorithm === "EdDSA" ? null : `sha${bits(algorithm)}`;
    if (algorithm.startsWith("PS")) {
      return { digest, key: { key, padding: crypto.constants.RSA_PKCS1_PSS_PADDING, saltLength: bits(algorithm) / 8 } };
    }
    return { digest, key: algorithm.startsWith("ES") ? { key, dsaEncoding: "ieee-p1363" } : key };
  };
  // Most tokens come under the key of the one before.
  let last = { issuerKey: undefined, algorithm: undefined, made: undefined };
  const verify = (algorithm, issuerKey, input, signature) => {
    if (last.issuerKey !== issuerKey || last.algorithm !== algorithm) {
      last = { issuerKey, algorithm, made: keys.get(algorithm, issuerKey, () => imported(algorithm, issuerKey.jwk)) };
    }
    return crypto.verify(last.made.digest, input, last.made.key, signature) ? VERIFY.VALID : VERIFY.INVALID;
  };
  return Object.assign(verify, { isSync: true });
}

/** The same, loaded when the first signature is checked. */
function lateVerifier(load) {
  let ready;
  const verify = (algorithm, issuerKey, input, signature) => (ready ??= nodeVerifier(load()))(algorithm, issuerKey, input, signature);
  return Object.assign(verify, { isSync: true });
}

/** @param {SubtleCrypto} subtle */
export function webVerifier(subtle) {
  const keys = new KeyCache();
  return async (algorithm, issuerKey, input, signature) => {
    const { key: how, use } = parameters(algorithm);
    // The module's memory may move while this waits.
    const [signed, proof] = [input.slice(), signature.slice()];
    let key;
    try {
      // `alg` and `key_ops` of an issuer's key were held against the policy already; here they could only get in the way.
      const { kty, n, e, crv, x, y } = issuerKey.jwk;
      key = await keys.get(algorithm, issuerKey, () => subtle.importKey("jwk", { kty, n, e, crv, x, y }, how, false, ["verify"]));
    } catch {
      keys.forget(issuerKey);
      return VERIFY.HERE;
    }
    return (await subtle.verify(use, key, proof, signed)) ? VERIFY.VALID : VERIFY.INVALID;
  };
}

function parameters(algorithm) {
  const hash = `SHA-${bits(algorithm)}`;
  switch (algorithm.slice(0, 2)) {
    case "RS": return { key: { name: "RSASSA-PKCS1-v1_5", hash }, use: { name: "RSASSA-PKCS1-v1_5" } };
    case "PS": return { key: { name: "RSA-PSS", hash }, use: { name: "RSA-PSS", saltLength: bits(algorithm) / 8 } };
    case "ES": return { key: { name: "ECDSA", namedCurve: `P-${bits(algorithm)}` }, use: { name: "ECDSA", hash } };
    default: return { key: { name: "Ed25519" }, use: { name: "Ed25519" } };
  }
}

/**
 * The verifier for a choice of the gate.
 * @param {"auto" | "node" | "webcrypto" | "wasm"} choice
 * @param {object} host the entry's `crypto`
 * @returns {undefined | ((algorithm: string, key: { jwk: object }, input: Uint8Array, signature: Uint8Array) => number | Promise<number>)} undefined: the module does it itself
 */
export function verifierFor(choice, host) {
  if (choice === "wasm") return undefined;
  if (choice !== "webcrypto") {
    if (host.crypto !== undefined) return lateVerifier(host.crypto);
    const node = globalThis.process?.getBuiltinModule?.("node:crypto");
    if (typeof node?.verify === "function") return nodeVerifier(node);
  }
  const subtle = globalThis.crypto?.subtle;
  return choice !== "node" && subtle ? webVerifier(subtle) : undefined;
}
