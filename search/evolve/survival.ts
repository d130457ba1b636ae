/** Who lives: what individuals are compared by, and which of them dies when another comes. */
import { GradusError } from "../../dsl/errors.ts";
import { DRAWS, Random } from "../programs/random.ts";
import type { Individual } from "./archive.ts";
import type { SearchOptions } from "./options.ts";

/** How fit an individual is at a birth. */
export type Fitness = (individual: Individual, birth: number) => number;

/** Pairs that are looked at for one in which one betters the other. */
const PAIRS = 64;

/**
 * The score less the cost of its length. With `downsample` it is the mean over a share of the problems only,
 * others at every step.
 */
export function fitnessOf(
  { lengthCost = 0, downsample = 1, seed = 1, batch = 50 }: SearchOptions,
): Fitness {
  if (!(downsample > 0 && downsample <= 1)) {
    throw new GradusError(
      `Cannot search: \`downsample\` must be above 0 and at most 1: given ${downsample}`,
    );
  }
  const drawn = new Map<number, { readonly step: number; readonly cases: readonly number[] }>();
  const casesAt = (step: number, count: number): readonly number[] => {
    const known = drawn.get(count);
    if (known?.step === step) return known.cases;
    const random = new Random(seed, DRAWS.cases, step);
    const rest = Array.from({ length: count }, (_, i) => i);
    const cases = Array.from(
      { length: Math.max(1, Math.round(downsample * count)) },
      () => rest.splice(random.below(rest.length), 1)[0],
    );
    drawn.set(count, { step, cases });
    return cases;
  };
  return ({ score, cases, length }, birth) => {
    const cost = lengthCost * length;
    if (downsample === 1 || cases.length < 2) return score - cost;
    const sampled = casesAt(Math.floor(birth / batch), cases.length);
    return sampled.reduce((sum, i) => sum + cases[i], 0) / sampled.length - cost;
  };
}

/** Takes one in, and lets another die. */
export type Survive = (population: Individual[], grown: Individual) => void;

/** The rule of a search. */
export function survivalOf(
  { survival = "oldest", seed = 1 }: SearchOptions,
  fitness: Fitness,
): Survive {
  if (survival === "oldest") {
    return (population, grown) => {
      population.push(grown);
      population.shift();
    };
  }
  if (survival !== "front") {
    throw new GradusError(
      `Cannot search: \`survival\` must be "oldest" or "front": given ${JSON.stringify(survival)}`,
    );
  }
  return (population, grown) => {
    const { birth } = grown.lineage;
    population.push(grown);
    population.splice(
      dying(population, birth, new Random(seed, DRAWS.survival, birth), fitness),
      1,
    );
  };
}

/** Which one of a population dies: of a pair drawn at random the one that the other betters. */
function dying(
  population: readonly Individual[],
  birth: number,
  random: Random,
  fitness: Fitness,
): number {
  let worse = 0;
  for (let pair = 0; pair < PAIRS; pair++) {
    const [i, k] = [random.below(population.length), random.below(population.length)];
    if (i === k) continue;
    const [a, b] = [population[i], population[k]];
    const lead = fitness(a, birth) - fitness(b, birth);
    const youth = a.lineage.founder - b.lineage.founder;
    // Of two that are alike in both, the one that is there for longer.
    if (lead === 0 && youth === 0) return a.lineage.birth < b.lineage.birth ? i : k;
    if (lead >= 0 && youth >= 0) return k;
    if (lead <= 0 && youth <= 0) return i;
    worse = lead < 0 ? i : k;
  }
  // Where nearly all are on the front, the less fit of a pair.
  return worse;
}
