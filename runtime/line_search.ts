/** Steps whose length is found by trials: a direction, and a function of loss and gradient. */
import { parseProgram } from "../dsl/check.ts";
import { GradusError, shown } from "../dsl/errors.ts";
import { symbol } from "../dsl/node.ts";
import type { Program } from "../dsl/program.ts";
import { applyUpdates } from "./apply.ts";
import { bind, type LineSearch, type Optimizer, type RunOptions } from "./optimizer.ts";
import type { StepInputs } from "./step/device.ts";
import type { StepOptions } from "./step/options.ts";
import { MASTER } from "./trees/master.ts";
import type { State } from "./trees/state.ts";
import type { StateKinds } from "./trees/typed.ts";
import { requireOptimizer } from "./wrap.ts";

/** What is known of the loss at one place of a line. */
export interface Place {
  /** How far from the parameters it is, in updates. */
  readonly learningRate: number;
  /** The loss. */
  readonly value: number;
  /** How fast it grows along the line; NaN if no gradient is asked for. */
  readonly slope: number;
  /** Its gradient, if it is asked for. */
  readonly grad: object | undefined;
}

/** A line from the parameters along an update. */
export interface Line {
  /** The parameters. */
  readonly start: Place;
  /** The rate that was found last, and 1 at first. */
  readonly lastRate: number;
  /** The loss at `learningRate` updates from the parameters. */
  at(learningRate: number): Place;
}

/** What a search has found. */
export interface Found {
  readonly place: Place;
  /** How many places it has looked at. */
  readonly steps: number;
  /** By how much the place misses what is asked of its loss; 0 if it does not. */
  readonly decreaseError: number;
  /** By how much it misses what is asked of its slope. */
  readonly curvatureError?: number;
}

/** How a search goes. */
export interface Search {
  /** The name of the function that makes it. */
  readonly name: string;
  /** What takes what is found: its states follow from the inputs `found…`. */
  readonly program: Program;
  /** Whether it looks at gradients, or at the loss alone. */
  readonly needsGradient: boolean;
  /** Finds a place. */
  find(line: Line): Found;
}

/** The name of the input for each part of what is found. */
const INPUT = {
  learningRate: "foundLearningRate",
  value: "foundValue",
  grad: "foundGrad",
  steps: "foundSteps",
  decreaseError: "foundDecreaseError",
  curvatureError: "foundCurvatureError",
};

// A copy of the gradient stays when the caller's function writes over its arrays.
const SLOPE = /* @__PURE__ */ parseProgram({
  name: "slope",
  inputs: { along: "element" },
  state: { slope: { over: "tree" } },
  step: "slope = globalSum(g*along)\nu = g",
});

const MOVE = /* @__PURE__ */ parseProgram({
  name: "move",
  inputs: { learningRate: "scalar" },
  step: "u = learningRate*g",
});

/** The transform that a search is, to be the last part of a chain. */
export function searching<S extends StateKinds>(search: Search): Optimizer<S, never> {
  const { name, program } = search;
  const made: LineSearch = {
    name,
    around: (direct, options) =>
      new Searching(direct, search, made, options) as unknown as Optimizer,
  };
  return bind({ program, settings: new Map(), storage: new Map(), search: made });
}

/** The state that takes an input as it is. */
function stateOf({ search, program }: Optimizer, input: string, doing: string): string {
  const taken = program.statements.find(({ value }) => value === symbol(input))?.target;
  if (search !== undefined && taken !== undefined) return taken;
  throw new GradusError(`${doing}: it must search along a line and keep what it finds there`);
}

class Searching implements Omit<Optimizer, "init" | "update" | "evaluationParams"> {
  readonly program: Program;
  readonly settings: Optimizer["settings"];
  readonly storage: Optimizer["storage"];
  readonly search: LineSearch;
  readonly init: Optimizer["init"];
  readonly evaluationParams: Optimizer["evaluationParams"];
  readonly #direct: Optimizer;
  readonly #how: Search;
  readonly #slope: Optimizer;
  readonly #move: Optimizer;

