/** One training of an optimizer, as plain data that any machine can do, and what comes of it. */
import { parseJson } from "../../dsl/json.ts";
import type { Program } from "../../dsl/program.ts";
import { schedule } from "../../dsl/schedules/mod.ts";
import type { Optimizer } from "../../runtime/optimizer.ts";
import { BUILT_IN } from "../../zoo/by_name.ts";
import { log } from "../programs/exact_math.ts";
import { makeOf, RATE, shaped, shapeOf } from "./entrant.ts";
import type { RaceTask } from "./task.ts";
import { TASKS } from "./tasks.ts";
import { type Run, type Shape, train } from "./train.ts";

/** What a hyperparameter or another option of an optimizer is set to; a text may be a schedule. */
export type Setting = number | boolean | string;

/** One training; its outcome follows from this alone. */
export interface Trial {
  /** The name of a built-in optimizer, or the JSON text of another program. */
  readonly optimizer: string;
  /** Its options. A number for `learningRate` is the peak of its schedule. */
  readonly options: Readonly<Record<string, Setting>>;
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

/** What comes of a training. */
export interface Outcome {
  /** ln(first loss / last loss), of the loss that is chosen by; -∞ if the training diverged. */
  readonly score: number;
  /** If it is scored, the training loss at each mark of {@linkcode marksOf} that was reached. */
  readonly losses: readonly number[];
  /** If it is scored, the held-out scores at the same marks. */
  readonly scores: readonly number[];
}

/** No loss counts as smaller. */
const LEAST = 2 ** -1000;

const tasks = new Map<string, Promise<RaceTask> | RaceTask>();

/** A task by name, made once. */
export async function taskOf(name: string): Promise<RaceTask> {
  let task = tasks.get(name);
  if (task === undefined) tasks.set(name, task = TASKS.get(name)!());
  return await task;
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

/** Trains. */
export async function runTrial(trial: Trial): Promise<Outcome> {
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
  if (!isScored) return { score, losses: [], scores };
  const sound = losses.findIndex((loss) => !Number.isFinite(loss));
  return { score, losses: sound === -1 ? losses : losses.slice(0, sound), scores };
}

function ended(running: Generator<number, Run>): Run {
  for (;;) {
    const next = running.next();
    if (next.done) return next.value;
  }
}
