/** What a host should store after it has answered, as a list: the use of a key, a hash to replace, the audit event. */
export function effectsOf(decision) {
  const { touch, upgrade, audit } = decision.effects;
  const effects = [];
  if (touch) effects.push({ type: "touch", ...touch });
  if (upgrade) effects.push({ type: "upgrade", ...upgrade });
  effects.push({ type: "audit", event: audit });
  return effects;
}

/**
 * A sink that can always say `context.waitUntil(promise)`: where the caller has no such thing, the gate waits itself, and counts what fails.
 * @param {(effects: object[], context: object) => unknown} onEffects
 */
export function withWaitUntil(onEffects) {
  return (effects, context) => {
    if (typeof context?.waitUntil === "function") return onEffects(effects, context);
    const late = [];
    const answer = onEffects(effects, { ...context, waitUntil: (promise) => void late.push(promise) });
    return late.length === 0 ? answer : Promise.all([answer, ...late]);
  };
}
