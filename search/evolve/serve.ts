/** What workers are told and answer, and how they score what they are told to. */
import { parseJson } from "../../dsl/json.ts";
import { factory } from "../../runtime/define.ts";
import { analyse } from "../analysis/structure.ts";
import type { Genome } from "../programs/genome.ts";
import { type Space, space as makeSpace } from "../programs/space.ts";
import { type Evaluation, Evaluator, type Stop } from "../tasks/evaluator.ts";
import type { Candidate, Setting } from "./scorer.ts";

/** What a worker is told: a setting under its version, or what to score in one that it was told. */
export type Order =
  | { readonly version: string; readonly setting: Setting }
  | { readonly version: string; readonly candidates: readonly Candidate[] };
/** What a worker answers: that it is ready, results, or why it is not. */
export type Answer =
  | { readonly ready: true }
  | { readonly evaluations: readonly Evaluation[] }
  | { readonly refused: string };

/** What a program gets that cannot be trained at all. */
const FAILED: Evaluation = { score: -Infinity, scores: [] };

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
    return FAILED;
  }
}

/** The evaluation of an optimizer whose learning rate, if it is a number, follows the schedule. */
function evaluateOptimizer(
  evaluator: Evaluator,
  { program, options }: Extract<Candidate, { readonly program: string }>,
): Evaluation {
  try {
    const make = factory(parseJson(program));
    const { learningRate } = options;
    return evaluator.evaluateOptimizer((schedule) =>
      make({
        ...options,
        ...(typeof learningRate === "number" &&
          { learningRate: (count: number) => learningRate * schedule(count) }),
      })
    );
  } catch {
    return FAILED;
  }
}

/** Serves orders in a worker; first it says that it is there. */
export function serve(answer: (answer: Answer) => void): (order: Order) => Promise<void> {
  const prepared = new Map<string, { readonly space: Space; readonly evaluator: Evaluator }>();
  answer({ ready: true });
  return async (order) => {
    try {
      if ("setting" in order) {
        const space = makeSpace(order.setting.space);
        const evaluator = await Evaluator.of(space, order.setting.tasks);
        prepared.set(order.version, { space, evaluator });
        return answer({ ready: true });
      }
      const { space, evaluator } = prepared.get(order.version)!;
      answer({
        evaluations: order.candidates.map((candidate) =>
          "genome" in candidate
            ? evaluateSafely(space, evaluator, candidate.genome, candidate.stop)
            : evaluateOptimizer(evaluator, candidate)
        ),
      });
    } catch (error) {
      answer({ refused: error instanceof Error ? error.message : String(error) });
    }
  };
}
