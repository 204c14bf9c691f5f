/** What a host should store after it has answered, as a list: the use of a key, a hash to replace, the audit event. */
export function effectsOf(decision) {
  const { touch, upgrade, audit } = decision.effects;
  const effects = [];
  if (touch) effects.push({ type: "touch", ...touch });
  if (upgrade) effects.push({ type: "upgrade", ...upgrade });
  effects.push({ type: "audit", event: audit });
  return effects;
}
