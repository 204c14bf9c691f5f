// The client libraries behind one face, so that one table runs them all. Each of them validates what it is answered: state and issuer of the way
// back, the ID token with its signature, and the subject of userinfo.
import * as oauth from "oauth4webapi";
import * as client from "openid-client";

import { ready, REDIRECT } from "./ready.mjs";

const SCOPE = "openid profile email";

export const LIBRARIES = {
  "openid-client": async ({ id, secret }, issuer = ready.issuer) => {
    const auth = secret ? client.ClientSecretBasic(secret) : client.None();
    const config = await client.discovery(new URL(issuer), id, undefined, auth, {
      execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks],
    });
    return {
      async begin() {
        const flow = { verifier: client.randomPKCECodeVerifier(), state: client.randomState(), nonce: client.randomNonce() };
        flow.url = client.buildAuthorizationUrl(config, {
          redirect_uri: REDIRECT, scope: SCOPE, state: flow.state, nonce: flow.nonce,
          code_challenge: await client.calculatePKCECodeChallenge(flow.verifier), code_challenge_method: "S256",
        });
        return flow;
      },
      async finish(back, flow) {
        const tokens = await client.authorizationCodeGrant(config, back, {
          pkceCodeVerifier: flow.verifier, expectedState: flow.state, expectedNonce: flow.nonce, idTokenExpected: true,
        });
        return { ...tokens, claims: tokens.claims() };
      },
      refresh: (token, more) => client.refreshTokenGrant(config, token, more),
      user: (token, sub) => client.fetchUserInfo(config, token, sub),
      revoke: (token) => client.tokenRevocation(config, token),
      introspect: (token) => client.tokenIntrospection(config, token),
    };
  },

  "oauth4webapi": async ({ id, secret }, issuer = ready.issuer) => {
    const insecure = { [oauth.allowInsecureRequests]: true };
    const url = new URL(issuer);
    const as = await oauth.processDiscoveryResponse(url, await oauth.discoveryRequest(url, { algorithm: "oauth2", ...insecure }));
    const me = { client_id: id };
    const auth = secret ? oauth.ClientSecretBasic(secret) : oauth.None();
    return {
      async begin() {
        const flow = { verifier: oauth.generateRandomCodeVerifier(), state: oauth.generateRandomState(), nonce: oauth.generateRandomNonce() };
        flow.url = new URL(as.authorization_endpoint);
        flow.url.search = new URLSearchParams({
          response_type: "code", client_id: id, redirect_uri: REDIRECT, scope: SCOPE, state: flow.state, nonce: flow.nonce,
          code_challenge: await oauth.calculatePKCECodeChallenge(flow.verifier), code_challenge_method: "S256",
        });
        return flow;
      },
      async finish(back, flow) {
        const params = oauth.validateAuthResponse(as, me, back, flow.state);
        const response = await oauth.authorizationCodeGrantRequest(as, me, auth, params, REDIRECT, flow.verifier, insecure);
        const tokens = await oauth.processAuthorizationCodeResponse(as, me, response, { expectedNonce: flow.nonce, requireIdToken: true });
        await oauth.validateApplicationLevelSignature(as, response, insecure);
        return { ...tokens, claims: oauth.getValidatedIdTokenClaims(tokens) };
      },
      async refresh(token, more) {
        const options = { ...insecure, additionalParameters: more };
        return oauth.processRefreshTokenResponse(as, me, await oauth.refreshTokenGrantRequest(as, me, auth, token, options));
      },
      async user(token, sub) {
        return oauth.processUserInfoResponse(as, me, sub, await oauth.userInfoRequest(as, me, token, insecure));
      },
      async revoke(token) {
        await oauth.processRevocationResponse(await oauth.revocationRequest(as, me, auth, token, insecure));
      },
      async introspect(token) {
        return oauth.processIntrospectionResponse(as, me, await oauth.introspectionRequest(as, me, auth, token, insecure));
      },
      /** What a resource server reads in an access token (RFC 9068). */
      access(token, audience) {
        const request = new Request(audience, { headers: { authorization: `Bearer ${token}` } });
        return oauth.validateJwtAccessToken(as, request, audience, insecure);
      },
    };
  },
};
