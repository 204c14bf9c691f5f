// The server that scripts/test-clients has started.
import { readFileSync } from "node:fs";

const file = process.env.SCOPEGATE_READY;
if (!file) throw new Error("SCOPEGATE_READY names no ready file; scripts/test-clients starts the server");

export const ready = JSON.parse(readFileSync(file, "utf8"));

/** The redirect URI of both clients, with a port of this machine. */
export const REDIRECT = ready.redirectUri.replace("127.0.0.1", "127.0.0.1:8976");

/** The clients of the demonstration: one without a secret, and one with. */
export const CLIENTS = [
  { id: ready.clientId },
  { id: ready.foreignClientId, secret: ready.foreignClientSecret },
];
