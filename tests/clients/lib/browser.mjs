// A browser without scripts: it keeps cookies, sends the forms of the pages to sign in and to approve, and leaves at the first redirect elsewhere.

const field = (body, name) => new RegExp(`name="${name}" value="([^"]*)"`).exec(body)?.[1];

export class Browser {
  /** `ready` is what `scopegate serve --ready-file` wrote. */
  constructor(ready) {
    this.ready = ready;
    this.cookies = new Map();
  }

  /** One request, its redirect not followed: `{ status, headers, body, to }`, `to` the URL of the redirect. */
  async go(url, form, headers = {}) {
    const response = await fetch(new URL(url, this.ready.url), {
      method: form ? "POST" : "GET",
      redirect: "manual",
      headers: { ...headers, cookie: [...this.cookies].map(([name, value]) => `${name}=${value}`).join("; ") },
      body: form && new URLSearchParams(form),
    });
    for (const cookie of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]*)=([^;]*)/.exec(cookie);
      if (/max-age=0/i.test(cookie)) this.cookies.delete(name);
      else this.cookies.set(name, value);
    }
    const location = response.headers.get("location");
    const to = location ? new URL(location, this.ready.url) : undefined;
    return { status: response.status, headers: response.headers, body: await response.text(), to };
  }

  /** Sends the form of the page to sign in with. */
  signIn(page, password = this.ready.password) {
    const fields = { ticket: field(page.body, "ticket"), client_id: field(page.body, "client_id"), username: this.ready.username, password };
    return this.go("/login", fields);
  }

  /** Sends the form of the page to approve, with more or other fields where given. */
  decide(page, decision, other = {}) {
    return this.go("/consent", { ticket: field(page.body, "ticket"), scope: field(page.body, "scope"), decision, ...other });
  }

  /** Goes to the authorization endpoint, signs in and decides as far as it is asked, and ends at the URL of the client. */
  async walk(url, decision = "allow") {
    let page = await this.go(url);
    if (asksPassword(page)) page = await this.signIn(page);
    if (asksApproval(page)) page = await this.decide(page, decision);
    if (!page.to) throw new Error(`no way back to the client: ${page.status} ${page.body}`);
    return page.to;
  }
}

export const asksPassword = (page) => page.body.includes('name="password"');
export const asksApproval = (page) => page.body.includes('value="allow"');
