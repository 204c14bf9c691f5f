// Two clients as people use them, each from discovery to a revoked token. The caller brings the browser: `visit(url)` resolves to the URL
// that the server sent it back to.
import assert from "node:assert/strict";
import * as oauth4webapi from "oauth4webapi";
import * as openid from "openid-client";

const REDIRECT = "http://127.0.0.1:49152/callback";
const SCOPE = "openid email";

/** openid-client 6: login, refresh, userinfo, revocation. */
export async function openidClient({ issuer, clientId, secret, visit, email }) {
  const authentication = secret === undefined ? openid.None() : openid.ClientSecretBasic(secret);
  const config = await openid.discovery(new URL(issuer), clientId, undefined, authentication, { execute: [openid.allowInsecureRequests] });
  const [verifier, state, nonce] = [openid.randomPKCECodeVerifier(), openid.randomState(), openid.randomNonce()];
  const url = openid.buildAuthorizationUrl(config, {
    redirect_uri: REDIRECT, scope: SCOPE, state, nonce, code_challenge: await openid.calculatePKCECodeChallenge(verifier), code_challenge_method: "S256",
  });
  const back = await visit(url);
  const expected = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true };
  const tokens = await openid.authorizationCodeGrant(config, back, expected);
  const { sub } = tokens.claims();
  assert.equal((await openid.fetchUserInfo(config, tokens.access_token, sub)).email, email);
  const next = await openid.refreshTokenGrant(config, tokens.refresh_token);
  assert.notEqual(next.refresh_token, tokens.refresh_token);
  assert.equal((await openid.fetchUserInfo(config, next.access_token, sub)).sub, sub);
  if (secret !== undefined) assert.equal((await openid.tokenIntrospection(config, next.access_token)).active, true);
  // The code again: the tokens made of it are dead.
  await assert.rejects(openid.authorizationCodeGrant(config, back, expected), { error: "invalid_grant" });
  await assert.rejects(openid.refreshTokenGrant(config, next.refresh_token), { error: "invalid_grant" });
  await openid.tokenRevocation(config, next.refresh_token);
  return sub;
}

/** oauth4webapi 3: the same by its smaller steps, which check more. */
export async function oauth4webapiClient({ issuer, clientId, secret, visit, email }) {
  const options = { [oauth4webapi.allowInsecureRequests]: true };
  const client = { client_id: clientId };
  const authentication = secret === undefined ? oauth4webapi.None() : oauth4webapi.ClientSecretBasic(secret);
  for (const algorithm of ["oidc", "oauth2"]) {
    const response = await oauth4webapi.discoveryRequest(new URL(issuer), { ...options, algorithm });
    await oauth4webapi.processDiscoveryResponse(new URL(issuer), response);
  }
  const server = await oauth4webapi.processDiscoveryResponse(new URL(issuer), await oauth4webapi.discoveryRequest(new URL(issuer), options));
  const [verifier, state, nonce] = [oauth4webapi.generateRandomCodeVerifier(), oauth4webapi.generateRandomState(), oauth4webapi.generateRandomNonce()];
  const url = new URL(server.authorization_endpoint);
  const challenge = await oauth4webapi.calculatePKCECodeChallenge(verifier);
  for (const [name, value] of Object.entries({
    client_id: clientId, redirect_uri: REDIRECT, response_type: "code", scope: SCOPE, state, nonce, code_challenge: challenge, code_challenge_method: "S256",
  })) url.searchParams.set(name, value);
  // Without `iss` this refuses: the server says that it sends one (RFC 9207).
  const parameters = oauth4webapi.validateAuthResponse(server, client, await visit(url), state);
  const redeem = (given) => oauth4webapi.authorizationCodeGrantRequest(server, client, authentication, parameters, REDIRECT, given, options);
  const wrong = oauth4webapi.processAuthorizationCodeResponse(server, client, await redeem(oauth4webapi.generateRandomCodeVerifier()), { expectedNonce: nonce });
  await assert.rejects(wrong, { error: "invalid_grant" });
  const response = await redeem(verifier);
  const tokens = await oauth4webapi.processAuthorizationCodeResponse(server, client, response, { expectedNonce: nonce, requireIdToken: true });
  await oauth4webapi.validateApplicationLevelSignature(server, response, options);
  const { sub } = oauth4webapi.getValidatedIdTokenClaims(tokens);
  const userinfo = async (token) =>
    oauth4webapi.processUserInfoResponse(server, client, sub, await oauth4webapi.userInfoRequest(server, client, token, options));
  assert.equal((await userinfo(tokens.access_token)).email, email);
  const refreshed = await oauth4webapi.refreshTokenGrantRequest(server, client, authentication, tokens.refresh_token, options);
  const next = await oauth4webapi.processRefreshTokenResponse(server, client, refreshed);
  assert.equal((await userinfo(next.access_token)).sub, sub);
  const revoked = await oauth4webapi.revocationRequest(server, client, authentication, next.refresh_token, options);
  await oauth4webapi.processRevocationResponse(revoked);
  await assert.rejects(userinfo(next.access_token));
  return sub;
}

/** A browser over fetch: follows redirects by hand, keeps cookies, and fills in forms, as `fill(html)` says, or undefined to stop. */
export function browser(fill) {
  const cookies = new Map();
  return async function visit(url) {
    let [at, init] = [new URL(url), {}];
    for (let step = 0; step < 12; step++) {
      const headers = { cookie: [...cookies].map((pair) => pair.join("=")).join("; ") };
      const response = await fetch(at, { ...init, headers, redirect: "manual" });
      for (const line of response.headers.getSetCookie()) {
        const [pair] = line.split(";");
        cookies.set(pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1));
      }
      const location = response.headers.get("location");
      if (location !== null) {
        if (location.startsWith(REDIRECT)) return new URL(location);
        [at, init] = [new URL(location, at), {}];
        continue;
      }
      const html = await response.text();
      const [, action] = /<form[^>]* action="([^"]+)"/.exec(html) ?? assert.fail(`${response.status} ${html}`);
      for (const name of ["content-security-policy", "x-frame-options", "cache-control"]) assert.ok(response.headers.get(name), name);
      const [, ticket] = /name="ticket" value="([^"]+)"/.exec(html);
      [at, init] = [new URL(action, at), { method: "POST", body: new URLSearchParams([["ticket", ticket], ...fill(action, html)]) }];
    }
    return assert.fail("the browser goes in circles");
  };
}

/** The scopes that a consent page offers. */
export const offered = (html) => [...html.matchAll(/name="scope" value="([^"]+)"/g)].map(([, scope]) => ["scope", scope]);
