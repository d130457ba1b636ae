/** A run with a checkpoint that tells all it found. */
import { fileCheckpoint, localScorer, quadraticProxy, searched } from "../../search/mod.ts";

const scorer = localScorer({ workers: 2 });
const result = await searched({
  tasks: quadraticProxy(2),
  budget: { trained: 20_000 },
  seed: 5,
  scorer,
  restart: { patience: 5000, from: "best" },
  hurdle: { share: 0.25, quantile: 0.1 },
  checkpoint: { store: fileCheckpoint(Deno.args[0]), every: 5 },
});
console.log(JSON.stringify(result, (_, value) => value === -Infinity ? "-inf" : value));
await scorer.close();
