/// <reference lib="esnext.disposable" />
import type { GrantStore } from "./stores/index.js";

export { ScopegateError } from "./index.js";

type Awaitable<T> = T | PromiseLike<T>;

/** Settled when the module runs. Await it where the module is fetched: in browsers and bundlers. */
export const ready: Promise<void>;

/** How a client proves itself at the token endpoint. */
export type ClientAuth =
  /** A public client. */
  | "none"
  | {
      method: "client_secret_basic" | "client_secret_post";
      /** `hashSecret` of each secret that is good now. Without them `verifySecret` of the options is asked. */
      hashes?: readonly string[];
    };

/** A registered client. Its id is chosen by you, never by the client. */
export interface Client {
  clientId: string;
  /** For people; the id unless given. */
  name?: string;
  auth: ClientAuth;
  /** Compared byte for byte, but for the port of a loopback address. `https`, `http` on loopback, or a private scheme with a dot. */
  redirectUris: readonly string[];
  /** With none it gets no tokens: a resource server, which may introspect the tokens for its `resources`. */
  grantTypes: readonly ("authorization_code" | "refresh_token")[];
  /** What it may ask for. */
  scopes: readonly string[];
  /** What it gets when it asks for nothing. */
  defaultScopes?: readonly string[];
  /** The resources it may ask tokens for, or serves. */
  resources?: readonly string[];
  /** `nonce_ok`: a confidential client may use an OpenID nonce instead of PKCE. */
  pkce?: "required" | "nonce_ok";
  /** Registered by you. Errors of other clients are redirected after a login only. */
  trusted?: boolean;
  /** A trusted, confidential client that needs no approval. */
  skipConsent?: boolean;
}

export type SigningAlgorithm = "RS256" | "RS384" | "RS512" | "PS256" | "PS384" | "PS512";

/** A public RSA key (RFC 7517). */
export interface PublicJwk {
  kty: "RSA";
  n: string;
  e: string;
}

/** A signing key. Write your own for a key that lives elsewhere. */
export interface SigningKey {
  readonly kid: string;
  readonly alg: SigningAlgorithm;
  /** Published before it signs, signs, published after it signed. Exactly one key is active. */
  readonly status: "next" | "active" | "retiring";
  /** Since when, in Unix seconds. */
  readonly since: number;
  readonly publicJwk: PublicJwk;
  /** The signature of the bytes by `alg`. The active key has it. */
  readonly sign?: (bytes: Uint8Array<ArrayBuffer>) => Awaitable<ArrayBuffer | ArrayBufferView>;
}

interface KeyNames {
  /** The thumbprint (RFC 7638) unless given. */
  kid?: string;
  /** `RS256` unless given. */
  alg?: SigningAlgorithm;
  /** `active` unless given. */
  status?: SigningKey["status"];
  /** 0 unless given. */
  since?: number;
}

/**
 * A key that signs by WebCrypto and cannot be read out again. `jwk` is the private key, which is imported as not extractable; a public one
 * makes a key that is only published. Rejects with `algorithm_unsupported`, `key_invalid`, or `key_extractable`.
 */
export function webCryptoSigner(
  key: KeyNames & ({ jwk: JsonWebKey } | { privateKey: CryptoKey; publicKey: CryptoKey | JsonWebKey }),
): Promise<SigningKey>;

/**
 * A key that signs by `node:crypto`: a private `KeyObject`, or its PEM. Throws `algorithm_unsupported`, `key_invalid`, or
 * `node_crypto_missing`.
 */
export function nodeSigner(key: KeyNames & { key: string | { readonly type: string; readonly asymmetricKeyType?: string } }): SigningKey;

/** How long things live, in seconds. */
export interface Lifetimes {
  /** An authorization code: 60, at most 600. */
  code?: number;
  /** An access token: 600. */
  accessToken?: number;
  /** An ID token: 600. */
  idToken?: number;
  /** The ticket of an interaction: 600. */
  ticket?: number;
  /** How long the parent of a refresh token still answers with its child: 10; 0 is strict. */
  refreshLeeway?: number;
  /** A refresh token that is not used: 14 days. */
  refreshIdle?: number;
  /** A family of refresh tokens, however much it is used: 90 days. */
  refreshAbsolute?: number;
}

/** What happened that an operator watches for. */
export interface ServerEvent {
  readonly kind: "code_replay" | "refresh_reuse" | "store_rolled_back" | (string & {});
  readonly grantId: string;
}

