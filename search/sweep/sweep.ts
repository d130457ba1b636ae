/** Sweeps: optimizers with hyperparameters from ranges and lists, trained on tasks, and the best of each told. */
import { FUNCTION, having, type Kinds, RECORD, requireOptions, TEXT } from "../../dsl/options.ts";
import { localScorer } from "../evolve/local_scorer.ts";
import { curvesOf, type OptionValue, taskOf, type Trial } from "../trials/trial.ts";
import { marksOf } from "../trials/train.ts";
import type { RaceTask } from "../trials/task.ts";
import { type Plan as Checked, planOf, requireSettings } from "./check.ts";
import type { Entrant } from "./entrants.ts";
import { importanceOf } from "./importance.ts";
import { openJournal } from "./journal.ts";
import type {
  SweepOptions,
  SweepResult,
  SweepRun,
  SweepRuns,
  SweepTrial,
  SweptOptimizer,
} from "./options.ts";
import { proposer } from "./propose.ts";
import type { Known } from "./tpe.ts";
import { type Train, trainer } from "./trainer.ts";

const RUN: Kinds<SweepRun> = {
  programs: RECORD,
  scorer: having("what scores programs, such as localScorer({ workers: 2 })", "score"),
  checkpoint: TEXT,
  progress: FUNCTION,
};

/** A sweep whose tasks are loaded. */
type Plan = Omit<Checked, "tasks"> & { readonly tasks: readonly RaceTask[] };

/**
 * Tries hyperparameters of optimizers on tasks, and tells the best of each. The score of a training is
 * ln(first loss / last loss), by the loss that is chosen by; that of a trial is the mean over tasks and seeds,
 * and a trial of which any training diverges is behind all others. The best of each optimizer then runs on
 * other seeds, and is told by those. The same options give the same result on every machine.
 *
 * @example
 * ```ts
 * import { sweep } from "@gradus/gradus/search";
 * import { assert } from "@std/assert";
 *
 * const { optimizers: [first] } = await sweep({
 *   optimizers: { lion: { learningRate: { log: [1e-4, 1] }, weightDecay: [0, 0.01] } },
 *   tasks: ["quadratics"],
 *   seeds: 1,
 *   method: "sobol",
 *   trials: 4,
 *   steps: 30,
 * });
 * const { options, score } = first.trials[first.best!];
 * assert(score! > 0 && options.learningRate !== undefined);
 * ```
 *
 * @throws {GradusError} if the options cannot be run; nothing is trained then.
 */
export async function sweep(options: SweepOptions & SweepRun): Promise<SweepResult> {
  requireSettings(options, Object.keys(RUN));
  const { programs, progress, checkpoint: path, scorer = localScorer(), ...given } = options;
  requireOptions<SweepRun>("Cannot sweep", { programs, progress, checkpoint: path, scorer }, RUN);
  const checked = planOf(given, programs ?? {});
  const plan = { ...checked, tasks: await Promise.all(checked.tasks.map(taskOf)) };
  const journal = path === undefined ? undefined : await openJournal(path);
  try {
    return await run(plan, trainer(scorer, journal, told(plan, progress)));
  } finally {
    await journal?.close();
    if (options.scorer === undefined) await scorer.close();
  }
}

/** Counts trainings that are over. */
function told({ entrants, tasks, seeds }: Plan, progress: SweepRun["progress"]): () => void {
  // The best of each runs once more.
  const trials = entrants.reduce((sum, each) => sum + each.trials + 1, 0);
  let done = 0;
  return () => progress?.(++done, trials * tasks.length * seeds.length);
}

async function run(plan: Plan, train: Train): Promise<SweepResult> {
  const { tasks, seeds, otherSeeds, method, seed, entrants } = plan;
  const swept = await Promise.all(entrants.map((each) => sweepOne(plan, each, train)));
  const optimizers = swept.map((each, place) => ({ each, place, mean: meanOf(each) }))
    .sort((a, b) => b.mean === a.mean ? a.place - b.place : b.mean - a.mean)
    .map(({ each }) => each);
  return { tasks: tasks.map(({ name }) => name), seeds, otherSeeds, method, seed, optimizers };
}

