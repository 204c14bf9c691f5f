// Signing keys: what signs, and the public half. The private half never enters the module.
import { ScopegateError } from "../core/errors.js";
import { bytesOf, encode, utf8 } from "./bytes.js";
import { host } from "./runtime.js";

const ALGORITHMS = Object.freeze({
  RS256: ["RSASSA-PKCS1-v1_5", 256], RS384: ["RSASSA-PKCS1-v1_5", 384], RS512: ["RSASSA-PKCS1-v1_5", 512],
  PS256: ["RSA-PSS", 256], PS384: ["RSA-PSS", 384], PS512: ["RSA-PSS", 512],
});
const STATUSES = ["next", "active", "retiring"];
const PROBE = utf8("scopegate");

const invalid = (message, code = "key_invalid") => new ScopegateError(code, message);

function checked({ kid, alg = "RS256", status = "active", since = 0 } = {}) {
  if (!Object.hasOwn(ALGORITHMS, alg)) throw invalid("The algorithm of a signing key is RS256, RS384, RS512, PS256, PS384 or PS512.", "algorithm_unsupported");
  if (!STATUSES.includes(status)) throw invalid("The status of a key is `next`, `active` or `retiring`.");
  if (!Number.isSafeInteger(since) || since < 0) throw invalid("`since` is in Unix seconds.");
  if (kid !== undefined && (typeof kid !== "string" || kid === "")) throw invalid("`kid` is a text.");
  return { kid, alg, status, since };
}

/** The public members of an RSA key. */
function publicRsa(jwk) {
  if (jwk?.kty !== "RSA" || typeof jwk.n !== "string" || typeof jwk.e !== "string") throw invalid("That is no RSA key.");
  return { kty: "RSA", n: jwk.n, e: jwk.e };
}

/** The thumbprint of a key (RFC 7638), its name when it has no other. */
async function thumbprint({ e, kty, n }) {
  return encode(new Uint8Array(await crypto.subtle.digest("SHA-256", utf8(JSON.stringify({ e, kty, n })))));
}

async function privateHalf(privateKey, jwk, algorithm) {
  if (privateKey !== undefined) {
    const { name, hash } = privateKey.algorithm ?? {};
    const fits = privateKey.type === "private" && name === algorithm.name && hash?.name === algorithm.hash && privateKey.usages.includes("sign");
    if (!fits) throw invalid("The private key does not sign with this algorithm.");
    if (privateKey.extractable) throw invalid("The private key can be exported: import it with `extractable: false`.", "key_extractable");
    return privateKey;
  }
  if (typeof jwk?.d !== "string") return undefined;
  // `key_ops` and `ext` would hold the import to what some other program wanted.
  const { key_ops: _operations, ext: _ext, use: _use, alg: _alg, ...members } = jwk;
  return crypto.subtle.importKey("jwk", members, algorithm, false, ["sign"]);
}

/**
 * A key that signs by WebCrypto and cannot be read out again.
 * @param {object} key `jwk`, the private key as a JWK, or `privateKey` with `publicKey`; `kid`, `alg`, `status`, `since`
 */
export async function webCryptoSigner(key) {
  const { kid, alg, status, since } = checked(key);
  const { jwk, privateKey, publicKey } = key;
  const [name, bits] = ALGORITHMS[alg];
  const algorithm = { name, hash: `SHA-${bits}` };
  const parameters = { name, saltLength: bits / 8 };
  let secret;
  let publicJwk;
  try {
    secret = await privateHalf(privateKey, jwk, algorithm);
    const half = publicKey instanceof CryptoKey ? await crypto.subtle.exportKey("jwk", publicKey) : publicKey;
    publicJwk = publicRsa(half ?? jwk);
    if (secret !== undefined) {
      const verifying = await crypto.subtle.importKey("jwk", publicJwk, algorithm, false, ["verify"]);
      const signature = await crypto.subtle.sign(parameters, secret, PROBE);
      if (!(await crypto.subtle.verify(parameters, verifying, signature, PROBE))) throw invalid("The halves are not of one key.");
    }
  } catch (thrown) {
    if (thrown instanceof ScopegateError) throw thrown;
    throw invalid("The key could not be imported.");
  }
  const sign = secret && (async (bytes) => new Uint8Array(await crypto.subtle.sign(parameters, secret, bytes)));
  return signer({ kid: kid ?? (await thumbprint(publicJwk)), alg, status, since, publicJwk, sign });
}

/**
 * A key that signs by `node:crypto`, outside the main thread.
 * @param {object} key `key`, a private `KeyObject` or its PEM; `kid`, `alg`, `status`, `since`
 */
export function nodeSigner(key) {
  const { kid, alg, status, since } = checked(key);
  const node = host.crypto;
  if (node === undefined) throw invalid("This runtime has no node:crypto: use `webCryptoSigner`.", "node_crypto_missing");
  const [name, bits] = ALGORITHMS[alg];
  let secret;
  let publicJwk;
  try {
    secret = typeof key.key === "string" ? node.createPrivateKey(key.key) : key.key;
    publicJwk = publicRsa(node.createPublicKey(secret).export({ format: "jwk" }));
  } catch (thrown) {
    if (thrown instanceof ScopegateError) throw thrown;
    throw invalid("`key` is a private KeyObject or its PEM.");
  }
  const { constants } = node;
  const how = name === "RSA-PSS"
    ? { key: secret, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
    : { key: secret, padding: constants.RSA_PKCS1_PADDING };
  const sign = (bytes) => new Promise((done, failed) => {
    node.sign(`sha${bits}`, bytes, how, (error, signature) => (error ? failed(error) : done(signature)));
  });
  const { e, kty, n } = publicJwk;
  const named = kid ?? node.createHash("sha256").update(JSON.stringify({ e, kty, n })).digest("base64url");
  return signer({ kid: named, alg, status, since, publicJwk, sign });
}

/** Printed, a signer shows no more than this. */
const signer = ({ sign, ...about }) => Object.freeze({ ...about, ...(sign && { sign }) });

/** The keys of a server: what the module is told, and what signs. */
export function keysOf(keys) {
  const wrong = (message) => new ScopegateError("keys_invalid", message);
  if (!Array.isArray(keys)) throw wrong("`keys` is a list of signing keys: see `webCryptoSigner`.");
  const signers = new Map();
  const told = keys.map((key) => {
    const { kid, alg, status, since } = checked(key);
    const publicJwk = publicRsa(key.publicJwk);
    if (kid === undefined || signers.has(kid)) throw wrong("Each key has a `kid` of its own.");
    if (key.sign !== undefined && typeof key.sign !== "function") throw wrong("`sign` is a function.");
    if (key.sign === undefined && status === "active") throw wrong("The active key has no private half.");
    const length = Math.floor((publicJwk.n.length * 3) / 4);
    signers.set(kid, key.sign && (async (bytes) => {
      const signature = bytesOf(await key.sign(bytes));
      if (signature === undefined || signature.length !== length) throw invalid("What signs gave no signature.", "signature_invalid");
      return signature;
    }));
    return { kid, alg, status, since, public: publicJwk };
  });
  return { told, signers };
}
