/* tslint:disable */
/* eslint-disable */

/**
 * A server in this instance of the module.
 */
export class RawServer {
    free(): void;
    [Symbol.dispose](): void;
    /**
     * A server of options as JSON text.
     *
     * # Errors
     * See [`wire::server`].
     */
    constructor(options: string);
    /**
     * What comes after the answers so far. `now` is in Unix seconds, `entropy` 64 random bytes for this request alone.
     *
     * # Errors
     * See [`wire::step`]; `clock_invalid` and `entropy` for the other two.
     */
    step(input: string, now: number, entropy: Uint8Array | number[], answers: string): string;
}

/**
 * Sign-in with providers in this instance of the module.
 */
export class RawSocial {
    free(): void;
    [Symbol.dispose](): void;
    /**
     * Providers of options as JSON text.
     *
     * # Errors
     * See [`wire::social`].
     */
    constructor(options: string);
    /**
     * The providers as JSON text.
     */
    providers(): string;
    /**
     * As [`RawServer::step`].
     *
     * # Errors
     * See [`wire::social_step`]; `clock_invalid` and `entropy` for the other two.
     */
    step(input: string, now: number, entropy: Uint8Array | number[], answers: string): string;
}

export function __wbg_reset_state(): void;

/**
 * Checks a client record.
 *
 * # Errors
 * `client_invalid`.
 */
export function check_client(client: string): void;

/**
 * The hash of a client secret, base64url.
 */
export function hash_secret(secret: string): string;

/**
 * The version of the core.
 */
export function version(): string;

export type InitInput = RequestInfo | URL | Response | BufferSource | WebAssembly.Module;

export interface InitOutput {
    readonly memory: WebAssembly.Memory;
    readonly __wbg_rawserver_free: (a: number, b: number) => void;
    readonly __wbg_rawsocial_free: (a: number, b: number) => void;
    readonly check_client: (a: number, b: number) => [number, number];
    readonly hash_secret: (a: number, b: number) => [number, number];
    readonly rawserver_new: (a: number, b: number) => [number, number, number];
    readonly rawserver_step: (a: number, b: number, c: number, d: number, e: number, f: number, g: number, h: number) => [number, number, number, number];
    readonly rawsocial_new: (a: number, b: number) => [number, number, number];
    readonly rawsocial_providers: (a: number) => [number, number];
    readonly rawsocial_step: (a: number, b: number, c: number, d: number, e: number, f: number, g: number, h: number) => [number, number, number, number];
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
