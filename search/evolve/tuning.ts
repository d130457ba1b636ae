/** Tunes the constants of a program: as a baseline, to finish a search, or of a child of a search. */
import { type Kinds, NUMBER, RECORD, requireOptions, whole } from "../../dsl/options.ts";
import { analyse } from "../analysis/structure.ts";
import { type Genome, parseGenome, printGenome } from "../programs/genome.ts";
import { type Space, space as makeSpace, type SpaceOptions } from "../programs/space.ts";
import { type Evaluation, Evaluator, type Task } from "../tasks/evaluator.ts";
import { TASKS } from "./check.ts";
import { type Tuned, tuning } from "./powell.ts";

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

const KINDS: Kinds<TuneOptions> = {
  tasks: TASKS,
  evaluations: whole(1),
  space: RECORD,
  below: NUMBER,
};

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
 * @throws {GradusError} if the text is no program of the space, or an option cannot be used.
 */
export async function tuneConstants(
  text: string,
  options: TuneOptions,
): Promise<TunedConstants> {
  requireOptions("Cannot tune constants", options, KINDS);
  const { tasks, evaluations = 200, space, below } = options;
  const known = makeSpace(space);
  const evaluator = await Evaluator.of(known, tasks);
  const stop = below === undefined ? undefined : { below };
  const scoresOf = (genome: Genome) => evaluator.evaluate(analyse(known, genome), stop);
  const genome = parseGenome(known, text);
  const before = scoresOf(genome);
  const { genome: tuned, score, trained } = await tuneGenome(
    known,
    { ...before, genome },
    { evaluations },
    (genomes) => Promise.resolve(genomes.map(scoresOf)),
  );
  return { text: printGenome(known, tuned), score, before: before.score, trained: trained + 1 };
}

/** A program with tuned constants, and how many programs were trained for it. */
export async function tuneGenome(
  space: Space,
  first: Tuned,
  options: { readonly evaluations: number; readonly least?: number },
  scoresOf: (genomes: readonly Genome[]) => Promise<readonly Evaluation[]>,
): Promise<Tuned & { readonly trained: number }> {
  const run = tuning(space, first, options);
  let [trained, next] = [0, run.next()];
  while (!next.done) {
    trained += next.value.length;
    next = run.next(await scoresOf(next.value));
  }
  return { ...next.value, trained };
}
