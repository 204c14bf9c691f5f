/* tslint:disable */
/* eslint-disable */

/**
 * Scopes that a credential is held to have, by a host that proved it itself.
 */
export class Held {
    private constructor();
    free(): void;
    [Symbol.dispose](): void;
    /**
     * The number of the covered route from 1, by the lengths of method and target in the input; 0 for none.
     */
    covers(method: number, target: number): number;
    /**
     * The same of texts.
     */
    covers_text(method: string, target: string): number;
    /**
     * The address of the input, 1024 bytes: 32 for the method, and the rest for the target.
     */
    input(): number;
}

/**
 * The proven principals that decisions still point at, in batches: the text of an allow can be made at any time later, also
 * when the slot is taken by another and the gate is freed. JavaScript says when a batch is no longer pointed at.
 */
export class Proofs {
    private constructor();
    free(): void;
    [Symbol.dispose](): void;
    /**
     * The decision's JSON of an allow of this principal alone, without an upgrade; of batch 0 for a public route.
     *
     * # Errors
     * `engine_misuse` when the arguments are not those of a decision.
     */
    allow(batch: number, place: number, target: string, route: number, alternative: number | null | undefined, touch: boolean, now: number): string;
    /**
     * Begins a batch; its number, from 1.
     */
    batch(): number;
    /**
     * The address of the claims that proved the principal of a slot; they stay there until the module is called again.
     */
    claims(slot: number): number;
    /**
     * The length of these claims in bytes; 0 when a key proved it.
     */
    claims_bytes(slot: number): number;
    /**
     * The credential that these claims are of.
     */
    claims_of(slot: number): number;
    /**
     * Forgets a batch.
     */
    forget(batch: number): void;
    /**
     * Keeps the principal of a slot in the batch begun last; its place there.
     */
    keep(slot: number): number;
    /**
     * The parameters of a target that this route was found for, as JSON.
     *
     * # Errors
     * `engine_misuse` when it was not.
     */
    params(target: string, route: number): string;
    /**
     * A kept principal as JSON: as decisions show it, with `logId` and, of a token, `claims`.
     *
     * # Errors
     * `engine_misuse` when it is not kept.
     */
    principal(batch: number, place: number): string;
    /**
     * Keeps the principal of claims that were verified at this instant, once more, for the calls that follow; its batch.
     *
     * # Errors
     * `engine_misuse` when they were not.
     */
    recall(credential: number, claims: Uint8Array | number[], now: number): number;
}

/**
 * A gate and everything that decisions on it need in this instance of the module.
 */
export class RawGate {
    free(): void;
    [Symbol.dispose](): void;
    /**
     * Answers a need for a key record: its handle, 0 for a missing one, [`u32::MAX`] for an outage.
     */
    answer_key(session: number, record: number): number;
    /**
     * Answers a need for a key set: its text and when it was fetched, or nothing for an outage.
     */
    answer_keys(session: number, jwks: string | null | undefined, fetched_at: number): number;
    /**
     * Answers a need for signature arithmetic: 0 invalid, 1 valid, 3 do it here; anything else is an outage.
     */
    answer_verify(session: number, kind: number): number;
    /**
     * Begins the decision that the words and the input describe.
     */
    begin(session: number, now: number): number;
    /**
     * Frees a session.
     */
    close(session: number): void;
    /**
     * How much this gate holds, as JSON.
     */
    counts(): string;
    /**
     * What the JavaScript side needs to know of the policy, as JSON.
     */
    describe(): string;
    /**
     * Forgets a record.
     */
    drop_record(handle: number): void;
    /**
     * Overwrites what the session holds of a request.
     */
    erase(session: number): void;
    /**
     * These scopes, a list in JSON, as held by this credential; scopes that the policy does not declare count for nothing.
     *
     * # Errors
     * `credential_unknown`, `request_invalid`.
     */
    hold(credential: string, scopes: string): Held;
    /**
     * The address of the session's input buffer, at least `bytes` long.
     */
    input(session: number, bytes: number): number;
    /**
     * Issues a key; takes and returns JSON.
     *
     * # Errors
     * The code of what is wrong with the request.
     */
    issue(request: string, entropy: Uint8Array | number[], now: number): string;
    /**
     * A gate of a policy and of what the host gave for it, both as JSON text.
     *
     * # Errors
     * JSON text with `code`, `message` and, for a policy, `errors`.
     */
    constructor(policy: string, options: string);
    /**
     * A new session.
     */
    open(): number;
    /**
     * What keeps proven principals for decisions that are read later; lives on when the gate is freed.
     */
    proofs(): Proofs;
    /**
     * Reads a key record strictly; returns a handle.
     *
     * # Errors
     * `record_invalid`.
     */
    record(json: string): number;
    /**
     * Decides about credentials that are not proven, for tests of a policy; takes JSON, returns the decision's.
     *
     * # Errors
     * `request_invalid`.
     */
    rehearse(request: string): string;
    /**
     * Gives a key another label; takes and returns JSON.
     *
     * # Errors
     * The code of what is wrong with the request.
     */
    relabel(record: string, change: string): string;
    /**
     * The HTTP answer of a refusal or a preflight as JSON: `status`, `headers`, `body`.
     */
    response(session: number): string;
    /**
     * Revokes a key; takes and returns JSON.
     *
     * # Errors
     * The code of what is wrong with the request.
     */
    revoke(record: string, now: number): string;
    /**
     * Replaces a key; takes and returns JSON.
     *
     * # Errors
     * The code of what is wrong with the request.
     */
    rotate(record: string, request: string, entropy: Uint8Array | number[], now: number): string;
    /**
     * The decision's JSON, when it was made: unless allowed, or when the words asked for it.
     */
    text(session: number): string;
    /**
     * The key of a need for signature arithmetic as JSON: `thumbprint` and `jwk`.
     */
    verify_key(handle: number): string;
    /**
     * The address of the session's 96 words.
     */
    words(session: number): number;
}

