import type { Allowed, Decider, PolicyDocument, Refused } from "../index.js";

type Answer = Response | Promise<Response>;

export interface Context<P> {
  readonly auth: Allowed<P>;
  waitUntil(promise: Promise<unknown>): void;
  passThroughOnException(): void;
}

export interface Worker<P, Env extends object> {
  /** A gate, or how to make it; then it is made once per isolate and environment. */
  gate: Decider<P> | ((env: Env) => Decider<P>);
  fetch(request: any, env: Env, ctx: Context<P>): Answer;
  /** Answers refused requests instead of the problem body. */
  onDenied?: (decision: Refused, request: any, env: Env, ctx: any) => Answer;
  [handler: string]: unknown;
}

export function scopegate<P = PolicyDocument, Env extends object = object>(worker: Worker<P, Env>): {
  fetch(request: any, env: Env, ctx: any): Promise<Response>;
};
