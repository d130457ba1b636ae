/** What workers are told and answer, and how they train what they are told to. */
import { analyse } from "../analysis/structure.ts";
import type { Genome } from "../programs/genome.ts";
import { type Space, space as makeSpace, type SpaceOptions } from "../programs/space.ts";
import { type Evaluation, Evaluator, type Stop, type Task } from "../tasks/evaluator.ts";

/** What a worker is told. */
export type Order =
  | { readonly space: SpaceOptions; readonly tasks: readonly Task[] }
  | { readonly genomes: readonly Genome[]; readonly stop: Stop };
/** What a worker answers: that it is ready, results, or why it is not. */
export type Answer =
  | { readonly ready: true }
  | { readonly evaluations: readonly Evaluation[] }
  | { readonly refused: string };

/** Whatever a program or a task's own code throws costs one evaluation. */
export function evaluateSafely(
  space: Space,
  evaluator: Evaluator,
  genome: Genome,
  stop: Stop,
): Evaluation {
  try {
    return evaluator.evaluate(analyse(space, genome), stop);
  } catch {
    return { score: -Infinity, scores: [] };
  }
}

/** Serves orders in a worker; first it says that it is there. */
export function serve(answer: (answer: Answer) => void): (order: Order) => Promise<void> {
  let prepared: { space: Space; evaluator: Evaluator } | undefined;
  answer({ ready: true });
  return async (order) => {
    try {
      if ("tasks" in order) {
        const space = makeSpace(order.space);
        prepared = { space, evaluator: await Evaluator.of(space, order.tasks) };
        answer({ ready: true });
        return;
      }
      const { space, evaluator } = prepared!;
      answer({
        evaluations: order.genomes.map((genome) =>
          evaluateSafely(space, evaluator, genome, order.stop)
        ),
      });
    } catch (error) {
      answer({ refused: error instanceof Error ? error.message : String(error) });
    }
  };
}
