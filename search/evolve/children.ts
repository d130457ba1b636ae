/** Makes the children of a search: proposes a program, and tells what is known of it. */
import { analyse, shapeOf } from "../analysis/structure.ts";
import type { Prober } from "../machine/replay.ts";
import type { Genome } from "../programs/genome.ts";
import { DRAWS, Random } from "../programs/random.ts";
import type { Space } from "../programs/space.ts";
import { STOP, type Stop } from "../tasks/evaluator.ts";
import type { Individual } from "./archive.ts";
import type { SearchOptions } from "./options.ts";
import { type Child, founders, LATE, type SearchState } from "./population.ts";
import { proposer } from "./propose.ts";
import type { Fitness } from "./survival.ts";

/**
 * What makes the next child of a state. It follows from the state and the child's number alone, which keys
 * all that is drawn for it.
 */
export function childMaker(
  space: Space,
  init: readonly Genome[],
  prober: Prober,
  options: SearchOptions,
  fitness: Fitness,
): (state: SearchState) => Child {
  const propose = proposer(space, options, fitness);
  const { seed = 1, tune, redraws = 0 } = options;
  let first: readonly Individual[] | undefined;
  return ({ counts, population, window, structures, probes, shapes, hurdles }) => {
    const birth = counts.generated + window.length;
    const random = new Random(seed, DRAWS.birth, birth);
    first ??= founders(space, init, structures);
    for (let left = redraws;; left--) {
      const { genome, ...made } = propose({ population, first }, random, birth);
      const analysis = analyse(space, genome);
      const { key } = analysis;
      const child = { analysis, ...made, birth, stop: stopOf(options, hurdles) };
      const isSame = structures.has(key) || window.some(({ analysis }) => analysis.key === key);
      const probe = isSame ? "" : prober.fingerprint(analysis);
      const isKnown = isSame || probes.has(probe) ||
        window.some((other) => other.origin === "training" && other.probe === probe);
      if (!isKnown) {
        const rival = tune && shapes.get(shapeOf(space, genome));
        return { ...child, origin: "training", probe, rival };
      }
      if (left === 0) return { ...child, origin: isSame ? "structure" : "updates", probe };
      counts.redrawn++;
    }
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
