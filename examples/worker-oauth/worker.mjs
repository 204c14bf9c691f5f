// A whole authorization server on Cloudflare Workers: grants, clients and users in D1, tokens signed by a WebCrypto key that cannot be
// read out again. docs/oauth-js.md explains it; dev.mjs runs it here.
import { createAuthorizationServer, createSocialLogin, Identity, Interaction, SignInFailure, webCryptoSigner } from "scopegate/oauth";
import { d1Grants } from "scopegate/stores/d1";
import { consentPage, loginPage, notePage, PAGE_HEADERS } from "./pages.mjs";
import { claimsOf, logIn, now, sessionCookie, sessionOf, userOf } from "./users.mjs";

/** Made by the first request of an isolate. The server is kept, not the promise of one: a promise belongs to its request. */
let server;
/** Sign-in with a provider, where `PROVIDER` names one. */
let social;

async function start(env) {
  const onError = (error, operation) => console.error(operation, error.code ?? error.name);
  const shared = { issuer: env.ISSUER, secrets: { current: "s1", s1: env.TOKEN_SECRET }, store: d1Grants(env.DB), onError };
  if (env.PROVIDER !== undefined) social = createSocialLogin({ ...shared, providers: [JSON.parse(env.PROVIDER)] });
  return createAuthorizationServer({
    ...shared,
    scopes: ["openid", "profile", "email", "offline_access", "keys:manage"],
    // A client's record as JSON; `null` is "no such client", a rejection is an outage and answers 503.
    clients: async (id, { env }) => {
      const found = await env.DB.prepare("SELECT client FROM clients WHERE id = ?").bind(id).first("client");
      return found === null ? null : JSON.parse(found);
    },
    // The private JWK is a secret of the Worker; what signs is imported from it and cannot be exported.
    keys: [await webCryptoSigner({ jwk: JSON.parse(env.SIGNING_KEY) })],
    claims: (sub, { scopes }, { env }) => claimsOf(env, sub, scopes),
    onEvent: ({ kind, grantId }) => console.warn(kind, grantId),
  });
}

/** The links of a login page: the ticket goes with them, and comes back with the identity. */
const links = (ticket) => (social?.providers ?? []).map(({ id, name }) => ({ name, href: social.startPath(id, ticket) }));

/** From a session at once where that is enough, else a page. */
async function shown(reply, request, env) {
  while (reply instanceof Interaction && reply.ask.type === "login") {
    const { silent, reauthenticate, selectAccount, loginHint } = reply.ask;
    const session = await sessionOf(env, request);
    if (session !== null && !reauthenticate && !selectAccount) reply = await server.resumeLogin(request, reply, session, { env });
    else if (silent) reply = await server.resumeLogin(request, reply, "notLoggedIn", { env });
    else return reply.page(loginPage(reply.ticket, { hint: loginHint, links: links(reply.ticket) }));
  }
  return reply instanceof Interaction ? reply.page(consentPage(reply)) : reply;
}

async function login(request, env) {
  const form = await request.formData();
  const ticket = form.get("ticket");
  if (form.get("do") === "cancel") return shown(await server.resumeLogin(request, ticket, "denied", { env }), request, env);
  const outcome = await logIn(env, String(form.get("name")), String(form.get("password")));
  // The ticket is not used up yet: the page can be shown again. Limit how often before you go live.
  if (outcome === null) return new Response(loginPage(ticket, { fault: "That is not right.", links: links(ticket) }), { status: 401, headers: PAGE_HEADERS });
  return signedIn(request, ticket, outcome, env);
}

/** Goes on with an authorization, in a session that begins. */
async function signedIn(request, ticket, outcome, env) {
  const reply = await shown(await server.resumeLogin(request, ticket, outcome, { env }), request, env);
  // A ticket that is not this browser's begins no session: another site sent the form, to sign its visitor in as somebody else.
  if (reply.status >= 400) return reply;
  const answer = new Response(reply.body, reply);
  answer.headers.append("set-cookie", await sessionCookie(env, outcome));
  return answer;
}

/** The way to the provider, and back. Apple answers by a form from its own site, which needs one step more: see docs/social-login.md. */
async function elsewhere(request, env) {
  const outcome = await social.handle(request);
  if (outcome instanceof SignInFailure) return outcome.page();
  if (!(outcome instanceof Identity)) return outcome;
  const sub = await userOf(env, outcome);
  if (sub === null) return outcome.onto(new Response(notePage("An account here has your e-mail address. Sign in as you did before."), { status: 403, headers: PAGE_HEADERS }));
  return outcome.onto(await signedIn(request, outcome.ticket, { sub, authTime: now() }, env));
}

async function consent(request, env) {
  const form = await request.formData();
  const outcome = form.get("do") === "approve" && form.has("scope") ? { scopes: form.getAll("scope") } : "denied";
  // The page was shown to one user: nobody answers it for whoever was signed in before.
  const present = (await sessionOf(env, request))?.sub ?? null;
  return shown(await server.resumeConsent(request, form.get("ticket"), present, outcome, { env }), request, env);
}

export default {
  async fetch(request, env) {
    server ??= await start(env);
    const place = `${request.method} ${new URL(request.url).pathname}`;
    if (place === "POST /login") return login(request, env);
    if (place === "POST /consent") return consent(request, env);
    if (social?.owns(request)) return elsewhere(request, env);
    return shown(await server.handle(request, { env }), request, env);
  },
  /** D1 keeps what expired until somebody removes it. */
  scheduled: (_event, env) => d1Grants(env.DB).purge(),
};