/** Options; `C` is what `handle` hands on to your functions. */
export interface ServerOptions<C = unknown> {
  /** An `https` URL without query, fragment and trailing slash; `http` on loopback alone. */
  issuer: string;
  /** Every scope that can be asked for. */
  scopes: readonly string[];
  /** The APIs that tokens can be for; without `resource` a token is for the issuer. */
  resources?: readonly { uri: string; scopes: readonly string[] }[];
  /** Origins that may read token, revoke and userinfo from a browser; `*` is any. */
  corsOrigins?: readonly string[];
  lifetimes?: Lifetimes;
  /** Whether an OpenID request gets a refresh token only with `offline_access`. */
  offlineAccessRequired?: boolean;
  /** A list, which is checked now, or a look-up, which is checked each time. `null`: there is no such client; a throw is an outage. */
  clients: readonly Client[] | ((clientId: string, context: C) => Awaitable<Client | null | undefined>);
  /** A store of grants (`scopegate/stores/*`) with compare-and-swap; `store_lacks_cas` is thrown for one without. */
  store: GrantStore;
  /** Exactly one is active. */
  keys: readonly SigningKey[];
  /** 32 random bytes each, as bytes or base64url; `current` names the one that seals. Older ones are still accepted. */
  secrets: { readonly current: string; readonly [id: string]: string | Uint8Array };
  /** Claims about a user, for these scopes; those that the server says itself are dropped. None unless given. */
  claims?: (sub: string, asked: { scopes: string[]; target: "id_token" | "userinfo" }, context: C) => Awaitable<Record<string, unknown>>;
  /**
   * Whether the user's session, which you know by the context, is still there: asked when a grant is stored and before its code is told to
   * anybody, so that one that is granted during `revokeAll` is found there or is good for nothing. `true` unless given.
   */
  signedIn?: (sub: string, context: C) => Awaitable<boolean>;
  /** For clients without `hashes`: whether this is the client's secret. */
  verifySecret?: (clientId: string, secret: string, context: C) => Awaitable<boolean>;
  onEvent?: (event: ServerEvent, context: C) => Awaitable<void>;
  /** Hears of what made the server answer 503; `operation` is what was asked for. */
  onError?: (error: unknown, operation: string | undefined) => void;
  /** Unix seconds now; the system clock unless given. */
  now?: () => number;
  /** Milliseconds that each question to the host may take: 5000. A later answer is an outage. */
  timeout?: number;
  /** For requests to other servers. */
  fetch?: typeof fetch;
}

/** What to ask of the user. */
export type Ask =
  | {
      readonly type: "login";
      /** No page may be shown (`prompt=none`): answer from the session at once. */
      readonly silent: boolean;
      /** A session that exists is not enough. */
      readonly reauthenticate: boolean;
      /** The user must be let choose an account. */
      readonly selectAccount: boolean;
      /** Not to be trusted. */
      readonly loginHint: string | null;
      readonly uiLocales: string | null;
      readonly acrValues: string | null;
      readonly display: string | null;
    }
  | {
      readonly type: "consent";
      readonly scopes: string[];
      /** The host that the user will be sent to. */
      readonly redirectHost: string;
    };

/** What the host's page must do before an authorization goes on. */
export class Interaction {
  private constructor();
  readonly ask: Ask;
  /** Hand it back to `resumeLogin` or `resumeConsent`; put it into the page's form. Good once, and in this browser. */
  readonly ticket: string;
  readonly client: { readonly id: string; readonly name: string; readonly trusted: boolean };
  /** Headers that the page must be sent with: no framing, no storing, and the cookie that binds the ticket. */
  readonly headers: Headers;
  /** A page with these headers. The text is sent as it is: escape what you put into it. */
  page(html: string, init?: { status?: number; headers?: HeadersInit }): Response;
}

/** What the login page found out. `authTime`: when the user last proved who they are, in Unix seconds. */
export type LoginOutcome = { sub: string; authTime: number; acr?: string | null; amr?: readonly string[] } | "notLoggedIn" | "denied";

/** The scopes that the user approves, some of those asked. */
export type ConsentOutcome = { scopes: readonly string[] } | "denied";

/** A request: of Fetch, or of Node. */
export type IncomingRequest = Request | (AsyncIterable<Uint8Array> & { method?: string | undefined; url?: string | undefined; rawHeaders: string[] });