/** The mean score on the other seeds; -∞ if any diverged. */
function meanOf({ runs }: SweptOptimizer): number {
  return runs.length === 0 ? -Infinity : mean(runs.flatMap(({ scores }) => scores));
}

async function sweepOne(plan: Plan, entrant: Entrant, train: Train): Promise<SweptOptimizer> {
  const { tasks, seeds, method, seed, parallel } = plan;
  const { name, swept, dimensions } = entrant;
  const propose = proposer(method, dimensions, seed);
  const running: Promise<SweepTrial>[] = [];
  const known: Known[] = [];
  for (let trial = 0; trial < entrant.trials; trial++) {
    if (trial >= parallel) {
      const { options, score } = await running[trial - parallel];
      known.push({
        values: dimensions.map(({ name }) => options[name]),
        score: score ?? -Infinity,
      });
    }
    const values = propose(trial, known);
    running.push(scored(trial, optionsOf(entrant, values)));
    // Of what fails, the first that is waited for tells.
    running[trial].catch(() => {});
  }
  const trials = await Promise.all(running);

  async function scored(trial: number, options: SweepTrial["options"]): Promise<SweepTrial> {
    const evaluations = await train(trialsOf(plan, entrant, options, seeds, false));
    const all = evaluations.map(({ score }) => finite(score));
    const scores = tasks.map((_, i) => all.slice(i * seeds.length, (i + 1) * seeds.length));
    return { trial, options, score: finite(mean(all)), scores };
  }

  const scores = trials.map(({ score }) => score ?? -Infinity);
  const most = Math.max(...scores);
  const best = most === -Infinity ? null : scores.indexOf(most);
  return {
    name,
    swept,
    trials,
    diverged: scores.filter((score) => score === -Infinity).length,
    best,
    importance: Object.fromEntries(dimensions.map((dimension) => [
      dimension.name,
      importanceOf(dimension, trials.map(({ options }) => options[dimension.name]), scores),
    ])),
    runs: best === null ? [] : await runsOf(plan, entrant, trials[best].options, train),
  };
}

function optionsOf(
  { fixed, dimensions }: Entrant,
  values: readonly OptionValue[],
): Readonly<Record<string, OptionValue>> {
  return Object.fromEntries([
    ...Object.entries(fixed),
    ...dimensions.map(({ name }, i): [string, OptionValue] => [name, values[i]]),
  ]);
}

/** The trainings of some options: task by task, and seed by seed. */
function trialsOf(
  { tasks, steps, schedule }: Plan,
  { target }: Entrant,
  options: SweepTrial["options"],
  seeds: readonly number[],
  isScored: boolean,
): Trial[] {
  return tasks.flatMap((task) =>
    seeds.map((seed) => ({
      optimizer: target,
      options,
      ...(schedule !== undefined && { schedule }),
      task: task.name,
      steps: steps ?? task.steps,
      seed,
      isScored,
    }))
  );
}

/** How options do on other seeds. */
async function runsOf(
  plan: Plan,
  entrant: Entrant,
  options: SweepTrial["options"],
  train: Train,
): Promise<SweepRuns[]> {
  const { tasks, otherSeeds, steps } = plan;
  const evaluations = await train(trialsOf(plan, entrant, options, otherSeeds, true));
  return tasks.map((task, i) => {
    const own = evaluations.slice(i * otherSeeds.length, (i + 1) * otherSeeds.length);
    const marks = marksOf(steps ?? task.steps);
    return {
      task: task.name,
      scored: task.score.name,
      marks,
      scores: own.map(({ score }) => finite(score)),
      // Not where it is the score once more.
      held: !task.score.hasCurve
        ? []
        : own.map((each) =>
          each.score === -Infinity ? null : curvesOf(each).scores[marks.length - 1] ?? null
        ),
      losses: own.map((each) => curvesOf(each).losses),
    };
  });
}

function finite(number: number): number | null {
  return Number.isFinite(number) ? number : null;
}

/** -∞ if any is null. */
function mean(numbers: readonly (number | null)[]): number {
  return numbers.reduce<number>((sum, x) => sum + (x ?? -Infinity), 0) / numbers.length;
}
