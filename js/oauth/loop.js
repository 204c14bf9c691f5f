// One flow: a loop between the module, which decides, and the host, which does.
import { fromModule, ScopegateError } from "../core/errors.js";
import { ask } from "./host.js";

const ENTROPY = 64;

/** How often what happened, and who is told. */
export class Counter {
  #counts = { restarts: 0, hostFailures: 0 };
  #onError;

  constructor(onError) {
    this.#onError = onError;
  }

  get counts() {
    return { ...this.#counts };
  }

  report(error, operation) {
    this.#counts.hostFailures += 1;
    try {
      this.#onError?.(error, operation);
    } catch {
      // Whoever is told of a failure must not make another one.
    }
  }

  restarted(cause, operation) {
    this.#counts.restarts += 1;
    this.report(new ScopegateError("engine_restarted", "The module trapped; a fresh instance runs.", { cause }), operation);
  }
}

/**
 * Runs a flow to its end.
 * @returns {Promise<object | undefined>} how the module says it ended; undefined when it cannot say
 */
export async function run({ engine, operations, input, now, timeout, context, counter }) {
  const asking = { timeout, onError: (error, operation) => counter.report(error, operation) };
  const text = JSON.stringify(input);
  const entropy = crypto.getRandomValues(new Uint8Array(ENTROPY));
  const answers = [];
  let asked;
  while (true) {
    let step;
    try {
      step = JSON.parse(engine.step(text, now, entropy, `[${answers.join()}]`));
    } catch (thrown) {
      const refused = fromModule(thrown);
      if (refused === undefined) {
        engine.restart();
        counter.restarted(thrown, asked);
        return undefined;
      }
      counter.report(refused, asked);
      // The last answer cannot be read: as if there had been none.
      if (asked === undefined || answers.at(-1) === '"unavailable"') return undefined;
      answers[answers.length - 1] = '"unavailable"';
      continue;
    }
    if (step.need === undefined) return step;
    asked = step.need.op;
    answers.push(await ask(operations, step.need, context, asking));
  }
}
