// Libraries that verify tokens, each inside the same hand-written check of route and scopes.
import * as crypto from "node:crypto";
import { createVerifier } from "fast-jwt";
import { verify as honoVerify } from "hono/jwt";
import { createLocalJWKSet, jwtVerify } from "jose";
import jsonwebtoken from "jsonwebtoken";
import { authoriser, holds } from "./hand.js";

const { createHmac, timingSafeEqual } = crypto;

/** A bearer check around any way to verify a token: route, token, scopes. */
function bearer(policy, verify) {
  const { find, missing } = authoriser(policy);
  const judge = (route, claims) => (holds(route.store.scopes, new Set(claims.scope.split(" "))) ? 200 : 403);
  return ({ method, url, headers }) => {
    const route = find(method, url);
    if (route === null) return missing(url);
    const value = headers.authorization;
    if (value === undefined || !value.startsWith("Bearer ")) return 401;
    try {
      const claims = verify(value.slice(7));
      return typeof claims.then === "function" ? claims.then((late) => judge(route, late), () => 401) : judge(route, claims);
    } catch {
      return 401;
    }
  };
}

const pem = ({ publicKey, secret }) => secret ?? publicKey.export({ type: "spki", format: "pem" });

export function fastJwt(policy, made, cache) {
  const verify = createVerifier({ key: pem(made), algorithms: [made.algorithm], allowedIss: made.origin, allowedAud: made.origin, cache });
  return bearer(policy, verify);
}

export function jsonWebToken(policy, made) {
  const options = { algorithms: [made.algorithm], issuer: made.origin, audience: made.origin };
  const key = made.publicKey ?? crypto.createSecretKey(made.secret);
  return bearer(policy, (token) => jsonwebtoken.verify(token, key, options));
}

export function jose(policy, made) {
  const key = made.secret ?? createLocalJWKSet({ keys: [made.jwk] });
  const options = { algorithms: [made.algorithm], issuer: made.origin, audience: made.origin };
  return bearer(policy, (token) => jwtVerify(token, key, options).then(({ payload }) => payload));
}

export function honoJwt(policy, made) {
  const key = made.secret?.toString("latin1") ?? made.jwk;
  return bearer(policy, (token) => honoVerify(token, key, { alg: made.algorithm, iss: made.origin, aud: made.origin, typ: "at+jwt" }));
}

/** The arithmetic of one signature by Node's crypto alone, with everything made ready. */
export function cryptoVerify({ algorithm, tokens, publicKey, secret }) {
  const ready = tokens.map((token) => {
    const end = token.lastIndexOf(".");
    return { input: Buffer.from(token.slice(0, end)), signature: Buffer.from(token.slice(end + 1), "base64url") };
  });
  if (secret) {
    const key = crypto.createSecretKey(secret);
    return (at) => {
      const { input, signature } = ready[at % ready.length];
      return timingSafeEqual(createHmac("sha256", key).update(input).digest(), signature);
    };
  }
  const key = algorithm === "ES256" ? { key: publicKey, dsaEncoding: "ieee-p1363" } : publicKey;
  const digest = algorithm === "EdDSA" ? null : "sha256";
  return (at) => {
    const { input, signature } = ready[at % ready.length];
    return crypto.verify(digest, input, key, signature);
  };
}
