/** Random programs: AdamW, mutated again and again. */
import {
  ADAMW,
  type Genome,
  paperMutations,
  parseGenome,
  Random,
  space,
} from "../../search/mod.ts";
import { mutate } from "../../search/programs/mutations.ts";

const POOL = 1000;
const LONGEST = 40;

/** The paper's space. */
export const paper = space();
/** Where all begin. */
export const adamw: Genome = parseGenome(paper, ADAMW);

/** So many programs, each a child of one of the last {@linkcode POOL}; too long ones have none. */
export function* randomPrograms(count: number): Generator<Genome> {
  const pool: Genome[] = Array.from({ length: POOL }, () => adamw);
  for (let i = 0; i < count; i++) {
    const random = new Random(1, 0, i);
    const { child } = mutate(paper, random.pick(pool), paperMutations, random);
    pool[i % POOL] = child.length < LONGEST ? child : adamw;
    yield child;
  }
}
