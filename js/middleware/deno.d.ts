import type { Allowed, Decider, PolicyDocument, Refused } from "../index.js";

type Answer = Response | Promise<Response>;

export interface Options {
  /** Answers refused requests instead of the problem body. */
  onDenied?: (decision: Refused, request: Request, info: any) => Answer;
}

export function scopegate<P = PolicyDocument>(
  gate: Decider<P>,
  handler: (request: Request, info: any, decision: Allowed<P>) => Answer,
  options?: Options,
): (request: Request, info: any) => Promise<Response>;
