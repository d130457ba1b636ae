/** Tunes the constants of one program: a baseline, and what finishes a search. */
import { analyse } from "../analysis/analyse.ts";
import { Evaluator, type Stop } from "../tasks/evaluator.ts";
import { type Genome, parseGenome, printGenome } from "../programs/genome.ts";
import { space as makeSpace, type SpaceOptions } from "../programs/space.ts";
import type { Task } from "../tasks/task.ts";
import { tuning } from "./powell.ts";

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
  const stop: Stop | undefined = below === undefined ? undefined : { below };
  const scoreOf = (genome: Genome) => {
    const { score } = evaluator.evaluate(analyse(known, genome), stop);
    return Number.isNaN(score) ? -Infinity : score;
  };
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
