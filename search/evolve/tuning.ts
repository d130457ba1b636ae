/** Tunes the constants of children, so that selection sees what a structure is worth. */
import { analyse } from "../analysis/analyse.ts";
import type { Genome } from "../programs/genome.ts";
import type { SearchOptions } from "./options.ts";
import type { Space } from "../programs/space.ts";
import type { Scored, TunedChild } from "./population.ts";
import { shapeOf, together, tuning } from "./powell.ts";

/**
 * Tunes children that come near their parents and are of a shape of their own, or better than all of their
 * shape; `shapes` holds the best score of each and is brought up to date. What is not tuned is undefined.
 */
export async function tuneChildren(
  space: Space,
  { evaluations, margin = 0.05 }: NonNullable<SearchOptions["tune"]>,
  shapes: Map<string, number>,
  scored: readonly Scored[],
  scoresOf: (genomes: readonly Genome[]) => Promise<readonly number[]>,
): Promise<readonly (TunedChild | undefined)[]> {
  const runs = scored.map(({ child, score }) => {
    const { analysis: { genome }, origin, parent } = child;
    if (origin !== "training" || !(score >= parent.score - margin)) return undefined;
    const shape = shapeOf(space, genome);
    if (score <= (shapes.get(shape) ?? -Infinity)) return undefined;
    shapes.set(shape, score);
    const run = tuning(space, { genome, score }, { evaluations, least: parent.score });
    return { shape, run, trained: 0 };
  });
  const ended = await together(runs.map((each) => each?.run), (genomes, owners) => {
    for (const i of owners) runs[i]!.trained++;
    return scoresOf(genomes);
  });
  return runs.map((each, i) => {
    if (each === undefined) return undefined;
    const { genome, score } = ended[i]!;
    if (score > shapes.get(each.shape)!) shapes.set(each.shape, score);
    return { analysis: analyse(space, genome), score, trained: each.trained };
  });
}
