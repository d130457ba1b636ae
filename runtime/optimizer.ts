/** What an optimizer is to its user. */
import { GradusError, shown } from "../dsl/errors.ts";
import { ANY, type Kinds, requireOptions } from "../dsl/options.ts";
import { BACKENDS } from "./backends/choose.ts";
import { defaultThreads, MOST_THREADS } from "./backends/wasm/threads.ts";
import { HostDevice } from "./devices/host/device.ts";
import { type Configured, ruleOf } from "./step/rule.ts";
import type { Rule } from "./step/device.ts";
import type { StepForm } from "./step/form.ts";
import type { PartialTree, StepOptions } from "./step/options.ts";
import { Step } from "./step/step.ts";
import { requireStorable } from "./step/storable.ts";
import type { HostArray } from "./trees/dtype.ts";
import { disposable, isResident } from "./trees/placement.ts";
import type { State } from "./trees/state.ts";
import type { StateBeside, StateKinds, StorageChoice } from "./trees/typed.ts";
import { type InitOptions, storageWith } from "./trees/state_storage.ts";
import type { Backend } from "./plan/forms.ts";

/** How an optimizer runs. */
export interface RunOptions {
  /**
   * WebAssembly SIMD (the default), compiled JavaScript, or the interpreter that defines what a program
   * means. Where a program or a place does not allow one, the next one runs.
   */
  readonly backend?: Backend;
  /**
   * How many threads may step resident parameters, the caller included; the result has the same bits for
   * any number. Default: one per core where threads can share memory, else 1.
   */
  readonly threads?: number;
}

const RUN_OPTIONS: Kinds<RunOptions> = { backend: ANY, threads: ANY };

/**
 * A program with values for its hyperparameters.
 *
 * Parameters are trees of `Float32Array`, `Float64Array`, {@linkcode Tensor} and
 * {@linkcode StoredTensor}; a `Float16Array`, in a tensor or bare, is stored as float16. A parameter that
 * is stored in 16 bits has a float32 copy, which the state keeps as `master`. A step computes in float32 and adds
 * to the copy, and the parameter is the copy rounded to nearest even, so no small step is lost. Its
 * gradients may be float32 or in its own type.
 *
 * @example
 * ```ts
 * import { sgd, type StoredTensor } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * // 1 as bfloat16; the next number above it is 1 + 2^-7.
 * const w: StoredTensor = { data: Uint16Array.of(0x3f80), shape: [1], dtype: "bfloat16" };
 * const g: StoredTensor = { data: Uint16Array.of(0xbf80), shape: [1], dtype: "bfloat16" }; // -1
 * const opt = sgd({ learningRate: 2 ** -10 });
 * const state = opt.init({ w });
 * for (let step = 0; step < 8; step++) opt.step({ w }, { w: g }, state);
 * assertEquals(state.master?.w.data, Float32Array.of(1 + 2 ** -7));
 * assertEquals(w.data, Uint16Array.of(0x3f81));
 * ```
 *
 * Its type has the names of its states and hyperparameters if TypeScript sees the document:
 * `opt.init({ w }).m.w` is an array. A plain `Optimizer` may have any.
 */
export interface Optimizer<
  S extends StateKinds = Record<never, never>,
  Hyper extends string = string,
