/** Proposes the next program of a search: a child of a good parent, or a random one. */
import type { Genome } from "../programs/genome.ts";
import { mutate, paperMutations } from "../programs/mutations.ts";
import type { Random } from "../programs/random.ts";
import type { Space } from "../programs/space.ts";
import type { Individual } from "./archive.ts";
import { type SearchOptions, WINDOW } from "./options.ts";
import type { Fitness } from "./survival.ts";

/** A program, what it was made from, and how. */
export interface Proposal {
  readonly genome: Genome;
  readonly parent: Individual;
  readonly mutation: string;
  /** Whether it begins a line of its own. */
  readonly isNewcomer: boolean;
}

/** Mutations of a program of random search, at most. */
const MOST_MUTATIONS = 20;

/** The population as it is at the moment, and the programs that the search started from. */
interface Parents {
  readonly population: readonly Individual[];
  readonly first: readonly Individual[];
}

/** What proposes the program of a birth by a search's options, from a stream of random numbers of its own. */
export function proposer(
  space: Space,
  options: SearchOptions,
  fitness: Fitness,
): (parents: Parents, random: Random, birth: number) => Proposal {
  const { strategy, survival, mutations = paperMutations, window = WINDOW } = options;
  const { tournament = survival === "front" ? 1 : 2 } = options;
  const anew = (first: readonly Individual[], random: Random, most: number): Proposal => {
    const count = 1 + random.below(most);
    const parent = random.pick(first);
    let { genome } = parent;
    for (let i = 0; i < count; i++) genome = mutate(space, genome, mutations, random).child;
    const isNewcomer = strategy !== "random";
    const mutation = isNewcomer ? "newcomer" : `${count} mutations`;
    return { genome, parent, mutation, isNewcomer };
  };
  if (strategy === "random") {
    return ({ first }, random) => anew(first, random, MOST_MUTATIONS);
  }
  return ({ population, first }, random, birth) => {
    if (survival === "front" && birth % window === 0) return anew(first, random, 1);
    let parent = random.pick(population);
    for (let i = 1; i < tournament; i++) {
      const other = random.pick(population);
      if (fitness(other, birth) > fitness(parent, birth)) parent = other;
    }
    const { child, mutation } = mutate(space, parent.genome, mutations, random);
    return { genome: child, parent, mutation, isNewcomer: false };
  };
}
