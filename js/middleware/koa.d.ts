import type { Decider, Refused } from "../index.js";

export interface Options {
  /** Answers refused requests instead of the problem body. */
  onDenied?: (decision: Refused, ctx: any, next: () => Promise<any>) => unknown;
}

export function scopegate(gate: Decider<any>, options?: Options): (ctx: any, next: () => Promise<any>) => Promise<unknown>;
