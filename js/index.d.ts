/// <reference lib="esnext.disposable" />
/** An API key's record, as a store keeps it. Times are whole Unix seconds. Members that are not listed are kept. */
export interface KeyRecord {
  v: 1;
  /** Twelve base62 characters; public. */
  id: string;
  env: string;
  owner: string;
  label: string;
  scopes: string[];
  hashes: { alg: string; kid?: string | null; hash: string; notAfter?: number | null }[];
  sealed: boolean;
  createdAt: number;
  expiresAt: number | null;
  revokedAt: number | null;
  graceUntil: number | null;
  lastUsedAt: number | null;
  ipAllow: string[];
  rotatedFrom: string | null;
  version: number;
}

/** A JWK Set (RFC 7517 section 5). */
export interface KeySet {
  keys: readonly object[];
}

type Awaitable<T> = T | PromiseLike<T>;

type CredentialDocument = ApiKeyDocument | BearerDocument;

export interface ApiKeyDocument {
  readonly type: "apiKey";
  readonly header: string;
  readonly prefix: string;
  readonly environments?: readonly string[];
  readonly accept?: readonly string[];
  readonly imported?: readonly ImportedKeys[];
}

/** A system whose hashes can be imported. */
export type ForeignIssuer = "seam" | "unkey" | "better-auth" | "keypal" | "sha256";

/** Keys of another system that a credential takes too. */
export interface ImportedKeys {
  readonly from: ForeignIssuer;
  readonly prefix?: string;
  readonly environment?: string;
  readonly length?: number;
  readonly upgradedOnly?: boolean;
}

export type Algorithm =
  | "RS256" | "RS384" | "RS512" | "PS256" | "PS384" | "PS512" | "ES256" | "ES384" | "EdDSA" | "HS256" | "HS384" | "HS512";

export interface BearerDocument {
  readonly type: "bearer";
  readonly issuer: string;
  readonly audiences: readonly string[];
  readonly algorithms: readonly Algorithm[];
  readonly types?: readonly string[];
  readonly leeway?: number;
  readonly maxAge?: number;
  readonly requiredClaims?: readonly string[];
  readonly profile?: "rfc9068";
  readonly scopeClaims?: readonly string[];
  readonly clients?: readonly string[];
  readonly jwks?: KeySet;
  readonly resourceMetadata?: string;
  readonly limits?: { readonly tokenBytes?: number; readonly headerBytes?: number; readonly depth?: number; readonly members?: number };
}

type Requirement<S extends string> =
  | readonly S[]
  | { readonly scopes: readonly S[]; readonly claims?: { readonly [claim: string]: unknown } };

export interface RouteDocument<S extends string = string, C extends string = string> {
  readonly id: string;
  /** A method and a path: `GET /jobs/{id}`. */
  readonly match: string;
  readonly allow?: readonly { readonly [credential in C]?: Requirement<S> }[];
  readonly public?: true;
  /** Keeps `%2F` inside one parameter. */
  readonly encodedSlash?: "opaque";
}

/** A policy; `docs/policy.md` says what each member means. */
export interface PolicyDocument<S extends string = string, C extends string = string> {
  readonly version: 1;
  readonly name: string;
  readonly base?: string;
  readonly https?: "required" | "optional";
  readonly trailingSlash?: "strict" | "same";
  readonly caseInsensitive?: boolean;
  readonly methodOverride?: "deny" | "ignore" | "apply";
  readonly hide?: boolean;
  readonly router?: "express" | "koa" | "fastify" | "hono" | "h3" | "edge";
  readonly scopes: { readonly [scope in S]: string | { readonly title: string; readonly implies?: readonly NoInfer<S>[] } };
  readonly credentials: { readonly [credential in C]: CredentialDocument };
  readonly routes: readonly RouteDocument<NoInfer<S>, NoInfer<C>>[];
  readonly tests?: readonly object[];
}

/** The scopes that a policy declares, as literals. */
export type ScopeOf<P> = P extends { readonly scopes: infer S } ? Extract<keyof S, string> : string;
/** The ids of a policy's routes, as literals. */
export type RouteIdOf<P> = P extends { readonly routes: readonly (infer R)[] } ? (R extends { readonly id: infer I extends string } ? I : string) : string;
/** The names of a policy's credentials, as literals. */
export type CredentialOf<P> = P extends { readonly credentials: infer C } ? Extract<keyof C, string> : string;

