// What the probes begin with: requests, codes and tokens that are right, to be bent.
import { createHash, randomBytes } from "node:crypto";

import { Browser } from "./browser.mjs";
import { post } from "./http.mjs";
import { CLIENTS, ready, REDIRECT } from "./ready.mjs";

export const [DASHBOARD, REPORTS] = CLIENTS;
export const PUBLIC_API = `${ready.issuer}/public/v1`;
export const VERIFIER = randomBytes(32).toString("base64url");

/** The target of an authorization request; of what is undefined nothing is sent, and of a list each value. */
export const authorize = (who, changed = {}) => {
  const fields = {
    response_type: "code", client_id: who.id, redirect_uri: REDIRECT, scope: "openid profile email", state: "s-1", nonce: "n-1",
    code_challenge: createHash("sha256").update(VERIFIER).digest("base64url"), code_challenge_method: "S256", ...changed,
  };
  const pairs = Object.entries(fields).filter(([, value]) => value !== undefined);
  return `/oauth2/authorize?${new URLSearchParams(pairs.flatMap(([name, value]) => [value].flat().map((one) => [name, one])))}`;
};

export const code = async (who, changed) => {
  const back = await new Browser(ready).walk(authorize(who, changed));
  const found = back.searchParams.get("code");
  if (!found) throw new Error(`no code: ${back}`);
  return found;
};

export const redeem = (who, found, changed = {}) =>
  post("/oauth2/token", { grant_type: "authorization_code", code: found, code_verifier: VERIFIER, redirect_uri: REDIRECT, ...changed }, who);

export const refresh = (who, token, changed = {}) => post("/oauth2/token", { grant_type: "refresh_token", refresh_token: token, ...changed }, who);

export const tokens = async (who, changed) => {
  const answer = await redeem(who, await code(who, changed));
  if (answer.status !== 200) throw new Error(`no tokens: ${answer.body}`);
  return answer.json;
};
