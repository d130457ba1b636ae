/** What a sweep is told, and what it tells. */
import type { Program } from "../../dsl/program.ts";
import type { Scorer } from "../evolve/scorer.ts";
import type { Shape } from "../trials/train.ts";
import type { OptionValue } from "../trials/trial.ts";

/**
 * What a hyperparameter is in a sweep: a value of its own, a list of values, or all that lies between two
 * numbers, both included. On `log` equal factors are equally likely, on `uniform` equal differences. A grid has
 * so many `points` of it.
 */
export type Swept =
  | OptionValue
  | readonly OptionValue[]
  | { readonly log: readonly [number, number]; readonly points?: number }
  | { readonly uniform: readonly [number, number]; readonly points?: number };

/** How a sweep chooses what it tries. */
export type SweepMethod = "grid" | "random" | "sobol" | "tpe";

/** What a sweep is told; a file of `gradus sweep` says the same. */
export interface SweepOptions {
  /** The optimizers by name, each with what its options are; what is not named stays as published. */
  readonly optimizers: Readonly<Record<string, Readonly<Record<string, Swept>>>>;
  /** The tasks by name, as in `gradus race`. */
  readonly tasks: readonly string[];
  /** The seeds that each trial runs on, or how many: 3 is 1, 2 and 3. Default 2. */
  readonly seeds?: number | readonly number[];
  /**
   * How trials are chosen: all of a grid, at random, by Sobol' points, or by what earlier trials told (TPE).
   * Default `"tpe"`.
   */
  readonly method?: SweepMethod;
  /** The trials of each optimizer; of a grid the most that it may have. Default 40, and any for a grid. */
  readonly trials?: number;
  /** The updates of a run. Default: the task's. */
  readonly steps?: number;
  /** How learning rates go over a run. Default: constant for what averages its way, or else cosine. */
  readonly schedule?: Shape;
  /** What all that is random follows from. Default 1. */
  readonly seed?: number;
  /**
   * How many trials of an optimizer run at a time. TPE draws trial i from trials 0 to i - parallel, however
   * many workers there are, so this is a part of what is found. Default 4.
   */
  readonly parallel?: number;
}

/** How a sweep is run, on which its result does not depend. */
export interface SweepRun {
  /** The programs of names in `optimizers` that are not built in. */
  readonly programs?: Readonly<Record<string, Program>>;
  /** What trains. Default: this thread. */
  readonly scorer?: Scorer;
  /**
   * A file in which each training is kept when it is over. A sweep that finds a training there does not do it
   * again, so that one which was stopped at any moment goes on, and one that was changed trains what is new.
   */
  readonly checkpoint?: string;
  /** Told whenever a training is over: how many are, and of how many. */
  readonly progress?: (done: number, all: number) => void;
}

/** A trial of an optimizer. */
export interface SweepTrial {
  /** Its number among those of its optimizer, from 0. */
  readonly trial: number;
  /** What it set. */
  readonly options: Readonly<Record<string, OptionValue>>;
  /** The mean of `scores`; null if any training diverged. */
  readonly score: number | null;
  /** ln(first loss / last loss) of each task and seed, seed by seed; null of a training that diverged. */
  readonly scores: readonly (readonly (number | null)[])[];
}

/** How the best of an optimizer did on a task, on seeds that it was not chosen on. */
export interface SweepRuns {
  /** The task. */
  readonly task: string;
  /** What `held` are. */
  readonly scored: string;
  /** The steps after which curves have a point. */
  readonly marks: readonly number[];
  /** ln(first loss / last loss) of each seed; null if the training diverged. */
  readonly scores: readonly (number | null)[];
  /**
   * What the task scores in the end, of each seed, such as the accuracy on held-out examples; empty if that
   * says what `scores` say.
   */
  readonly held: readonly (number | null)[];
  /** The training loss at each mark that was reached, for each seed. */
  readonly losses: readonly (readonly number[])[];
}

/** How an optimizer did. */
export interface SweptOptimizer {
  /** Its name. */
  readonly name: string;
  /** What was tried of it: names of hyperparameters, and the values or ranges. */
  readonly swept: Readonly<Record<string, Swept>>;
  /** Its trials in their order. */
  readonly trials: readonly SweepTrial[];
  /** How many of them diverged. */
  readonly diverged: number;
  /** The number of the best of them; null if all diverged. */
  readonly best: number | null;
  /** Share of the scores' variance that each hyperparameter explains by itself; null where it cannot be told. */
  readonly importance: Readonly<Record<string, number | null>>;
  /** The best on each task, on other seeds; empty if there is none. */
  readonly runs: readonly SweepRuns[];
}

/** What a sweep gave: plain data, so that it is also the JSON. */
export interface SweepResult {
  /** The tasks by name. */
  readonly tasks: readonly string[];
  /** The seeds that each trial ran on. */
  readonly seeds: readonly number[];
  /** The seeds that the best of each optimizer ran on in the end. */
  readonly otherSeeds: readonly number[];
  /** How trials were chosen. */
  readonly method: SweepMethod;
  /** What all that was random followed from. */
  readonly seed: number;
  /** The optimizers, the best on the other seeds first. */
  readonly optimizers: readonly SweptOptimizer[];
}