type ParamNames<Path extends string> = Path extends `${string}{${infer Inside}}${infer Rest}` ? ParamName<Inside> | ParamNames<Rest> : never;
type ParamName<Inside extends string> = Inside extends `${infer Name}:${string}` ? Name : Inside extends `${infer Name}...` ? Name : Inside;
type RouteWith<P, I> = P extends { readonly routes: readonly (infer R)[] } ? Extract<R, { readonly id: I }> : never;
/** The path parameters of a route, by its id. */
export type ParamsOf<P, I extends string> = string extends I
  ? Readonly<Record<string, string>>
  : RouteWith<P, I> extends { readonly match: infer M extends string }
    ? { readonly [name in ParamNames<M>]: string }
    : Readonly<Record<string, string>>;

/** Who is behind an allowed request to a route: nobody on a public one. */
export type PrincipalOf<P, I extends string> = string extends I
  ? Principal<ScopeOf<P>, CredentialOf<P>> | null
  : RouteWith<P, I> extends { readonly public: true }
    ? null
    : Principal<ScopeOf<P>, CredentialOf<P>>;

/** Returns the policy; names of routes, scopes and credentials become literal types, and wrong ones errors. */
export function definePolicy<const S extends string, const C extends string, const P extends PolicyDocument<S, C>>(policy: P & PolicyDocument<S, C>): P;

/** A request for runtimes that have no type of their own for it. `https` is true unless said otherwise. */
export interface PlainRequest {
  method: string;
  /** The request target as it came: path and query. */
  target: string;
  headers?: Iterable<readonly [string, string]> | { readonly [name: string]: string | readonly string[] | undefined };
  https?: boolean;
  clientIp?: string;
}

/** What an adapter needs of a Node `IncomingMessage`. */
export interface NodeRequest {
  method?: string | undefined;
  url?: string | undefined;
  rawHeaders: string[];
}

/** What an adapter needs of a Fetch `Request`. */
export interface FetchRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: { get(name: string): string | null };
}

export type GateRequest = PlainRequest | NodeRequest | FetchRequest;

/** What the caller knows besides the request; handed on to stores and sinks. */
export interface DecideContext {
  clientIp?: string | undefined;
  https?: boolean | undefined;
  waitUntil?: ((promise: Promise<unknown>) => void) | undefined;
  [name: string]: unknown;
}

/** The context of a decision as `onEffects` gets it: `waitUntil` is always there. */
export interface EffectsContext extends DecideContext {
  waitUntil: (promise: Promise<unknown>) => void;
}

export interface Principal<S extends string = string, C extends string = string> {
  readonly credential: C;
  readonly kind: "apiKey" | "bearer";
  readonly subject: string | null;
  readonly keyId: string | null;
  readonly clientId: string | null;
  readonly scopes: readonly S[];
  /** The verified claims of a token. */
  readonly claims?: { readonly [claim: string]: unknown };
}

export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: string;
  requiredScopes?: string[];
}

export type Effect =
  | { type: "touch"; id: string; at: number }
  | { type: "upgrade"; id: string; expectedVersion: number; hash: KeyRecord["hashes"][number] }
  | { type: "audit"; event: AuditEvent };

export interface AuditEvent {
  type: "decision";
  at: number;
  effect: "allow" | "deny" | "preflight";
  status: number;
  code: string;
  reason?: string;
  routeId?: string;
  keyId?: string;
  subject?: string;
  clientId?: string;
}

export interface RefusalResponse {
  status: number;
  headers: [string, string][];
  body: string;
}

interface DecisionBase {
  readonly status: number;
  /** A stable code: `ok`, `preflight`, or the reason of a denial. */
  readonly code: string;
  readonly detail: string | undefined;
  readonly alternative: number | null;
  readonly missing: readonly string[];
  readonly challenges: readonly string[];
  readonly allow: readonly string[];
  readonly problem: Problem | null;
  readonly effects: { touch: object | null; upgrade: object | null; audit: AuditEvent };
  readonly trace: unknown;
  /** The answer to a request that must not pass; throws when this one may. */
  toResponse(): Response;
  toJSON(): object;
  /** The decision's JSON: the same bytes in every runtime. */
  toString(): string;
}