export interface AuthorizationServer<C = unknown> {
  /** Answers a request to any endpoint; what is none is a 404. Rejects only on misuse. */
  handle(request: IncomingRequest, context?: C): Promise<Response | Interaction>;
  /**
   * Goes on after `ask.type === "login"`. `request` is the browser's, for its cookie; its body may be read already. `from` is the ticket that
   * came back in the page's form, or the interaction itself, in the very request that it answers, to answer from a session at once.
   * Begin a session only when the answer is no refusal (4xx): a ticket that is not this browser's means that another site sent the form.
   */
  resumeLogin(request: IncomingRequest, from: unknown, outcome: LoginOutcome, context?: C): Promise<Response | Interaction>;
  /**
   * Goes on after `ask.type === "consent"`. `present` is the subject of the session that the browser has now, null when nobody is signed in. The
   * page was shown to one user: for another one, or nobody, the answer is 400 `ticket_of_another_user`, and the ticket stays good.
   */
  resumeConsent(request: IncomingRequest, from: unknown, present: string | null, outcome: ConsentOutcome, context?: C): Promise<Response | Interaction>;
  /**
   * Revokes somebody's grants, or those for one client: after a change of password, a logout everywhere, the removal of the user. Needs a store
   * with `grantsOf`; `store_lacks_list` otherwise. Rejects with `store_unavailable` when it could not: call it again for the rest.
   */
  revokeAll(sub: string, only?: { clientId?: string | null }, context?: C): Promise<{ revoked: number }>;
  /** Other keys, after a rotation. Requests under way end with those they began with. */
  setKeys(keys: readonly SigningKey[]): void;
  /** How often what happened since the server was made. */
  readonly counts: { readonly restarts: number; readonly hostFailures: number };
  close(): void;
  [Symbol.dispose](): void;
}

/**
 * An authorization server. Throws a `ScopegateError`, or a `StoreError` for a store that offers too little. Codes: `options_invalid`,
 * `issuer_invalid`, `secrets_invalid`, `scope_invalid`, `resource_invalid`, `lifetime_invalid`, `keys_invalid`, `key_invalid`,
 * `algorithm_unsupported`, `clients_invalid`, `client_invalid`, `store_invalid`, `store_lacks_cas`, `store_lacks_read_your_writes`,
 * `store_lacks_put_once`, `not_started`.
 */
export function createAuthorizationServer<C = unknown>(options: ServerOptions<C>): AuthorizationServer<C>;

/** The hash of a client secret, for `hashes`. The secret has at least 128 random bits. */
export function hashSecret(secret: string): string;

/** Sends a response through a Node `ServerResponse`. */
export function sendResponse(
  outgoing: { statusCode: number; setHeader(name: string, value: string | readonly string[]): unknown; end(body: Uint8Array): unknown },
  response: Response,
): Promise<void>;

/** What every provider has. */
interface ProviderBase {
  /** Its name in paths and, with the subject, the key of every identity: `[a-z0-9_-]`, 1 to 32; the preset unless given. It must not change. */
  id?: string;
  /** For people; the preset's unless given. */
  name?: string;
  /** What you are called there. */
  clientId: string;
  /** What is asked for; the preset's unless given. OpenID providers need `openid`. */
  scopes?: readonly string[];
  /** Further parameters of the authorization request, such as `prompt` or `hd`. They are no check. */
  parameters?: Readonly<Record<string, string>>;
}

interface Secret {
  clientSecret: string;
}

/** A provider to sign in with. */
export type SocialProvider = ProviderBase &
  (
    | (Secret & { preset: "google" | "github" })
    /** The id of a tenant, `common`, `organizations` or `consumers`. */
    | (Secret & { preset: "microsoft"; tenant: string })
    /** `https://gitlab.com` unless given. */
    | (Secret & { preset: "gitlab"; url?: string })
    | (Secret & { preset: "facebook"; graphVersion?: string })
    | (Secret & { preset: "apple" })
    /** The secret is signed for each login, with ES256: by a `CryptoKey`, or by your own function, which gives R and S of 32 bytes each. */
    | ({ preset: "apple"; team: string; keyId: string } & (
        | { privateKey: CryptoKey }
        | { sign: (bytes: Uint8Array<ArrayBuffer>) => Awaitable<ArrayBuffer | ArrayBufferView> }
      ))
    /** Any OpenID provider that publishes its configuration; `auth` is what that says unless given. */
    | (Secret & { preset: "oidc"; issuer: string; auth?: "basic" | "post" })
    | { preset: "oidc"; issuer: string; auth: "none" }
  );

