// What every entry of `scopegate/oauth` exports.
import { ScopegateError } from "../core/errors.js";
import { glue } from "./runtime.js";
import { AuthorizationServer } from "./server.js";
import { SocialLogin } from "./social.js";

/** An authorization server. Throws a `ScopegateError` that says what is wrong with the options. */
export const createAuthorizationServer = (options) => new AuthorizationServer(options);

/** Sign-in with providers. Throws a `ScopegateError` that says what is wrong with the options. */
export const createSocialLogin = (options) => new SocialLogin(options);

/** The hash of a client secret, for the `hashes` of a client. The secret has at least 128 random bits. */
export function hashSecret(secret) {
  if (typeof secret !== "string" || secret === "") throw new ScopegateError("request_invalid", "A secret is a text.");
  return glue().hash_secret(secret);
}

export { ScopegateError } from "../core/errors.js";
export { Interaction, sendResponse } from "./http.js";
export { Identity, linkIdentity, SignInFailure } from "./social.js";
export { nodeSigner, webCryptoSigner } from "./signer.js";
