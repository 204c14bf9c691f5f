// Express 4 and 5.
import { send } from "./node-answer.js";

/**
 * Lets allowed requests pass with the decision in `req.auth`, answers all others.
 * @param {object} gate a gate, or `gate.require(routeId)`
 */
export function scopegate(gate, { onDenied } = {}) {
  return (req, res, next) => {
    gate.decide(req).then((decision) => {
      if (decision.allowed) {
        req.auth = decision;
        next();
      } else if (onDenied) onDenied(decision, req, res, next);
      else send(res, decision);
    }).catch(next);
  };
}