/** An allowed request; narrowing `routeId` narrows `params` and `principal`. */
export type Allowed<P = PolicyDocument> = RouteIdOf<P> extends infer I
  ? I extends string
    ? DecisionBase & {
        readonly effect: "allow";
        readonly allowed: true;
        readonly routeId: I;
        readonly route: I;
        readonly params: ParamsOf<P, I>;
        /** The principal of the first credential; null on a public route. */
        readonly principal: PrincipalOf<P, I>;
        readonly principals: readonly Principal<ScopeOf<P>, CredentialOf<P>>[];
        readonly response: null;
      }
    : never
  : never;

export interface Refused<P = PolicyDocument> extends DecisionBase {
  readonly effect: "deny" | "preflight";
  readonly allowed: false;
  readonly routeId: RouteIdOf<P> | null;
  readonly route: RouteIdOf<P> | null;
  readonly params: Readonly<Record<string, string>>;
  readonly principal: null;
  readonly principals: readonly [];
  readonly response: RefusalResponse;
}

export type Decision<P = PolicyDocument> = Allowed<P> | Refused<P>;

/** What middleware takes: a gate, or what `gate.require` returns. */
export interface Decider<P = PolicyDocument> {
  decide(request: GateRequest, context?: DecideContext): Promise<Decision<P>>;
  decideSync(request: GateRequest, context?: DecideContext): Decision<P>;
}

export interface KeySetNeed {
  credential: string;
  issuer: string;
  reason: "missing" | "stale" | "unknown_kid";
}

export interface FetchedKeySet {
  jwks: string | KeySet;
  /** Unix seconds. */
  fetchedAt: number;
}

export type KeySetSource =
  | KeySet
  | string
  | ((need: KeySetNeed, context?: DecideContext) => Awaitable<FetchedKeySet | KeySet | string>)
  | RemoteKeySet;

export interface RemoteKeySet {
  keys(need?: KeySetNeed): Awaitable<FetchedKeySet>;
}

export interface RemoteKeySetOptions {
  /** Milliseconds; 5,000. */
  timeout?: number;
  /** Seconds after a failure before the next try; 30. */
  cooldown?: number;
  fetch?: typeof globalThis.fetch;
  headers?: Record<string, string>;
}

/** What another system stored of a key. Times are whole Unix seconds. */
export interface ImportedRow {
  from: ForeignIssuer;
  /** The hash as that system stores it. */
  hash: string;
  owner: string;
  scopes: readonly string[];
  /** `Imported from …` when absent. */
  label?: string;
  /** The environment of the policy's entry for these keys; `live` when absent. */
  env?: string;
  /** Now when absent. */
  createdAt?: number;
  /** Null for a key that does not expire: it has to be said. */
  expiresAt: number | null;
  revokedAt?: number | null;
  lastUsedAt?: number | null;
}

/** The record of a key that another system issued: what `scopegate import` makes of a row. Throws `import_invalid`, also for other members. */
export function importedRecord(row: ImportedRow): Promise<KeyRecord>;

/** A key set that is fetched from an issuer's URL when the engine asks for it. */
export function remoteKeySet(url: string | URL, options?: RemoteKeySetOptions): RemoteKeySet;

