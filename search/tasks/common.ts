/** What all tasks have in common: a name, steps, seeds and the schedule. */
import { GradusError } from "../../dsl/errors.ts";
import { type Kind, type Kinds, needed, requireOptions, TEXT, whole } from "../../dsl/options.ts";
import { isRecord } from "../../dsl/record.ts";
import { cosine } from "../programs/exact_math.ts";

/** What all tasks have: they are plain data, which can be sent to workers and saved. */
export interface TaskBase {
  /** What messages and reports call it. */
  readonly name: string;
  /** Updates. */
  readonly steps: number;
  /** A problem for each of these: its numbers are drawn from the seed alone. */
  readonly seeds: readonly number[];
  /**
   * How many factors of the learning rate each program is trained with, the first of them 1; the one of the
   * best mean over the seeds counts. Default 1.
   */
  readonly rates?: number;
}

/** What all tasks have. */
export const BASE: Kinds<TaskBase> = {
  name: needed(TEXT),
  steps: needed(whole(1, 1e6)),
  seeds: needed({
    is: (value) => Array.isArray(value) && value.length > 0 && value.every(Number.isInteger),
    must: "whole numbers, at least one",
  }),
  rates: whole(1, 100),
};

/** Tasks of any kind; what is in them is checked where they are made ready. */
export const TASK_LIST: Kind = {
  is: (value) => Array.isArray(value) && value.every(isRecord),
  must: "a list of tasks",
};

/** Checks what a task says of itself: it may come from a module or from another machine. */
export function checkTask<T extends TaskBase>(task: T, kinds: Kinds<T>): void {
  requireOptions(`Cannot make task "${task.name}"`, task, kinds);
}

/** Says what a task must be and is not. */
export function refuse({ name }: TaskBase, requirement: string, given: string): never {
  throw new GradusError(`Cannot make task "${name}": ${requirement}: given ${given}`);
}

/** The schedule of all tasks: a rise to 1 within a twentieth of the steps, then a cosine to 0. */
export function scheduleOf(steps: number): Float64Array {
  const warmup = Math.ceil(steps / 20);
  return Float64Array.from(
    { length: steps },
    (_, step) =>
      step < warmup
        ? (step + 1) / warmup
        : 0.5 + 0.5 * cosine(0.5 * (step - warmup) / Math.max(1, steps - warmup)),
  );
}
