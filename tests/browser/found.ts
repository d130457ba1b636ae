/** A small search, whose every draw, training and choice is told. */
import { quadraticProxy, searched } from "../../search/mod.ts";

/** All that the search found, as text. */
export async function found(): Promise<string> {
  const result = await searched({
    tasks: quadraticProxy(2),
    budget: { trained: 300 },
    population: 50,
    tune: { evaluations: 10 },
  });
  return JSON.stringify(result, (_, value) => value === -Infinity ? "-inf" : value);
}
