import type { Decider, Refused } from "../index.js";

export interface Options {
  /** Answers refused requests instead of the problem body. */
  onDenied?: (decision: Refused, req: any, res: any, next: (error?: unknown) => void) => unknown;
}

export function scopegate(gate: Decider<any>, options?: Options): (req: any, res: any, next: (error?: unknown) => void) => void;
