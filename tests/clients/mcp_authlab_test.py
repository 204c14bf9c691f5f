"""The probes of mcp-authlab against the running server, by their own code and under their own ids.

The server is no MCP server: what speaks that protocol does not apply, and is named below with what stands for it. Ends with "N passed, M failed".
"""

import sys

from lib.site import ISSUER, READY, walk
from mcp_authlab import catalog, oauthclient, scanner
from mcp_authlab.discovery import canonical

API = f"{ISSUER}/settings/api-keys"
NOT_HERE = {
    "TLS-01": "the demonstration speaks plain HTTP on loopback",
    "CHAL-02": "the address of the metadata is told over HTTPS alone, which the policy asks of it",
    "PRM-04": "the same",
    "CHAL-03": "the bearer route asks for no scope",
    "PRM-02": "the resource is the issuer, not one path of it",
    "ASM-05": "clients are registered by the operator (no dynamic registration)",
    "TOK-05": "asked of an MCP session; a token in a query is a row of probes.test.mjs",
    **dict.fromkeys(["TOK-06", "SCOPE-01", "SESS-01", "SESS-02", "ORIG-01", "VER-01"], "asked of an MCP session"),
}


class Login(oauthclient.Login):
    """Its login, with somebody at the browser, for the resource that guards the keys."""

    def __init__(self):
        super().__init__(API, client_id=READY["clientId"], foreign_resource=f"{ISSUER}/public/v1", scope="openid profile email", no_browser=True)
        self.log = lambda text: None
        self.canonical = canonical(ISSUER)

    def _drive_loopback(self, url):
        self.http.get(walk(url))


def results():
    login = Login().run()
    scan = scanner.Scanner(API, foreign_token=login.foreign.access_token, foreign_audience_known=True)
    scan.canonical = canonical(ISSUER)
    return login.results + [result for result in scan.run() if not result.check.id.startswith("ASF-")]


def main():
    passed = failed = 0
    found = {result.check.id: result for result in results()}
    for check in catalog.CATALOG:
        result = found.get(check.id)
        told = f"{check.id} {check.title}: {result.message if result else 'no result'}"
        if check.id in NOT_HERE:
            print(f"not here: {check.id}: {NOT_HERE[check.id]}")
        elif result is not None and result.status == catalog.PASS:
            passed += 1
            print(f"ok: {told}")
        else:
            failed += 1
            print(f"FAILED: {told} ({result.status if result else ''})")
    print(f"{passed} passed, {failed} failed")
    return failed > 0


sys.exit(main())
