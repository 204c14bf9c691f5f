import type { Decider, Refused } from "../index.js";

export interface Options {
  /** Answers refused requests instead of the problem body. */
  onDenied?: (decision: Refused, c: any) => Response | Promise<Response>;
  /** The address of the client, for keys that may be used from some addresses only. */
  clientIp?: (c: any) => string | undefined;
}

export function scopegate(gate: Decider<any>, options?: Options): (c: any, next: () => Promise<void>) => Promise<Response | void>;
