/** Who takes part in the benchmark: anything that can step a task at a size. */
import type { Task } from "./tasks.ts";

/** A contestant made ready for one cell: arrays placed, code compiled. */
export interface Stepper {
  /** One step; only a contestant that cannot finish at once returns a promise. */
  step(): void | Promise<void>;
  /** Makes so many steps ready, as far as that is not to be timed. */
  prepare?(steps: number): void;
  /** Gives back what was taken. */
  close?(): void | Promise<void>;
  /** The parameters as they are by now, for those that have any. */
  result?(): Float32Array | Promise<Float32Array>;
  /** Which of its variants runs, where there are several. */
  readonly chosen?: string;
  /** What each variant took, in milliseconds a step. */
  readonly tried?: Readonly<Record<string, number>>;
}

/** Why a contestant has no figure in a cell. */
export class Absent {
  constructor(readonly reason: string) {}
}

/** One row of the table for each task that it takes. */
export interface Contestant {
  /** What the row is called. */
  readonly name: string;
  /** Whether it can do the task at all; where not, it has no row. */
  takes(task: Task): boolean;
  /** Sizes above this one would take too long. */
  readonly largest?: number;
  /** Makes it ready. */
  open(task: Task, size: number): Stepper | Absent | Promise<Stepper | Absent>;
}