export interface SocialLoginOptions {
  /** Where you are: an `https` URL without query, fragment and trailing slash; `http` on loopback alone. */
  issuer: string;
  /** As those of an authorization server, and they may be the same. */
  secrets: ServerOptions["secrets"];
  /** Its `putOnce` remembers which sign-ins were used. */
  store: Pick<GrantStore, "capabilities" | "putOnce">;
  /** At least one. */
  providers: readonly SocialProvider[];
  /** How long a sign-in may take, in seconds: 600. */
  lifetime?: number;
  /** Sends the requests to providers; it must take `redirect: "manual"` and `signal`. */
  fetch?: typeof fetch;
  /** Hears of what could not be done; `operation` is what was asked for. */
  onError?: (error: unknown, operation: string | undefined) => void;
  /** Unix seconds now; the system clock unless given. */
  now?: () => number;
  /** Milliseconds that each question to store, key or provider may take: 6000. Providers have five seconds besides. */
  timeout?: number;
}

/** Who a provider says it is. */
export class Identity {
  private constructor();
  readonly provider: string;
  /** The subject there. `(provider, providerSub)` is the key of the identity, and the only one: an address is none. */
  readonly providerSub: string;
  /** The issuer of the ID token, where there was one. */
  readonly issuer: string | null;
  /** What the provider says about the user: ID token, userinfo or profile. */
  readonly claims: Readonly<Record<string, unknown>>;
  readonly email: string | null;
  /** Whether the provider has verified that the user has the address. Link nothing by one that is not. */
  readonly emailVerified: boolean;
  /** A name to greet with; Apple's comes through the browser, unsigned. */
  readonly name: string | null;
  /** The interaction to go on with, for `resumeLogin`. After Apple's form the browser has not sent the cookie that binds it. */
  readonly ticket: string | null;
  /** Headers that the answer must have: the cookie of the sign-in goes, and nothing is stored or framed. */
  readonly headers: Headers;
  /** A response with these headers. */
  onto(response: Response): Response;
}

/** A sign-in of this browser that failed. */
export class SignInFailure {
  private constructor();
  readonly provider: string;
  /** Stable: see docs/social-login.md. */
  readonly code: string;
  /** For a log: the refusal of the ID token, or the status. */
  readonly detail: string | null;
  /** For a person: part of a sentence. */
  readonly message: string;
  /** The interaction, which is still good. */
  readonly ticket: string | null;
  readonly headers: Headers;
  /** A plain page that says so. */
  page(): Response;
  onto(response: Response): Response;
}

export interface SocialLogin {
  /** Each with where its link leads and the redirect URI to register there. */
  readonly providers: readonly { readonly id: string; readonly name: string; readonly startPath: string; readonly redirectUri: string }[];
  /** Whether a request is for the path of a link or of a redirect URI. */
  owns(request: { url?: string | undefined }): boolean;
  /** The path of a link to a provider. `ticket` is the interaction to go on with afterwards. Throws `provider_unknown`. */
  startPath(provider: string, ticket?: string | null): string;
  /** Answers a request to one of its paths: the way to the provider, and the way back. Rejects only on misuse. */
  handle(request: IncomingRequest): Promise<Response | Identity | SignInFailure>;
  /** Sends the browser to a provider, without a link of its own. Rejects with `provider_unknown`. */
  start(provider: string, options?: { ticket?: string | null }): Promise<Response | SignInFailure>;
  /** How often what happened since it was made. */
  readonly counts: { readonly restarts: number; readonly hostFailures: number };
  close(): void;
  [Symbol.dispose](): void;
}

/**
 * Sign-in with providers, beside an authorization server or without one. Throws a `ScopegateError`, or a `StoreError` for a store without
 * `putOnce`. Codes: `options_invalid`, `issuer_invalid`, `secrets_invalid`, `lifetime_invalid`, `store_invalid`, `store_lacks_put_once`,
 * `providers_invalid`, `provider_invalid`, and those of `ConfigFault` for what is wrong with a provider, such as `scope_invalid`.
 */
export function createSocialLogin(options: SocialLoginOptions): SocialLogin;

/** Whose account an identity is. */
export type Linking = { do: "signIn" | "link"; sub: string } | { do: "create" } | { do: "emailTaken" };

/**
 * Whose account an identity is, as a rule. `known`: the subject that the identity is stored for. `sameEmail`: your account with its address, and
 * whether you have verified that its owner has it. An address links only with `byVerifiedEmail`, and when both sides have verified it.
 */
export function linkIdentity(
  identity: Identity,
  accounts?: { known?: string | null; sameEmail?: { sub: string; emailVerified: boolean } | null; byVerifiedEmail?: boolean },
): Linking;
