/** What an optimizer is to its user. */
import type { Program } from "../dsl/program.ts";
import type { Setting } from "./trees/hyperparameters.ts";
import type { State } from "./trees/state.ts";
import type { InitOptions, StateStorage } from "./trees/state_storage.ts";
import type { Backend } from "./plan/variants.ts";

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

/**
 * A program with values for its hyperparameters.
 *
 * Parameters are trees of `Float32Array`, `Float64Array`, {@linkcode Tensor} and
 * {@linkcode StoredTensor}. One that is stored short computes in float32 from a float32 copy that the
 * state keeps as `master`: a step adds to the copy, and the parameter is the copy rounded to nearest
 * even. So no step is lost for being small. Gradients of it may be as short as it is, or float32.
 *
 * @example
 * ```ts
 * import { sgd, type StoredTensor, type Tensor } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * // 1 as bfloat16; the next number above it is 1 + 2^-7.
 * const w: StoredTensor = { data: Uint16Array.of(0x3f80), shape: [1], dtype: "bfloat16" };
 * const g: StoredTensor = { data: Uint16Array.of(0xbf80), shape: [1], dtype: "bfloat16" }; // -1
 * const opt = sgd({ learningRate: 2 ** -10 });
 * const state = opt.init({ w });
 * for (let step = 0; step < 8; step++) opt.step({ w }, { w: g }, state);
 * assertEquals((state.master as { w: Tensor }).w.data, Float32Array.of(1 + 2 ** -7));
 * assertEquals(w.data, Uint16Array.of(0x3f81));
 * ```
 */
export interface Optimizer {
  /** What a step computes. */
  readonly program: Program;
  /** The hyperparameters it was made with. */
  readonly settings: ReadonlyMap<string, Setting>;
  /** Types that states are stored in where they differ from the parameter's. */
  readonly storage: StateStorage;
  /** The state before the first step; of resident parameters, a resident one. */
  init(params: Disposable, options?: InitOptions): State & Disposable;
  /**
   * The state before the first step. What its arrays are stored as is told by the arrays from then on,
   * whatever the optimizer was made with.
   *
   * @throws {GradusError} if `options` name a state that there is not, or one that is a number.
   */
  init(params: object, options?: InitOptions): State;
  /**
   * What to add to the parameters, and the next state; nothing given is changed. `params` may be
   * left out if the program does not read them and none is short.
   *
   * The updates of a short parameter are float32: how far it is from the rounded master copy of the next
   * state. Where nothing is to be seen of a small step yet, that is -0, and the step is in the copy; so the
   * state must be carried on, and transforms of short parameters be joined by {@linkcode chain}.
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
