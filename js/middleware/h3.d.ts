import type { Decider, Refused } from "../index.js";

export interface Options {
  /** Answers refused requests instead of the problem body. */
  onDenied?: (decision: Refused, event: any) => unknown;
}

export function scopegate(gate: Decider<any>, options?: Options): (event: any, next?: () => any) => Promise<any>;
