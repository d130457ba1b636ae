/** What all tasks have in common: a name, steps, seeds and the schedule. */
import { GradusError, shown } from "../../dsl/errors.ts";
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

/** Checks what all tasks have. */
export function checkTask(task: TaskBase): void {
  const { steps, seeds, rates = 1 } = task;
  if (!Number.isInteger(steps) || steps < 1 || steps > 1e6) {
    refuse(task, "`steps` must be a whole number from 1 to 1000000", shown(steps));
  }
  if (seeds.length === 0 || !seeds.every(Number.isInteger)) {
    refuse(task, "`seeds` must be whole numbers, at least one", shown(seeds));
  }
  if (!Number.isInteger(rates) || rates < 1 || rates > 100) {
    refuse(task, "`rates` must be a whole number from 1 to 100", shown(rates));
  }
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
