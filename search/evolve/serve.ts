/** What workers are told and answer, and how they score what they are told to. */
import { GradusError } from "../../dsl/errors.ts";
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

/** What is kept of a setting; one without tasks is for trials alone. */
interface Prepared {
  readonly space: Space;
  readonly evaluator: Evaluator | undefined;
}

async function evaluationOf(
  { space, evaluator }: Prepared,
  candidate: Candidate,
): Promise<Evaluation> {
  if ("trial" in candidate) {
    // All optimizers, which a search does not need.
    const { runTrial, taskOf } = await import("../trials/trial.ts");
    // What a machine cannot load is no fault of the optimizer.
    await taskOf(candidate.trial.task);
    return await runTrial(candidate.trial).catch(() => FAILED);
  }
  if (evaluator === undefined) throw new GradusError("Cannot train programs: there is no task");
  return "genome" in candidate
    ? evaluateSafely(space, evaluator, candidate.genome, candidate.stop)
    : evaluateOptimizer(evaluator, candidate);
}

/** Serves orders in a worker; first it says that it is there. */
export function serve(answer: (answer: Answer) => void): (order: Order) => Promise<void> {
  const prepared = new Map<string, Prepared>();
  answer({ ready: true });
  return async (order) => {
    try {
      if ("setting" in order) {
        const { space: options, tasks } = order.setting;
        const space = makeSpace(options);
        const evaluator = tasks.length === 0 ? undefined : await Evaluator.of(space, tasks);
        prepared.set(order.version, { space, evaluator });
        return answer({ ready: true });
      }
      const known = prepared.get(order.version)!;
      const evaluations: Evaluation[] = [];
      for (const each of order.candidates) evaluations.push(await evaluationOf(known, each));
      answer({ evaluations });
    } catch (error) {
      answer({ refused: error instanceof Error ? error.message : String(error) });
    }
  };
}
