/** A search on a task of a module's own, which in Node runs in a process of its own. */
import { localScorer, searched } from "../../search/mod.ts";

const [url, behaviour] = (globalThis as unknown as { process: { argv: string[] } }).process.argv
  .slice(2);
const scorer = localScorer({ patience: 3000, memory: 600 });
const { counts, best } = await searched({
  tasks: [{ kind: "module", name: "own", url, options: { behaviour }, steps: 10, seeds: [1] }],
  seed: 5,
  budget: { trained: 2 },
  population: 20,
  window: 2,
  scorer,
});
await scorer.close();
console.log(JSON.stringify({ counts, score: best?.score ?? null }));