export function __wbg_reset_state(): void;

/**
 * What is wrong with a document of the command, with line and column; nothing when it has its shape. 0 is a case file, 1 are key records, 2 secrets
 * by name, all else is any JSON. The message may repeat a text that was found.
 */
export function document_fault(kind: number, text: string): string | undefined;

/**
 * The version of the core.
 */
export function version(): string;

export type InitInput = RequestInfo | URL | Response | BufferSource | WebAssembly.Module;

export interface InitOutput {
    readonly memory: WebAssembly.Memory;
    readonly __wbg_held_free: (a: number, b: number) => void;
    readonly __wbg_proofs_free: (a: number, b: number) => void;
    readonly __wbg_rawgate_free: (a: number, b: number) => void;
    readonly document_fault: (a: number, b: number, c: number) => [number, number];
    readonly held_covers: (a: number, b: number, c: number) => number;
    readonly held_covers_text: (a: number, b: number, c: number, d: number, e: number) => number;
    readonly held_input: (a: number) => number;
    readonly proofs_allow: (a: number, b: number, c: number, d: number, e: number, f: number, g: number, h: number, i: number) => [number, number, number, number];
    readonly proofs_batch: (a: number) => number;
    readonly proofs_claims: (a: number, b: number) => number;
    readonly proofs_claims_bytes: (a: number, b: number) => number;
    readonly proofs_claims_of: (a: number, b: number) => number;
    readonly proofs_forget: (a: number, b: number) => void;
    readonly proofs_keep: (a: number, b: number) => number;
    readonly proofs_params: (a: number, b: number, c: number, d: number) => [number, number, number, number];
    readonly proofs_principal: (a: number, b: number, c: number) => [number, number, number, number];
    readonly proofs_recall: (a: number, b: number, c: number, d: number, e: number) => [number, number, number];
    readonly rawgate_answer_key: (a: number, b: number, c: number) => number;
    readonly rawgate_answer_keys: (a: number, b: number, c: number, d: number, e: number) => number;
    readonly rawgate_answer_verify: (a: number, b: number, c: number) => number;
    readonly rawgate_begin: (a: number, b: number, c: number) => number;
    readonly rawgate_close: (a: number, b: number) => void;
    readonly rawgate_counts: (a: number) => [number, number];
    readonly rawgate_describe: (a: number) => [number, number];
    readonly rawgate_drop_record: (a: number, b: number) => void;
    readonly rawgate_erase: (a: number, b: number) => void;
    readonly rawgate_hold: (a: number, b: number, c: number, d: number, e: number) => [number, number, number];
    readonly rawgate_input: (a: number, b: number, c: number) => number;
    readonly rawgate_issue: (a: number, b: number, c: number, d: number, e: number, f: number) => [number, number, number, number];
    readonly rawgate_new: (a: number, b: number, c: number, d: number) => [number, number, number];
    readonly rawgate_open: (a: number) => number;
    readonly rawgate_proofs: (a: number) => number;
    readonly rawgate_record: (a: number, b: number, c: number) => [number, number, number];
    readonly rawgate_rehearse: (a: number, b: number, c: number) => [number, number, number, number];
    readonly rawgate_relabel: (a: number, b: number, c: number, d: number, e: number) => [number, number, number, number];
    readonly rawgate_response: (a: number, b: number) => [number, number];
    readonly rawgate_revoke: (a: number, b: number, c: number, d: number) => [number, number, number, number];
    readonly rawgate_rotate: (a: number, b: number, c: number, d: number, e: number, f: number, g: number, h: number) => [number, number, number, number];
    readonly rawgate_text: (a: number, b: number) => [number, number];
    readonly rawgate_verify_key: (a: number, b: number) => [number, number];
    readonly rawgate_words: (a: number, b: number) => number;
    readonly version: () => [number, number];
    readonly __wbindgen_externrefs: WebAssembly.Table;
    readonly __wbindgen_malloc: (a: number, b: number) => number;
    readonly __wbindgen_realloc: (a: number, b: number, c: number, d: number) => number;
    readonly __wbindgen_free: (a: number, b: number, c: number) => void;
    readonly __externref_table_dealloc: (a: number) => void;
    readonly __wbindgen_start: () => void;
}

export type SyncInitInput = BufferSource | WebAssembly.Module;

/**
 * Instantiates the given `module`, which can either be bytes or
 * a precompiled `WebAssembly.Module`.
 *
 * @param {{ module: SyncInitInput }} module - Passing `SyncInitInput` directly is deprecated.
 *
 * @returns {InitOutput}
 */
export function initSync(module: { module: SyncInitInput } | SyncInitInput): InitOutput;

/**
 * If `module_or_path` is {RequestInfo} or {URL}, makes a request and
 * for everything else, calls `WebAssembly.instantiate` directly.
 *
 * @param {{ module_or_path: InitInput | Promise<InitInput> }} module_or_path - Passing `InitInput` directly is deprecated.
 *
 * @returns {Promise<InitOutput>}
 */
export default function __wbg_init (module_or_path: { module_or_path: InitInput | Promise<InitInput> } | InitInput | Promise<InitInput>): Promise<InitOutput>;
