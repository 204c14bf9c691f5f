// Compiles, or does not where it must not.
import {
  type AuthorizationServer, type Client, createAuthorizationServer, createSocialLogin, hashSecret, Identity, Interaction, linkIdentity, nodeSigner,
  type ServerOptions, SignInFailure, type SigningKey, type SocialLogin, webCryptoSigner,
} from "scopegate/oauth";
import { memoryGrants } from "scopegate/stores/memory";
import { workersKvKeys } from "scopegate/stores/workers-kv";

declare const kv: Parameters<typeof workersKvKeys>[0];
declare const jwk: JsonWebKey;
declare const pair: CryptoKeyPair;
interface Env {
  find(id: string): Promise<Client | null>;
}

const signer: SigningKey = await webCryptoSigner({ jwk });
const options: ServerOptions<Env> = {
  issuer: "https://op.example", scopes: ["openid"], store: memoryGrants(), keys: [signer, await webCryptoSigner({ ...pair, status: "retiring" })],
  secrets: { current: "s1", s1: new Uint8Array(32) }, clients: (id, env) => env.find(id),
  claims: (sub, { scopes, target }) => ({ sub, scopes, target }),
  onEvent: ({ kind, grantId }) => void [kind, grantId], signedIn: async (sub, env) => (await env.find(sub)) !== null,
};
const server: AuthorizationServer<Env> = createAuthorizationServer(options);
declare const request: Request;
declare const env: Env;
const reply = await server.handle(request, env);
if (reply instanceof Interaction) {
  if (reply.ask.type === "login") {
    const silent: boolean = reply.ask.silent;
    const hint: string | null = reply.ask.loginHint;
    void [silent, hint];
    // @ts-expect-error a login has no scopes
    reply.ask.scopes;
  } else {
    const scopes: string[] = reply.ask.scopes;
    void scopes;
  }
  const page: Response = reply.page("<p>");
  void page;
} else {
  const response: Response = reply;
  void response;
}
await server.resumeLogin(request, new FormData().get("ticket"), { sub: "u", authTime: 1, amr: ["pwd"] }, env);
await server.resumeLogin(request, "t", "notLoggedIn");
await server.resumeConsent(request, "t", "u", { scopes: ["openid"] }, env);
await server.resumeConsent(request, "t", null, "denied");
const { revoked }: { revoked: number } = await server.revokeAll("u", { clientId: "app" }, env);
const ids: string[] | undefined = await memoryGrants().grantsOf?.("u", null, 10);
// @ts-expect-error one client, by its name
await server.revokeAll("u", "app");
// @ts-expect-error a login says when
await server.resumeLogin(request, "t", { sub: "u" });
// @ts-expect-error no such outcome
await server.resumeConsent(request, "t", "u", "approved");
// @ts-expect-error who is signed in must be said
await server.resumeConsent(request, "t", { scopes: ["openid"] });
// @ts-expect-error Workers KV holds no grants
createAuthorizationServer({ ...options, store: workersKvKeys(kv) });
// @ts-expect-error a misspelt option
createAuthorizationServer({ ...options, scope: ["openid"] });
// @ts-expect-error no such algorithm
nodeSigner({ key: "pem", alg: "HS256" });
const client: Client = {
  clientId: "web", auth: { method: "client_secret_basic", hashes: [hashSecret("s")] }, redirectUris: [], grantTypes: ["authorization_code"], scopes: [],
};
// @ts-expect-error no such grant type
const wrong: Client = { ...client, grantTypes: ["password"] };
// @ts-expect-error an interaction is not made by hand
new Interaction();
const social: SocialLogin = createSocialLogin({
  issuer: options.issuer, secrets: options.secrets, store: memoryGrants(),
  providers: [
    { preset: "google", clientId: "c", clientSecret: "s", parameters: { prompt: "select_account" } },
    { preset: "microsoft", clientId: "c", clientSecret: "s", tenant: "common" },
    { preset: "apple", clientId: "c", team: "T", keyId: "K", privateKey: pair.privateKey },
    { preset: "oidc", id: "corp", issuer: "https://op.example", clientId: "c", auth: "none" },
  ],
});
const outcome = social.owns(request) ? await social.handle(request) : await social.start("google", { ticket: "t" });
if (outcome instanceof Identity) {
  const linking = linkIdentity(outcome, { known: null, sameEmail: { sub: "u", emailVerified: true } });
  const sub: string | undefined = linking.do === "signIn" || linking.do === "link" ? linking.sub : undefined;
  const answer: Response = outcome.onto(Response.redirect(social.startPath("google", "t")));
  void [sub, answer, outcome.providerSub];
} else if (outcome instanceof SignInFailure) {
  const page: Response = outcome.page();
  void [page, outcome.code];
} else {
  const response: Response = outcome;
  void response;
}
// @ts-expect-error Microsoft's tenant must be said
createSocialLogin({ ...options, providers: [{ preset: "microsoft", clientId: "c", clientSecret: "s" }] });
// @ts-expect-error a public client has no secret
createSocialLogin({ issuer: "", secrets: options.secrets, store: memoryGrants(), providers: [{ preset: "google", clientId: "c" }] });
void [client, wrong, revoked, ids];
