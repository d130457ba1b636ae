/** Makes the children of a search: proposes a program, and tells what is known of it. */
import { analyse, shapeOf } from "../analysis/structure.ts";
import type { Prober } from "../machine/replay.ts";
import type { Genome } from "../programs/genome.ts";
import { DRAWS, Random } from "../programs/random.ts";
import type { Space } from "../programs/space.ts";
import { STOP, type Stop } from "../tasks/evaluator.ts";
import type { SearchOptions } from "./options.ts";
import { type Child, LATE, type SearchState } from "./population.ts";
import { proposer } from "./propose.ts";

/**
 * What makes the next child of a state. It follows from the state and the child's number alone, which keys
 * all that is drawn for it.
 */
export function childMaker(
  space: Space,
  init: readonly Genome[],
  prober: Prober,
  options: SearchOptions,
): (state: SearchState) => Child {
  const propose = proposer(space, init, options);
  const { seed = 1, tune } = options;
  return ({ counts, population, window, structures, probes, shapes, hurdles }) => {
    const birth = counts.generated + window.length;
    const proposal = propose(population, new Random(seed, DRAWS.birth, birth));
    const { parent, mutation } = proposal;
    const analysis = analyse(space, proposal.genome);
    const { key } = analysis;
    const child = { analysis, parent, mutation, birth, stop: stopOf(options, hurdles) };
    if (structures.has(key) || window.some(({ analysis }) => analysis.key === key)) {
      return { ...child, origin: "structure", probe: "" };
    }
    const probe = prober.fingerprint(analysis);
    const isKnown = probes.has(probe) ||
      window.some((other) => other.origin === "training" && other.probe === probe);
    if (isKnown) return { ...child, origin: "updates", probe };
    const rival = tune && shapes.get(shapeOf(space, analysis.genome));
    return { ...child, origin: "training", probe, rival };
  };
}

/** When a training is stopped that begins after those that gave the scores at the hurdle. */
export function stopOf(
  { below = STOP.below, hurdle }: SearchOptions,
  hurdles: readonly number[],
): Stop {
  if (hurdle === undefined) return { below };
  const sorted = Float64Array.from(hurdles).sort();
  const above = sorted.length < LATE / 5
    ? -Infinity
    : sorted[Math.floor(sorted.length * hurdle.quantile)];
  return { below, hurdle: { share: hurdle.share, above } };
}
