// The decision for a person: what, why, and what would do; as the native command prints it.
import { reasonOf } from "./words.js";

const TRACE = {
  target: ({ outcome }) => `target: ${outcome}`,
  route: ({ outcome, routeId }) => `route: ${outcome}${routeId ? ` ${routeId}` : ""}`,
  credential: ({ credential, outcome }) => `credential ${credential}: ${outcome}`,
  alternative: ({ index, outcome, missing = [] }) => `alternative ${index}: ${outcome}${missing.length > 0 ? `, lacks ${missing.join(" ")}` : ""}`,
};

/**
 * @param {object} decision
 * @param {object[]} routes the routes of the policy's document
 */
export function readable(decision, routes) {
  const lines = [`${decision.effect.toUpperCase()} ${decision.status} ${decision.code}`];
  const say = (label, value) => lines.push(`  ${label.padEnd(11)} ${value}`);
  if (decision.problem) lines.push(decision.problem.detail);
  else lines.push(decision.effect === "preflight" ? "A CORS preflight: answer it, and pass nothing on." : "The request may pass.");
  const reason = reasonOf(decision);
  if (reason !== undefined) say("reason", reason);
  if (decision.routeId !== null) say("route", `${decision.routeId} (${routes.find(({ id }) => id === decision.routeId).match})`);
  for (const [name, value] of Object.entries(decision.params)) say("parameter", `${name} = ${value}`);
  for (const { subject, kind, keyId, scopes } of decision.principals) {
    // A terminal would obey what an issuer put into a subject.
    const who = (subject ?? "-").replaceAll(/\p{Cc}/gu, "\ufffd");
    say("principal", `${who} by ${kind}${keyId === null ? "" : ` ${keyId}`}, scopes: ${scopes.join(" ")}`);
  }
  if (decision.missing.length > 0) say("missing", decision.missing.join(" "));
  if (decision.allow.length > 0) say("allowed", decision.allow.join(", "));
  for (const challenge of decision.challenges) say("challenge", challenge);
  const steps = decision.trace?.steps ?? decision.trace;
  if (Array.isArray(steps)) {
    lines.push("How it came about:");
    steps.forEach((step, at) => lines.push(`  ${at + 1}. ${(TRACE[step.step ?? step.type] ?? JSON.stringify)(step)}`));
  }
  return lines.join("\n");
}
