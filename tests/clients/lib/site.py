"""The running server, and a browser that signs in there. SCOPEGATE_READY names the file that `scopegate serve --ready-file` wrote."""

import html
import json
import os
import re

import requests

with open(os.environ["SCOPEGATE_READY"], encoding="utf-8") as file:
    READY = json.load(file)
ISSUER = READY["issuer"]


def field(page, name):
    return html.unescape(re.search(rf'name="{name}" value="([^"]*)"', page.text)[1])


def walk(url):
    """Signs in and approves in a browser of its own, as far as it is asked; the URL that leads back to the client."""
    browser = requests.Session()
    page = browser.get(url, allow_redirects=False, timeout=60)
    if 'name="password"' in page.text:
        form = {"ticket": field(page, "ticket"), "client_id": field(page, "client_id")}
        form |= {"username": READY["username"], "password": READY["password"]}
        page = browser.post(f"{ISSUER}/login", data=form, allow_redirects=False, timeout=60)
    if 'value="allow"' in page.text:
        form = {"ticket": field(page, "ticket"), "scope": field(page, "scope"), "decision": "allow"}
        page = browser.post(f"{ISSUER}/consent", data=form, allow_redirects=False, timeout=60)
    return page.headers["Location"]
