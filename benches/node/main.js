// `node main.js [TASK…]`: prints the rows of benches/RESULTS.md. Tasks: keys, authorisation, tokens, cold, sizes, parts.
import { cpus } from "node:os";
import { authorisation } from "./authorisation.js";
import { coldStarts } from "./cold.js";
import { HEAD } from "./harness.js";
import { keyDecisions } from "./keys.js";
import { parts } from "./parts.js";
import { sizes } from "./sizes.js";
import { tokenDecisions } from "./tokens.js";

const tasks = { keys: keyDecisions, authorisation, tokens: tokenDecisions, cold: coldStarts, sizes, parts };
const wanted = process.argv.slice(2);
const unknown = wanted.find((name) => !Object.hasOwn(tasks, name));
if (unknown !== undefined) {
  console.error(`unknown task ${unknown}; there are ${Object.keys(tasks).join(", ")}`);
  process.exit(2);
}
console.log(`${new Date().toISOString().slice(0, 10)}, Node ${process.version}, ${cpus().length} × ${cpus()[0].model}\n\n${HEAD}`);
for (const [name, run] of Object.entries(tasks)) if (wanted.length === 0 || wanted.includes(name)) await run();
