/** What an optimizer is to its user. */
import type { Program } from "../dsl/program.ts";
import type { Setting } from "./hyper.ts";
import type { State } from "./state.ts";
import type { StorageType } from "./storage.ts";
import type { Backend } from "./variants.ts";

/** How an optimizer runs. */
export interface RunOptions {
  /**
   * WebAssembly SIMD (the default), compiled JavaScript, or the interpreter that defines what a program
   * means. Where a program or a place does not allow one, the next one runs.
   */
  readonly backend?: Backend;
  /**
   * How many threads may step resident parameters, the caller among them; results have the same bits for
   * any number. Default: one a core where memory can be shared between threads, else 1.
   */
  readonly threads?: number;
}

/** A program with values for its hyperparameters. */
export interface Optimizer {
  /** What a step computes. */
  readonly program: Program;
  /** The hyperparameters it was made with. */
  readonly settings: ReadonlyMap<string, Setting>;
  /** Types that states are stored in where they differ from the parameter's. */
  readonly storage: ReadonlyMap<string, StorageType>;
  /** The state before the first step; of resident parameters, a resident one. */
  init(params: Disposable): State & Disposable;
  /** The state before the first step. */
  init(params: object): State;
  /**
   * What to add to the parameters, and the next state; nothing given is changed. `params` may be
   * left out if the program does not read them.
   */
  update<P extends object>(
    gradients: P,
    state: State,
    params?: P,
    inputs?: Readonly<Record<string, unknown>>,
  ): [updates: P, state: State];
  /** One step in place on resident parameters; their gradients need not be resident. */
  step<P extends object>(
    params: P & Disposable,
    gradients: P,
    state: State,
    inputs?: Readonly<Record<string, unknown>>,
  ): void;
  /** One step in place: changes the arrays of `params` and `state`. */
  step<P extends object>(
    params: P,
    gradients: P,
    state: State,
    inputs?: Readonly<Record<string, unknown>>,
  ): void;
  /** The same optimizer, run in another way. */
  with(options: RunOptions): Optimizer;
}
