/** Proposes the next program of a search: a child of a good parent, or a random one. */
import type { Genome } from "../programs/genome.ts";
import { mutate, paperMutations } from "../programs/mutations.ts";
import type { Random } from "../programs/random.ts";
import type { Space } from "../programs/space.ts";
import type { Individual } from "./archive.ts";
import type { SearchOptions } from "./options.ts";

/** A program, what it was made from, and how. */
export interface Proposal {
  readonly genome: Genome;
  readonly parent: Individual;
  readonly mutation: string;
}

/** Mutations of a program of random search, at most. */
const MOST_MUTATIONS = 20;

/** What proposes programs by a search's options, from the population as it is at the moment. */
export function proposer(
  space: Space,
  init: readonly Genome[],
  { strategy, mutations = paperMutations, tournament = 2, lengthCost = 0 }: SearchOptions,
): (population: readonly Individual[], random: Random) => Proposal {
  const fitness = ({ score, length }: Individual) => score - lengthCost * length;
  if (strategy === "random") {
    return (population, random) => {
      const count = 1 + random.below(MOST_MUTATIONS);
      let genome = random.pick(init);
      for (let i = 0; i < count; i++) genome = mutate(space, genome, mutations, random).child;
      return { genome, parent: population[0], mutation: `${count} mutations` };
    };
  }
  return (population, random) => {
    let parent = random.pick(population);
    for (let i = 1; i < tournament; i++) {
      const other = random.pick(population);
      if (fitness(other) > fitness(parent)) parent = other;
    }
    const { child, mutation } = mutate(space, parent.genome, mutations, random);
    return { genome: child, parent, mutation };
  };
}
