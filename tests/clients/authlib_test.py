"""Authlib against the running server: discovery, login with PKCE, the ID token, refresh with rotation, userinfo, introspection, revocation.

SCOPEGATE_READY names the file that `scopegate serve --ready-file` wrote. Ends with "N passed, M failed".
"""

import os
import secrets
import sys
import traceback

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from authlib.oidc.discovery import OpenIDProviderMetadata, get_well_known_url
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from lib.site import ISSUER, READY, walk

# The demonstration speaks plain HTTP on loopback.
os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"

REDIRECT = READY["redirectUri"].replace("127.0.0.1", "127.0.0.1:8976")
CLIENTS = [(READY["clientId"], None), (READY["foreignClientId"], READY["foreignClientSecret"])]


def fetch_metadata():
    """What a client needs of the provider; not validate(): that wants https."""
    metadata = OpenIDProviderMetadata(requests.get(get_well_known_url(ISSUER, external=True), timeout=60).json())
    assert metadata["issuer"] == ISSUER
    for rule in ("response_types_supported", "subject_types_supported", "id_token_signing_alg_values_supported"):
        getattr(metadata, f"validate_{rule}")()
    return metadata


METADATA = fetch_metadata()


def session(client, secret):
    return OAuth2Session(
        client_id=client,
        client_secret=secret,
        token_endpoint_auth_method="client_secret_basic" if secret else "none",
        revocation_endpoint_auth_method="client_secret_basic" if secret else "none",
        scope="openid profile email",
        redirect_uri=REDIRECT,
        code_challenge_method="S256",
        default_timeout=60,
    )


def login(client, secret):
    """The session with its tokens, and the valid claims of the ID token."""
    oauth, nonce, verifier = session(client, secret), secrets.token_urlsafe(16), secrets.token_urlsafe(48)
    url, state = oauth.create_authorization_url(METADATA["authorization_endpoint"], nonce=nonce, code_verifier=verifier)
    back = walk(url)
    tokens = oauth.fetch_token(METADATA["token_endpoint"], authorization_response=back, state=state, code_verifier=verifier)
    return oauth, dict(tokens), id_token(tokens, client, nonce), (back, state, verifier)


def id_token(tokens, client, nonce):
    keys = KeySet.import_key_set(requests.get(METADATA["jwks_uri"], timeout=60).json())
    decoded = jwt.decode(tokens["id_token"], keys, algorithms=METADATA["id_token_signing_alg_values_supported"])
    options = {"iss": {"essential": True, "value": ISSUER}, "aud": {"essential": True, "value": client}}
    params = {"nonce": nonce, "client_id": client, "access_token": tokens["access_token"]}
    claims = CodeIDToken(decoded.claims, decoded.header, options, params)
    claims.validate()
    return claims


def refused(word, call, *arguments, **named):
    try:
        call(*arguments, **named)
    except (AuthlibBaseError, JoseError) as error:
        assert word in f"{getattr(error, 'error', '')} {error!r} {error}", f"expected {word}: {error!r}"
        return
    raise AssertionError(f"expected {word}")


def the_whole_way(client, secret):
    oauth, tokens, claims, _ = login(client, secret)
    user = oauth.get(METADATA["userinfo_endpoint"])
    assert (user.status_code, user.json()["sub"], user.json()["email"]) == (200, claims["sub"], claims["email"])

    refreshed = oauth.refresh_token(METADATA["token_endpoint"])
    assert refreshed["refresh_token"] != tokens["refresh_token"] and refreshed["access_token"] != tokens["access_token"]
    assert oauth.get(METADATA["userinfo_endpoint"]).status_code == 200

    told = oauth.introspect_token(METADATA["introspection_endpoint"], refreshed["access_token"])
    if secret:
        assert (told.json()["active"], told.json()["client_id"]) == (True, client)
    else:
        assert (told.status_code, told.json()["error"]) == (401, "invalid_client")

    assert oauth.revoke_token(METADATA["revocation_endpoint"], refreshed["refresh_token"]).status_code == 200
    assert oauth.get(METADATA["userinfo_endpoint"]).status_code == 401
    refused("invalid_grant", oauth.refresh_token, METADATA["token_endpoint"], refresh_token=refreshed["refresh_token"])


def a_code_that_comes_again(client, secret):
    oauth, tokens, _, (back, state, verifier) = login(client, secret)
    again = {"authorization_response": back, "state": state, "code_verifier": verifier}
    refused("invalid_grant", session(client, secret).fetch_token, METADATA["token_endpoint"], **again)
    assert oauth.get(METADATA["userinfo_endpoint"]).status_code == 401
    refused("invalid_grant", oauth.refresh_token, METADATA["token_endpoint"], refresh_token=tokens["refresh_token"])


def what_is_not_its_own(client, secret):
    oauth, verifier = session(client, secret), secrets.token_urlsafe(48)
    url, state = oauth.create_authorization_url(METADATA["authorization_endpoint"], nonce="n-1", code_verifier=verifier)
    back, endpoint = walk(url), METADATA["token_endpoint"]
    refused("mismatching_state", oauth.fetch_token, endpoint, authorization_response=back, state="another", code_verifier=verifier)
    refused("invalid_grant", oauth.fetch_token, endpoint, authorization_response=back, state=state, code_verifier="A" * 43)
    tokens = oauth.fetch_token(endpoint, authorization_response=back, state=state, code_verifier=verifier)
    refused("nonce", id_token, tokens, client, "n-2")
    refused("aud", id_token, tokens, "another", "n-1")
    refused("at_hash", id_token, {**tokens, "access_token": "another"}, client, "n-1")


def main():
    passed = failed = 0
    for case in (the_whole_way, a_code_that_comes_again, what_is_not_its_own):
        for client, secret in CLIENTS:
            try:
                case(client, secret)
                passed += 1
                print(f"ok: Authlib as {client}: {case.__name__.replace('_', ' ')}")
            except Exception:  # one case that fails is told, and the others run
                failed += 1
                print(f"FAILED: Authlib as {client}: {case.__name__.replace('_', ' ')}")
                traceback.print_exc(file=sys.stdout)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