> extends Configured {
  /** Only for types, and never there: what is known of its states and hyperparameters. */
  readonly types?: { readonly states: S; readonly hyper: Hyper };
  /** The state before the first step; of resident parameters, a resident one. */
  init<O extends Optimizer, P extends object, const C extends StorageChoice = Record<never, never>>(
    this: O,
    params: P & Disposable,
    options?: InitOptions<C>,
  ): InitialState<O, P, C> & Disposable;
  /**
   * The state before the first step. From then on the arrays themselves say how they are stored, whatever
   * options the optimizer was made with.
   *
   * @throws {GradusError} if `options` name a state that does not exist or is a number, or store one in
   * too few bits for what a step does with it.
   */
  init<O extends Optimizer, P extends object, const C extends StorageChoice = Record<never, never>>(
    this: O,
    params: P,
    options?: InitOptions<C>,
  ): InitialState<O, P, C>;
  /**
   * What to add to the parameters, and the next state; nothing given is changed. `params` may be left out
   * if the program does not read them and none is stored in 16 bits.
   *
   * The updates of a parameter that is stored in 16 bits are float32: the way from it to the rounded
   * master copy of the next state. If a step is too small to be seen there, the update is -0 and the step
   * is in the copy. So keep the state, and join transforms of such parameters by {@linkcode chain}.
   */
  update<P extends object, T extends State = State>(
    gradients: P,
    state: T,
    params?: P,
    inputs?: Readonly<Record<string, unknown>>,
  ): [updates: P, state: T extends Disposable ? State : T];
  /**
   * What to add to the parameters, where gradients may be missing: {@linkcode StepOptions} says what
   * happens then. The update of a skipped parameter is -0, which changes no bit when it is added.
   */
  update<P extends object, T extends State = State>(
    gradients: PartialTree<P>,
    state: T,
    params: P,
    inputs: Readonly<Record<string, unknown>> | undefined,
    options: StepOptions,
  ): [updates: P, state: T extends Disposable ? State : T];
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
  /**
   * One step in place where gradients may be missing, such as those of parameters that the loss did not
   * use: {@linkcode StepOptions} says what happens then. Inputs that are trees may lack the same leaves.
   *
   * @example
   * ```ts
   * import { adamw } from "@gradus/gradus";
   * import { assertEquals } from "@std/assert";
   *
   * const opt = adamw({ learningRate: 0.5 });
   * const params = { used: Float32Array.of(1), unused: Float32Array.of(1) };
   * const state = opt.init(params);
   * const gradients = { used: Float32Array.of(3), unused: null };
   * opt.step(params, gradients, state, {}, { missing: "skip" });
   * assertEquals(params.unused, Float32Array.of(1)); // it does not decay either
   * assertEquals(state.m, { used: Float32Array.of(0.3), unused: Float32Array.of(0) });
   * ```
   *
   * @throws {GradusError} for the default, `missing: "error"`, if a gradient is missing.
   */
  step<P extends object>(
    params: P,
    gradients: PartialTree<P>,
    state: State,
    inputs: Readonly<Record<string, unknown>> | undefined,
    options: StepOptions,
  ): void;
  /**
   * The parameters to evaluate with, as the program says: a new tree of arrays like those of `params`;
   * 16-bit ones are rounded to nearest even. For most programs these are the parameters as they are; for
   * one that averages, the average. Nothing given is changed, and training goes on from `params`.
   *
   * @example
   * ```ts
   * import { scheduleFreeSgd } from "@gradus/gradus";
   * import { assertEquals } from "@std/assert";
   *
   * const opt = scheduleFreeSgd({ learningRate: 1, b1: 0.5 });
   * const y = Float32Array.of(4);
   * const state = opt.init(y);
   * opt.step(y, Float32Array.of(1), state); // z is 3, and so is the average of it alone
   * opt.step(y, Float32Array.of(1), state); // z is 2, the average of both 2.5
   * assertEquals(y, Float32Array.of(2.25));
   * assertEquals(opt.evaluationParams(y, state), Float32Array.of(2.5));
   * ```
   *
   * @throws {GradusError} if the state does not belong to these parameters, or the program divides by a
   * hyperparameter that is fixed at 0, such as the `b1` of a schedule-free optimizer.
   */
  evaluationParams<P extends object>(params: P & Disposable, state: State): P;
  /** The parameters to evaluate with, as the program says. */
  evaluationParams<P extends object>(params: P, state: State): P;
  /** What its steps ask a function of the caller; an optimizer that asks runs in host memory alone. */
  readonly oracle?: Oracle | undefined;
  /** The same optimizer, run in another way. */
  with(options: RunOptions): Optimizer<S, Hyper>;
}

