/** The trainings of a sweep: by a scorer, each once, and kept in a journal. */
import { GradusError } from "../../dsl/errors.ts";
import type { Scorer, Setting } from "../evolve/scorer.ts";
import type { Evaluation } from "../tasks/evaluator.ts";
import { type Trial, trialKey } from "../trials/trial.ts";
import type { Journal } from "./journal.ts";

/** Trains, or remembers what was trained. */
export type Train = (trials: readonly Trial[]) => Promise<readonly Evaluation[]>;

/** Trials bring their own tasks. */
const SETTING: Setting = { tasks: [] };

/** Trains by a scorer what the journal does not have, and keeps it there; tells of each that is over. */
export function trainer(
  scorer: Scorer,
  journal: Journal | undefined,
  ended: () => void,
): Train {
  const train = async (key: string, trial: Trial): Promise<Evaluation> => {
    const [evaluation] = await scorer.score({ setting: SETTING, candidates: [{ trial }] });
    if (evaluation.isLost) {
      throw new GradusError(
        `Cannot sweep: a worker died of a training on ${trial.task}, or gave it up as too long`,
      );
    }
    await journal?.add(key, evaluation);
    return evaluation;
  };
  // Lists of values come to the same trials again and again.
  const trained = new Map<string, Evaluation | Promise<Evaluation>>(journal?.known);
  return (list) =>
    Promise.all(list.map(async (trial) => {
      const key = trialKey(trial);
      let evaluation = trained.get(key);
      if (evaluation === undefined) trained.set(key, evaluation = train(key, trial));
      evaluation = await evaluation;
      ended();
      return evaluation;
    }));
}
