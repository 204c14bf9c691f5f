import type { Decider, Refused } from "../index.js";

export interface Options {
  gate: Decider<any>;
  /** Answers refused requests instead of the problem body. */
  onDenied?: (decision: Refused, request: any, reply: any) => unknown;
}

export function scopegate(app: any, options: Options): Promise<void>;
