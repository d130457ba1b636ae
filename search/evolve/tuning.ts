/** Tunes constants: of one program, as a baseline and to finish a search, or of the children of a search. */
import { analyse, shapeOf } from "../analysis/structure.ts";
import { type Genome, parseGenome, printGenome } from "../programs/genome.ts";
import { type Space, space as makeSpace, type SpaceOptions } from "../programs/space.ts";
import { Evaluator, type Task } from "../tasks/evaluator.ts";
import type { SearchOptions } from "./options.ts";
import type { Scored, TunedChild } from "./population.ts";
import { together, tuning } from "./powell.ts";

/** How constants are tuned. */
export interface TuneOptions {
  /** What the program is trained on. */
  readonly tasks: readonly Task[];
  /** Programs that are trained, about. Default 200. */
  readonly evaluations?: number;
  /** What the program is made of. Default: the paper's space. */
  readonly space?: SpaceOptions;
  /** Scores below this end a training. Default: as in a search. */
  readonly below?: number;
}

/** A program with tuned constants. */
export interface TunedConstants {
  /** The text of the program. */
  readonly text: string;
  /** Its score. */
  readonly score: number;
  /** The score of what was given. */
  readonly before: number;
  /** Programs that were trained. */
  readonly trained: number;
}

/**
 * Tunes the constants of a program that matter by Powell's method, which draws nothing at random: the same
 * program and tasks give the same constants.
 *
 * @example
 * ```ts
 * import { ADAMW, quadraticProxy, tuneConstants } from "@gradus/gradus/search";
 * import { assert } from "@std/assert";
 *
 * const { text, score, before } = await tuneConstants(ADAMW, { tasks: quadraticProxy(2), evaluations: 30 });
 * assert(score > before && text.includes("update = div(m, sqrt_v)"));
 * ```
 *
 * @throws {GradusError} if the text is no program of the space.
 */
export async function tuneConstants(
  text: string,
  { tasks, evaluations = 200, space, below }: TuneOptions,
): Promise<TunedConstants> {
  const known = makeSpace(space);
  const evaluator = await Evaluator.of(known, tasks);
  const stop = below === undefined ? undefined : { below };
  const scoreOf = (genome: Genome) => evaluator.evaluate(analyse(known, genome), stop).score;
  const genome = parseGenome(known, text);
  const before = scoreOf(genome);
  const run = tuning(known, { genome, score: before }, { evaluations });
  let [trained, next] = [1, run.next()];
  while (!next.done) {
    trained += next.value.length;
    next = run.next(next.value.map(scoreOf));
  }
  const { genome: tuned, score } = next.value;
  return { text: printGenome(known, tuned), score, before, trained };
}

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