  constructor(direct: Optimizer, how: Search, search: LineSearch, options: RunOptions) {
    ({ program: this.program, settings: this.settings, storage: this.storage } = direct);
    [this.search, this.#direct, this.#how] = [search, direct, how];
    const helper = (program: Program) =>
      bind({ program, settings: new Map(), storage: new Map() }, options);
    [this.#slope, this.#move] = [helper(SLOPE), helper(MOVE)];
    this.init = direct.init.bind(direct) as Optimizer["init"];
    this.evaluationParams = direct.evaluationParams.bind(direct);
  }

  with(options: RunOptions): Optimizer {
    return this.search.around(this.#direct.with(options), options);
  }

  update<P extends object>(
    gradients: P,
    state: State,
    params?: P,
    inputs: StepInputs = {},
    options?: StepOptions,
  ): [updates: P, state: State] {
    const doing = `Cannot update by "${this.program.name}"`;
    if (params === undefined) {
      throw new GradusError(
        `${doing}: it looks at the loss of other parameters: they must be given as third argument`,
      );
    }
    const found = this.#find(params, gradients, state, inputs, options, doing);
    return this.#direct.update(found.gradients, state, params, found.inputs);
  }

  step<P extends object>(
    params: P,
    gradients: P,
    state: State,
    inputs: StepInputs = {},
    options?: StepOptions,
  ): void {
    const doing = `Cannot step by "${this.program.name}"`;
    const found = this.#find(params, gradients, state, inputs, options, doing);
    this.#direct.step(params, found.gradients, state, found.inputs);
  }

  /** Searches the line of the step, and gives the inputs of a step to the place that was found. */
  #find<P extends object>(
    params: P,
    given: P,
    state: State,
    inputs: StepInputs,
    options: StepOptions | undefined,
    doing: string,
  ): { readonly gradients: P; readonly inputs: StepInputs } {
    const { needsGradient } = this.#how;
    const ask = functionOf(inputs, needsGradient, doing);
    const value = requireLoss(inputs?.value, "input `value`", doing);
    const rate = stateOf(this as unknown as Optimizer, INPUT.learningRate, doing);
    if (options?.missing === "skip") {
      throw new GradusError(`${doing}: it needs the gradients of all parameters: given \`skip\``);
    }
    const wanted = {
      [INPUT.grad]: given,
      ...Object.fromEntries(
        Object.values(INPUT).filter((name) => name !== INPUT.grad).map((name) => [name, 1]),
      ),
    };
    const [along] = this.#direct.update(given, state, params, { ...inputs, ...wanted });
    if (Object.hasOwn(state, MASTER)) {
      throw new GradusError(
        `${doing}: parameters must be float32 or float64: some are stored in 16 bits`,
      );
    }
    const move = this.#move.init(along);
    const start = this.#slope.init(along);
    const measured = (grad: object): { readonly slope: number; readonly grad: P } => {
      const [copy, { slope }] = this.#slope.update(grad as P, start, undefined, { along });
      return { slope: slope as number, grad: copy };
    };
    const begin = measured(given);
    const line: Line = {
      start: { learningRate: 0, value, ...begin },
      lastRate: state[rate] as number,
      at: (learningRate) => {
        const [updates] = this.#move.update(along, move, undefined, { learningRate });
        const { value, grad } = ask(applyUpdates(params, updates));
        return {
          learningRate,
          value,
          ...grad === undefined ? { slope: NaN, grad } : measured(grad),
        };
      },
    };
    const { place, ...others } = this.#how.find(line);
    const all: Readonly<Record<string, unknown>> = { ...place, ...others };
    const found = Object.entries(INPUT).map(([name, input]) => [input, all[name]]);
    return { gradients: begin.grad, inputs: { ...inputs, ...Object.fromEntries(found) } };
  }
}

/** What the caller's function says of parameters. */
type Ask = (params: object) => { readonly value: number; readonly grad: object | undefined };

/** The function among the inputs of a step. */
function functionOf(inputs: StepInputs, needsGradient: boolean, doing: string): Ask {
  const { valueFn, valueAndGrad } = inputs ?? {};
  if (!needsGradient && typeof valueFn === "function") {
    return (params) => ({
      value: requireLoss(valueFn(params), "what `valueFn` gives", doing),
      grad: undefined,
    });
  }
  if (typeof valueAndGrad !== "function") {
    const what = needsGradient
      ? "input `valueAndGrad` must be a function from parameters to [loss, gradients]"
      : "input `valueFn` must be a function from parameters to their loss";
    throw new GradusError(`${doing}: ${what}: given ${shown(valueAndGrad ?? valueFn)}`);
  }
  return (params) => {
    const [value, grad] = requireBoth(valueAndGrad(params), doing);
    return { value, grad: needsGradient ? grad : undefined };
  };
}

/** The loss and the gradients that a function gives. */
function requireBoth(given: unknown, doing: string): [value: number, grad: object] {
  const what = "what `valueAndGrad` gives";
  if (!Array.isArray(given) || given.length !== 2) {
    throw new GradusError(
      `${doing}: ${what} must be [loss, gradients], at once: given ${shown(given)}`,
    );
  }
  return [requireLoss(given[0], `the loss of ${what}`, doing), given[1]];
}

/** A loss may be infinite or NaN, where trials go too far. */
function requireLoss(given: unknown, what: string, doing: string): number {
  if (typeof given === "number") return given;
  throw new GradusError(`${doing}: ${what} must be a number: given ${shown(given)}`);
}

/**
 * The loss and gradient that the search before has found at its last place, as a state of `optimizer` keeps
 * them; before the first step, and where the loss is not finite, what `valueAndGrad` gives. So a function
 * that needs no data is not asked again where it has just been.
 *
 * @example
 * ```ts
 * import { lbfgs, scaleByZoomLinesearch, valueAndGradFromState } from "@gradus/gradus";
 * import { assert, assertEquals } from "@std/assert";
 *
 * let asked = 0;
 * const square = (x: Float64Array): [number, Float64Array] => {
 *   asked++;
 *   return [x.reduce((sum, value) => sum + value * value, 0), x.map((value) => 2 * value)];
 * };
 * const opt = lbfgs({ linesearch: scaleByZoomLinesearch({ maxLinesearchSteps: 20 }) });
 * const x = Float64Array.of(1, 2, 3);
 * const state = opt.init(x);
 * const known = valueAndGradFromState(opt, square);
 * for (let step = 0; step < 2; step++) {
 *   const [value, grad] = known(x, state);
 *   opt.step(x, grad, state, { value, valueAndGrad: square });
 * }
 * assert(square(x)[0] < 1e-12);
 * assertEquals(asked, 5); // at first, twice in each of the searches less one, and at last
 * ```
 *
 * @throws {GradusError} if `optimizer` does not keep them: it has no search, or one that stores no gradient.
 */
export function valueAndGradFromState<P extends object>(
  optimizer: Optimizer,
  valueAndGrad: (params: P) => readonly [value: number, gradients: P],
): (params: P, state: State) => readonly [value: number, gradients: P] {
  const doing = "Cannot take value and gradient from a state";
  requireOptimizer(optimizer, "`optimizer`", doing);
  const [value, grad] = [INPUT.value, INPUT.grad].map((input) => stateOf(optimizer, input, doing));
  return (params, state) => {
    const last = state[value] as number;
    return Number.isFinite(last) ? [last, state[grad] as P] : valueAndGrad(params);
  };
}
