// The pages of the example. They work without scripts.
const escape = (text) => String(text).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

const page = (title, body) => `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escape(title)}</title>
<style>body { font: 1rem/1.5 system-ui; max-width: 24rem; margin: 4rem auto; padding: 0 1rem } label, button { display: block; margin: 1rem 0 }</style>
<h1>${escape(title)}</h1>${body}</html>`;

const form = (action, ticket, body) =>
  `<form method="post" action="${action}"><input type="hidden" name="ticket" value="${escape(ticket)}">${body}</form>`;

export const loginPage = (ticket, { hint = "", fault = "", links = [] } = {}) => page("Sign in", form("/login", ticket, `
${fault && `<p role="alert">${escape(fault)}</p>`}
<label>Name <input name="name" value="${escape(hint ?? "")}" autocomplete="username" required></label>
<label>Password <input name="password" type="password" autocomplete="current-password" required></label>
<button name="do" value="login">Sign in</button><button name="do" value="cancel" formnovalidate>Cancel</button>
${links.map(({ name, href }) => `<p><a href="${escape(href)}">Sign in with ${escape(name)}</a></p>`).join("")}`));

export const notePage = (text) => page("You are not signed in", `<p>${escape(text)}</p>`);

export const consentPage = ({ ticket, client, ask }) => page(`${client.name} wants access`, form("/consent", ticket, `
<p>It asks for these, and will send you to ${escape(ask.redirectHost)}:</p>
<ul>${ask.scopes.map((scope) => `<li><label><input type="checkbox" name="scope" value="${escape(scope)}" checked> ${escape(scope)}</label>`).join("")}</ul>
<button name="do" value="approve">Allow</button><button name="do" value="deny">Refuse</button>`));

/** Headers of a page that is shown again, as an interaction gives them the first time. */
export const PAGE_HEADERS = {
  "content-type": "text/html; charset=utf-8", "cache-control": "no-store", "content-security-policy": "frame-ancestors 'none'",
  "x-frame-options": "DENY", "referrer-policy": "no-referrer", "x-content-type-options": "nosniff",
};
