/** Steps whose length is found by trials: a direction, and a function of loss and gradient. */
import { once } from "../dsl/once.ts";
import { parseProgram } from "../dsl/check.ts";
import { GradusError, shown } from "../dsl/errors.ts";
import { symbol } from "../dsl/node.ts";
import type { Program } from "../dsl/program.ts";
import { applyUpdates } from "./apply.ts";
import type { Optimizer } from "./optimizer.ts";
import { type Answer, type Asked, asking } from "./oracle.ts";
import type { StepInputs } from "./step/device.ts";
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
const SLOPE = /* @__PURE__ */ once(() =>
  parseProgram({
    name: "slope",
    inputs: { gradients: "element" },
    state: { slope: { over: "tree" } },
    step: "slope = globalSum(g*gradients)\nu = gradients",
  })
);

const MOVE = /* @__PURE__ */ once(() =>
  parseProgram({
    name: "move",
    inputs: { learningRate: "scalar" },
    step: "u = learningRate*g",
  })
);

/** The transform that a search is, to be the last part of a chain. */
export function searching<S extends StateKinds>(search: Search): Optimizer<S, never> {
  const { name, program } = search;
  return asking({ program, settings: new Map(), storage: new Map() }, {
    name,
    answer: (asked, direct, made, doing) => searched(search, asked, direct, made, doing),
  });
}

/** The state that takes an input as it is. */
function stateOf({ program }: Optimizer, input: string, doing: string): string {
  const taken = program.statements.find(({ value }) => value === symbol(input))?.target;
  if (taken !== undefined) return taken;
  throw new GradusError(`${doing}: it must search along a line and keep what it finds there`);
}

/** Searches the line of a step, and gives the inputs of one to the place that was found. */
function searched(
  { needsGradient, find }: Search,
  { params, gradients, state, inputs }: Asked,
  direct: Optimizer,
  made: (program: Program) => Optimizer,
  doing: string,
): Answer {
  const ask = functionOf(inputs, needsGradient, doing);
  const value = requireLoss(inputs?.value, "input `value`", doing);
  const rate = stateOf(direct, INPUT.learningRate, doing);
  const whole = {
    ...Object.fromEntries(Object.values(INPUT).map((input) => [input, 1])),
    [INPUT.grad]: gradients,
  };
  const [along] = direct.update(gradients, state, params, { ...inputs, ...whole });
  const [move, slope] = [made(MOVE()), made(SLOPE())];
  const [moves, slopes] = [move.init(along), slope.init(along)];
  const measured = (grad: object): { readonly slope: number; readonly grad: object } => {
    const [copy, next] = slope.update(along, slopes, undefined, { gradients: grad });
    return { slope: next.slope as number, grad: copy };
  };
  const begin = measured(gradients);
  const line: Line = {
    start: { learningRate: 0, value, ...begin },
    lastRate: state[rate] as number,
    at: (learningRate) => {
      const [updates] = move.update(along, moves, undefined, { learningRate });
      const { value, grad } = ask(applyUpdates(params, updates));
      const rest = grad === undefined ? { slope: NaN, grad } : measured(grad);
      return { learningRate, value, ...rest };
    },
  };
  const { place, ...others } = find(line);
  const all: Readonly<Record<string, unknown>> = { ...place, ...others };
  const found = Object.entries(INPUT).map(([name, input]) => [input, all[name]]);
  return { gradients: begin.grad, inputs: { ...inputs, ...Object.fromEntries(found) } };
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
 * assertEquals(asked, 4); // at first, by the searches, and at last
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
