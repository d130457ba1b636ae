/** Carries what a search found on to larger tasks: few pass a stage, so that each can cost more. */
import { type Space, space as makeSpace, type SpaceOptions } from "../programs/space.ts";
import { Evaluator, type Task } from "../tasks/evaluator.ts";
import type { Individual } from "./archive.ts";
import { type RankCorrelation, rankCorrelation } from "./ranks.ts";
import { evaluateSafely } from "./serve.ts";

/** A stage: its tasks, and how many of the best go on. */
export interface Stage {
  /** What is trained. */
  readonly tasks: readonly Task[];
  /** How many go on. */
  readonly keep: number;
}

/** A program that reached a stage, and how it did there. */
export interface Passed {
  /** The program. */
  readonly individual: Individual;
  /** The score of each stage that it came to. */
  readonly scores: readonly number[];
}

/**
 * Stages, made ready once, since tasks of many elements take a while to draw.
 *
 * @example
 * ```ts
 * import { Funnel, larger, quadratic, searched } from "@gradus/gradus/search";
 * import { assertEquals } from "@std/assert";
 *
 * const task = quadratic({ size: 16, steps: 40 });
 * const funnel = await Funnel.of([
 *   { tasks: [larger(task, 10)], keep: 2 },
 *   { tasks: [larger(task, 100)], keep: 1 },
 * ]);
 * const { hall } = await searched({ tasks: [task], budget: { trained: 40 } });
 * const passed = funnel.pass(hall);
 * assertEquals(passed.slice(0, 3).map(({ scores }) => scores.length), [2, 2, 1]);
 * ```
 */
export class Funnel {
  readonly #space: Space;
  readonly #stages: readonly { readonly evaluator: Evaluator; readonly keep: number }[];

  private constructor(
    space: Space,
    stages: readonly { readonly evaluator: Evaluator; readonly keep: number }[],
  ) {
    [this.#space, this.#stages] = [space, stages];
  }

  /** Prepares stages for programs of a space, the paper's if none is given. */
  static async of(stages: readonly Stage[], options: SpaceOptions = {}): Promise<Funnel> {
    const space = makeSpace(options);
    const prepared: { evaluator: Evaluator; keep: number }[] = [];
    for (const { tasks, keep } of stages) {
      prepared.push({ evaluator: await Evaluator.of(space, tasks), keep });
    }
    return new Funnel(space, prepared);
  }

  /**
   * Scores individuals on stage after stage; those that are not kept stay behind with the scores they
   * have. The best of the last stage come first.
   */
  pass(individuals: readonly Individual[]): Passed[] {
    let running: Passed[] = individuals.map((individual) => ({ individual, scores: [] }));
    const behind: Passed[] = [];
    for (const { evaluator, keep } of this.#stages) {
      running = running.map(({ individual, scores }) => {
        const { score } = evaluateSafely(this.#space, evaluator, individual.genome, NEVER);
        return { individual, scores: [...scores, score] };
      }).sort((a, b) => last(b) - last(a));
      behind.unshift(...running.splice(keep));
    }
    return [...running, ...behind];
  }
}

/**
 * How far the order of each tier is that of the next, of all that came to both: the first tier is the search's
 * own. Few pass a stage, so that the later numbers are of few programs, and of good ones only.
 *
 * @example
 * ```ts
 * import { Funnel, larger, quadratic, rankCorrelations, searched } from "@gradus/gradus/search";
 * import { assert } from "@std/assert";
 *
 * const task = quadratic({ size: 16, steps: 40 });
 * const funnel = await Funnel.of([{ tasks: [larger(task, 10)], keep: Infinity }]);
 * const { hall } = await searched({ tasks: [task], budget: { trained: 60 } });
 * const [{ rho }] = rankCorrelations(funnel.pass(hall));
 * assert(rho >= -1 && rho <= 1);
 * ```
 */
export function rankCorrelations(passed: readonly Passed[]): RankCorrelation[] {
  const tiers = passed.map(({ individual, scores }) => [individual.score, ...scores]);
  const stages = Math.max(0, ...passed.map(({ scores }) => scores.length));
  return Array.from({ length: stages }, (_, stage) =>
    rankCorrelation(
      tiers.flatMap((scores) =>
        stage + 1 < scores.length ? [[scores[stage], scores[stage + 1]] as const] : []
      ),
    ));
}

/** Larger tasks are trained to their end, however badly it goes meanwhile. */
const NEVER = { below: -Infinity };

const last = ({ scores }: Passed): number => {
  const score = scores[scores.length - 1];
  // -∞ less -∞ would be no order.
  return Math.max(score, -Number.MAX_VALUE);
};