export interface GateOptions<P = PolicyDocument> {
  policy: P;
  /** The key store: a record, `null` for none, or a throw or rejection when it cannot be said. */
  keys?: { find(id: string, context?: DecideContext): Awaitable<KeyRecord | null> };
  /** By credential; those written into the policy need none. */
  keySets?: { readonly [credential in CredentialOf<P>]?: KeySetSource };
  /** `current` names the pepper that new keys are hashed with; values are base64url text or bytes, 32 or more. */
  peppers?: {
    readonly current: string;
    /** Whether plain SHA-256 hashes of records still count, until each is made anew on its first use; false. */
    readonly acceptPlainHashes?: boolean;
    readonly [id: string]: string | Uint8Array | boolean | undefined;
  };
  /** HMAC secrets by credential, base64url text or bytes. */
  secrets?: { readonly [credential in CredentialOf<P>]?: string | Uint8Array };
  /** Who does signature arithmetic: `node:crypto` or WebCrypto by choice of the package, or the module itself. */
  verify?: "auto" | "node" | "webcrypto" | "wasm";
  /** Verified tokens to keep, and as many and as long header lines beside the module; on by default with 1,000 entries and 2 MB. */
  tokenCache?: false | { entries?: number; bytes?: number };
  /** Milliseconds that stores and key sets may take; 5,000. A later answer is an outage. */
  storeTimeout?: number;
  /** Seconds between two records of a key's use; 60. */
  touchInterval?: number;
  /** Keeps the evaluator's steps with every decision. */
  trace?: boolean;
  /** Unix seconds now; the system clock unless given. */
  now?: () => number;
  /** Headers to believe, and how many proxies stand before this one (1). */
  trustProxy?: { clientIp?: { header: string; hops?: number }; https?: { header: string; hops?: number } };
  /** What to store after answering. A promise, returned or given to `context.waitUntil`, holds up no answer; what fails is counted. */
  onEffects?: (effects: Effect[], context: EffectsContext) => Awaitable<unknown>;
  /** Outages of stores, sinks and of the module; never holds a credential. */
  onError?: (error: unknown, context?: DecideContext) => void;
}

export interface IssueRequest<P = PolicyDocument> {
  /** The API-key credential; not needed when the policy has one. */
  credential?: CredentialOf<P>;
  environment?: string;
  label: string;
  scopes: readonly ScopeOf<P>[];
  /** Unix seconds, or `null` for none. */
  expiresAt: number | null;
  owner: string;
  ipAllow?: readonly string[];
  /** What the creator may do at most. */
  ceiling?: readonly ScopeOf<P>[];
}

/** What somebody may do whom the application proved itself. */
export interface Grant<P = PolicyDocument> {
  /** The id of the route that a request means, when the scopes cover it or it is public; null otherwise. `target` as in the request line. */
  covers(method: string, target: string): RouteIdOf<P> | null;
}

export interface Gate<P = PolicyDocument> extends Decider<P> {
  /** For a handler of one route: an allow for another route is a refusal. */
  require(routeId: RouteIdOf<P>): Decider<P>;
  /**
   * Authorisation alone, for credentials that the application proves itself: scopes as held by a credential of the policy. Headers,
   * transport and claims are the application's to look at; an alternative that asks for a claim or a second credential is not covered.
   */
  grant(credential: string, scopes: readonly ScopeOf<P>[]): Grant<P>;
  readonly keys: {
    issue(request: IssueRequest<P>): { record: KeyRecord; readonly rawKey: string };
    rotate<R extends KeyRecord>(record: R, options?: { overlap?: number }): { record: KeyRecord; readonly rawKey: string; old: R };
    revoke<R extends KeyRecord>(record: R): R;
    relabel<R extends KeyRecord>(record: R, change: string | { label: string }): R;
  };
  readonly policy: { name: string; routes: RouteIdOf<P>[]; scopes: ScopeOf<P>[]; credentials: { name: CredentialOf<P>; kind: "apiKey" | "bearer"; issuer?: string }[] };
  readonly counts: { restarts: number; storeFailures: number; effectFailures: number };
  close(): void;
  [Symbol.dispose](): void;
}

export function createGate<const P extends PolicyDocument>(options: GateOptions<P>): Gate<P>;
/** A gate of a policy as JSON text, whose names are no types. */
export function createGate(options: Omit<GateOptions, "policy"> & { policy: string }): Gate;

/** Settled when the module runs: at once but in browsers. */
export const ready: Promise<void>;

/** One mistake of a policy. */
export interface PolicyMistake {
  /** Stable; `docs/policy.md` lists them. */
  code: string;
  /** Where it is: a JSON pointer into the policy. */
  place: string;
  /** Where the other one is, of two that do not go together. */
  other?: string;
  message: string;
}

/** What this package throws: misuse, and outages of its own; never a bad credential. */
export class ScopegateError extends Error {
  constructor(code: string, message: string, options?: { cause?: unknown });
  readonly code: string;
  /** With `policy_invalid`: every mistake of the policy. */
  readonly errors?: readonly PolicyMistake[];
}