/** What asks a function of the caller for what a step needs besides its program. */
export interface Oracle {
  /** The name of the function that made it. */
  readonly name: string;
  /** The optimizer that asks for `direct`, whose steps take the answers as inputs. */
  around(direct: Optimizer, options: RunOptions): Optimizer;
}

/** What the type of an optimizer tells of its states. */
export type StatesIn<O> = O extends Optimizer<infer S, infer _Hyper> ? S : Record<never, never>;

/** What the type of an optimizer tells of the names of its hyperparameters. */
export type HyperIn<O> = O extends Optimizer<infer _S, infer Hyper> ? Hyper : string;

/** The state that an optimizer `O` begins with beside parameters `P`, some stored as `C` says. */
export type InitialState<O extends Optimizer, P, C extends StorageChoice = Record<never, never>> =
  O extends Optimizer ? StateBeside<P, StatesIn<O>, HyperIn<O>, C> : never;

/** An optimizer of `configured`, whose settings have been checked. */
export function bind<S extends StateKinds, Hyper extends string>(
  { oracle, ...configured }: Configured & { readonly oracle?: Oracle | undefined },
  options: RunOptions = {},
): Optimizer<S, Hyper> {
  const made = new HostOptimizer(configured, options) as unknown as Optimizer<S, Hyper>;
  return oracle === undefined ? made : oracle.around(made, options) as Optimizer<S, Hyper>;
}

class HostOptimizer implements Omit<Optimizer, "init" | "update"> {
  readonly program: Configured["program"];
  readonly settings: Configured["settings"];
  readonly storage: Configured["storage"];
  readonly #device: HostDevice;
  readonly #rule: Rule<StepForm>;
  #made: Step<HostArray, StepForm> | undefined;

  constructor(
    configured: Configured,
    { backend = "wasm", threads = defaultThreads() }: RunOptions,
  ) {
    const { program } = configured;
    if (!BACKENDS.includes(backend)) {
      throw new GradusError(
        `Cannot run "${program.name}": \`backend\` must be one of ${BACKENDS.join(", ")}: ` +
          `given ${shown(backend)}`,
      );
    }
    if (!Number.isInteger(threads) || threads < 1 || threads > MOST_THREADS) {
      throw new GradusError(
        `Cannot run "${program.name}": \`threads\` must be a whole number from 1 to ${MOST_THREADS}: ` +
          `given ${shown(threads)}`,
      );
    }
    this.program = program;
    this.settings = configured.settings;
    this.storage = configured.storage;
    this.#rule = ruleOf(configured);
    this.#device = new HostDevice({ backend, threads });
  }

  get #step(): Step<HostArray, StepForm> {
    return this.#made ??= new Step(this.#rule, this.#device);
  }

  with(options: RunOptions): Optimizer {
    requireOptions(`Cannot run "${this.program.name}"`, options, RUN_OPTIONS);
    return bind(this, { ...options });
  }

  init(params: object, options: InitOptions = {}): State {
    const doing = `Cannot initialise "${this.program.name}"`;
    const storage = storageWith(this.program, this.storage, options, doing);
    requireStorable(this.program, this.settings, storage, doing);
    const state = this.#step.init(params, doing, storage);
    return isResident(params) ? disposable(state) : state;
  }

  update<P extends object>(
    gradients: PartialTree<P>,
    state: State,
    params?: P,
    inputs: Readonly<Record<string, unknown>> = {},
    options?: StepOptions,
  ): [updates: P, state: State] {
    const doing = `Cannot update by "${this.program.name}"`;
    return this.#step.update(gradients as P, state, params, inputs, doing, options) as [P, State];
  }

  evaluationParams<P extends object>(params: P, state: State): P {
    const doing = `Cannot evaluate by "${this.program.name}"`;
    return this.#step.evaluate(params, state, doing) as P;
  }

  step<P extends object>(
    params: P,
    gradients: PartialTree<P>,
    state: State,
    inputs: Readonly<Record<string, unknown>> = {},
    options?: StepOptions,
  ): void {
    const doing = `Cannot step by "${this.program.name}"`;
    this.#step.step(params, gradients as P, state, inputs, doing, options);
  }
}
