/** One training of an optimizer, as plain data that any machine can do, and what comes of it. */
import { isRecord } from "../../dsl/record.ts";
import { digestOf } from "../../dsl/digest.ts";
import { GradusError, quoted } from "../../dsl/errors.ts";
import { parseJson } from "../../dsl/json.ts";
import type { Program } from "../../dsl/program.ts";
import { schedule } from "../../dsl/schedules/mod.ts";
import type { Optimizer } from "../../runtime/optimizer.ts";
import { BUILT_IN } from "../../zoo/by_name.ts";
import { log } from "../programs/exact_math.ts";
import type { Evaluation } from "../tasks/evaluator.ts";
import { makeOf, RATE, shaped, shapeOf } from "./entrant.ts";
import type { RaceTask } from "./task.ts";
import { TASKS } from "./tasks.ts";
import { type Run, type Shape, train } from "./train.ts";

/** What a hyperparameter or another option of an optimizer is set to; a text may be a schedule. */
export type OptionValue = number | boolean | string;

/** One training; its outcome follows from this alone. */
export interface Trial {
  /** The name of a built-in optimizer, or the JSON text of another program. */
  readonly optimizer: string;
  /** Its options. A number for `learningRate` is the peak of its schedule. */
  readonly options: Readonly<Record<string, OptionValue>>;
  /** How the learning rate goes over the run. Default: constant for what averages its way, or else cosine. */
  readonly schedule?: Shape;
  /** The name of a task. */
  readonly task: string;
  /** How many updates. */
  readonly steps: number;
  /** What the start and the batches follow from. */
  readonly seed: number;
  /** Whether it is also scored on what is held out, along the way. */
  readonly isScored: boolean;
}

/** The curves of a training that was scored: a number at each mark of {@linkcode marksOf} that was reached. */
export interface Curves {
  readonly losses: readonly number[];
  readonly scores: readonly number[];
}

/** What training code this is: other code that gives other numbers has another number here. */
const VERSION = 1;

/** A name for what a training gives: equal only for what always gives the same. */
export function trialKey(trial: Trial): string {
  const { optimizer, options, schedule, task, steps, seed, isScored } = trial;
  const named = Object.entries(options).toSorted(([a], [b]) => a < b ? -1 : 1)
    // JSON has no infinity, and no sign of 0.
    .map(([name, value]) => [name, typeof value === "number" ? [text(value)] : value]);
  const parts = [VERSION, optimizer, named, schedule ?? null, task, steps, seed, isScored];
  return digestOf(JSON.stringify(parts));
}

function text(number: number): string {
  return Object.is(number, -0) ? "-0" : String(number);
}

/** The most updates of a training. */
export const MOST_STEPS = 1_000_000;
/** No loss counts as smaller. */
const LEAST = 2 ** -1000;

const tasks = new Map<string, Promise<RaceTask> | RaceTask>();

/** A task by name, made once; what could not be loaded is tried again. */
export async function taskOf(name: string): Promise<RaceTask> {
  let task = tasks.get(name);
  if (task === undefined) {
    const make = TASKS.get(name);
    if (make === undefined) throw new GradusError(`Cannot train: there is no task ${quoted(name)}`);
    tasks.set(name, task = make());
  }
  try {
    return await task;
  } catch (error) {
    tasks.delete(name);
    throw error;
  }
}

/** Refuses what came in a message and is no trial. */
function check({ optimizer, options, schedule, task, steps, seed, isScored }: Trial): void {
  const isSound = typeof optimizer === "string" && typeof task === "string" && isRecord(options) &&
    Object.values(options).every((value) => /number|boolean|string/.test(typeof value)) &&
    (schedule === undefined || schedule === "cosine" || schedule === "constant") &&
    Number.isInteger(steps) && steps >= 1 && steps <= MOST_STEPS &&
    Number.isInteger(seed) && typeof isScored === "boolean";
  if (!isSound) throw new GradusError("Cannot train: what is to be trained must be a trial");
}

/** The optimizer that options make of a program; `name` is what it was asked for by. */
export function optimizerOf(
  name: string,
  program: Program,
  { options, schedule: shape, steps }: Pick<Trial, "options" | "schedule" | "steps">,
): Optimizer {
  const read = Object.fromEntries(
    Object.entries(options).map(([key, value]) => {
      const isSchedule = typeof value === "string" && program.hyper.has(key);
      return [key, isSchedule ? schedule(value) : value];
    }),
  );
  return makeOf(name, program)(shaped(read, shapeOf(program, read[RATE], shape), steps));
}

/**
 * Trains. The score is ln(first loss / last loss), of the loss that is chosen by, and -∞ of a training that
 * diverged; beside it stand the curves, which {@linkcode curvesOf} reads, if it is scored.
 */
export async function runTrial(trial: Trial): Promise<Evaluation> {
  check(trial);
  const { optimizer, steps, seed, isScored } = trial;
  const program = BUILT_IN.get(optimizer)?.program ?? parseJson(optimizer);
  const task = await taskOf(trial.task);
  const opt = optimizerOf(optimizer, program, trial);
  const { first, losses, scores, validation } = ended(
    train(opt, { task, problem: task.problem(seed), steps, isScored }),
  );
  const score = validation === Infinity
    ? -Infinity
    : log(Math.max(first, LEAST)) - log(Math.max(validation, LEAST));
  if (!isScored) return { score, scores: [] };
  const end = losses.findIndex((loss, i) => !Number.isFinite(loss) || !Number.isFinite(scores[i]));
  const reached = end === -1 ? losses.length : end;
  return { score, scores: [...losses.slice(0, reached), ...scores.slice(0, reached)] };
}

/** The curves of a training that was scored. */
export function curvesOf({ scores: both }: Evaluation): Curves {
  const half = both.length / 2;
  return { losses: both.slice(0, half), scores: both.slice(half) };
}

function ended(running: Generator<number, Run>): Run {
  for (;;) {
    const next = running.next();
    if (next.done) return next.value;
  }
}
