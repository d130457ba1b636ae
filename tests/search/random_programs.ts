/** Random programs of a search: AdamW, mutated now and then more. */
import {
  ADAMW,
  type Genome,
  paperMutations,
  parseGenome,
  Random,
  type Space,
} from "../../search/mod.ts";
import { mutate } from "../../search/programs/mutations.ts";

/** So many programs, the later the further from AdamW; none longer than 40 statements. */
export function randomGenomes(space: Space, count: number, seed: number): Genome[] {
  const first = parseGenome(space, ADAMW);
  const pool: Genome[] = Array.from({ length: 100 }, () => first);
  return Array.from({ length: count }, (_, i) => {
    const random = new Random(seed, 100, i);
    const { child } = mutate(space, random.pick(pool), paperMutations, random);
    pool[i % pool.length] = child.length < 40 ? child : first;
    return child;
  });
}
