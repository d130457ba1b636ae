/** A small search, whose every draw, training and choice is told. */
import { localScorer, quadraticProxy, searched } from "../../search/mod.ts";

/** All that the search found, as text, or why it could not search. */
export async function found(workers: number): Promise<string> {
  try {
    return await told(workers);
  } catch (error) {
    return String(error);
  }
}

async function told(workers: number): Promise<string> {
  const scorer = localScorer({ workers });
  const result = await searched({
    tasks: quadraticProxy(2),
    budget: { trained: 300 },
    population: 50,
    tune: { evaluations: 10 },
    scorer,
  });
  await scorer.close();
  return JSON.stringify(result, (_, value) => value === -Infinity ? "-inf" : value);
}
