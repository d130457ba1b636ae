/** Steps of a length that lowers the loss and its slope enough. */
import { once } from "../../dsl/once.ts";
import { parseProgram } from "../../dsl/check.ts";
import { type Found, type Line, type Place, searching } from "../../runtime/line_search.ts";
import type { Optimizer } from "../../runtime/optimizer.ts";
import { ownOptions, requireChoice } from "../../runtime/options.ts";
import { searchOptions } from "./search_options.ts";

/** Options of {@linkcode scaleByZoomLinesearch}. */
export interface ZoomLinesearchOptions {
  /** At how many places the search looks at most. */
  maxLinesearchSteps: number;
  /** The largest rate. Default: none, as for null. */
  maxLearningRate?: number | null;
  /** By how much a place may miss what is asked. Default 0. */
  tol?: number;
  /** What a rate is multiplied by while the loss still falls. Default 2. */
  increaseFactor?: number;
  /** How much of the decrease that the slope promises must come true, c₁. Default 1e-4. */
  slopeRtol?: number;
  /** Which part of the slope may be left, c₂; infinite for any. Default 0.9. */
  curvRtol?: number;
  /**
   * By which part of itself the loss may grow where slopes alone say that it falls, which rounding hides near
   * a minimum; null if only the loss counts. Default 1e-6.
   */
  approxDecRtol?: number | null;
  /** An interval as small as this is not searched further, if a place in it lowers the loss enough. Default 1e-5. */
  stepsizePrecision?: number;
  /** The rate of the first try: the last one, or 1, which suits Newton's directions. Default `"keep"`. */
  initialGuessStrategy?: "keep" | "one";
}

const PROGRAM = /* @__PURE__ */ once(() =>
  parseProgram({
    name: "scaleByZoomLinesearch",
    doc: "Scales updates by a rate that lowers the loss and its slope enough, found by trials.",
    source: "Nocedal and Wright 1999, Numerical Optimization, algorithms 3.5 and 3.6",
    inputs: {
      foundLearningRate: "scalar",
      foundValue: "scalar",
      foundGrad: "element",
      foundSteps: "scalar",
      foundDecreaseError: "scalar",
      foundCurvatureError: "scalar",
    },
    state: {
      learningRate: { init: 1, over: "tree" },
      value: { init: "inf", over: "tree" },
      grad: 0,
      numLinesearchSteps: { over: "tree" },
      decreaseError: { init: "inf", over: "tree" },
      curvatureError: { init: "inf", over: "tree" },
    },
    step: `
    learningRate = foundLearningRate
    value = foundValue
    grad = foundGrad
    numLinesearchSteps = foundSteps
    decreaseError = foundDecreaseError
    curvatureError = foundCurvatureError
    u = learningRate*g
  `,
  })
);

/**
 * Scales updates by a rate η where the loss f has fallen enough and its slope along the updates u is small
 * enough (the strong conditions of Wolfe). It is the last part of a chain, whose updates must point down the
 * hill. The rate grows until it has passed such a place, and the interval is then narrowed by the minimum of
 * a cubic or a parabola through what is known, or by halving.
 *
 * ```text
 * f(θ + η·u) ≤ f(θ) + η·c₁·⟨u, ∇f(θ)⟩, |⟨u, ∇f(θ + η·u)⟩| ≤ c₂·|⟨u, ∇f(θ)⟩|;
 * in the place of the first also f(θ + η·u) ≤ f(θ) + approxDecRtol·|f(θ)| and ⟨u, ∇f(θ + η·u)⟩ ≤ (2·c₁ - 1)·⟨u, ∇f(θ)⟩
 * ```
 *
 * A step takes the inputs `value`, the loss at the parameters, and `valueAndGrad`, a function from parameters
 * to [loss, gradients], which must not change what it is given. States: `grad`, the gradient where the search
 * ended, and one number for the tree each: `learningRate`, the rate that was found; `value`, the loss there;
 * `numLinesearchSteps`; `decreaseError` and `curvatureError`, by how much the last place misses what is asked. If no place
 * is found, the best that lowers the loss enough is taken, else the last; none where its loss is not a number.
 *
 * Source: Nocedal and Wright 1999, Numerical Optimization, algorithms 3.5 and 3.6; Hager and Zhang 2006,
 * Algorithm 851: CG_DESCENT.
 *
 * @example
 * ```ts
 * import { chain, scaleByLbfgs, scaleByZoomLinesearch, sgd } from "@gradus/gradus";
 * import { assert } from "@std/assert";
 *
 * const search = scaleByZoomLinesearch({ maxLinesearchSteps: 20, initialGuessStrategy: "one" });
 * const opt = chain(scaleByLbfgs({ memorySize: 5 }), sgd({ learningRate: 1 }), search);
 * const rosenbrock = ([x, y]: Float64Array): [number, Float64Array] => {
 *   const rest = y - x * x;
 *   return [(1 - x) ** 2 + 100 * rest ** 2, Float64Array.of(2 * (x - 1) - 400 * x * rest, 200 * rest)];
 * };
 * const x = Float64Array.of(0, 0);
 * const state = opt.init(x);
 * for (let step = 0; step < 25; step++) {
 *   const [value, gradients] = rosenbrock(x);
 *   opt.step(x, gradients, state, { value, valueAndGrad: rosenbrock });
 * }
 * assert(rosenbrock(x)[0] < 1e-20);
 * ```
 *
 * @throws {GradusError} if an option is not a number within its bounds.
 */
export function scaleByZoomLinesearch(
  options: ZoomLinesearchOptions,
): Optimizer<{ value: "tree"; numLinesearchSteps: "tree"; decreaseError: "tree" }, never> {
  const [name, doing] = ["scaleByZoomLinesearch", "Cannot make scaleByZoomLinesearch"];
  const { initialGuessStrategy = "keep", approxDecRtol, maxLearningRate, ...numbers } = ownOptions(
    options,
    doing,
  );
  requireChoice("initialGuessStrategy", initialGuessStrategy, ["keep", "one"], doing);
  const rules: Rules = {
    ...searchOptions(name, {
      maxLinesearchSteps: { default: "required", domain: "integer [1, inf)" },
      maxLearningRate: { default: Infinity, domain: "(0, inf]" },
      tol: { default: 0, domain: "[0, inf]" },
      increaseFactor: { default: 2, domain: "(1, inf)" },
      slopeRtol: { default: 1e-4, domain: "[0, inf)" },
      curvRtol: { default: 0.9, domain: "[0, inf]" },
      approxDecRtol: { default: 1e-6, domain: "[0, inf)" },
      stepsizePrecision: { default: 1e-5, domain: "[0, inf)" },
    }, {
      ...numbers,
      approxDecRtol: approxDecRtol ?? undefined,
      maxLearningRate: maxLearningRate ?? undefined,
    }),
    isExact: approxDecRtol === null,
  };
  const find = (line: Line): Found =>
    zoom(line, initialGuessStrategy === "keep" && line.lastRate > 0 ? line.lastRate : 1, rules);
  return searching({ name, program: PROGRAM(), needsGradient: true, find });
}

interface Rules {
  readonly maxLinesearchSteps: number;
  readonly maxLearningRate: number;
  readonly tol: number;
  readonly increaseFactor: number;
  readonly slopeRtol: number;
  readonly curvRtol: number;
  readonly approxDecRtol: number;
  readonly stepsizePrecision: number;
  /** Whether only the loss says that it has fallen. */
  readonly isExact: boolean;
}

/** The search itself: widens an interval from `guess` on, and then narrows it. */
function zoom({ start, at }: Line, guess: number, rules: Rules): Found {
  const { tol, maxLearningRate } = rules;
  // The loss is least at `low` among those that lower it enough; `safe` is the best of these.
  let [last, low, high, third, safe] = [start, start, start, start, start];
  let isEnclosed = false;
  for (let steps = 1;; steps++) {
    const wide = isEnclosed ? Math.abs(high.learningRate - low.learningRate) : Infinity;
    const wanted = steps === 1 ? guess : rules.increaseFactor * last.learningRate;
    const place = at(isEnclosed ? between(low, high, third) : Math.min(wanted, maxLearningRate));
    const decreaseError = decreaseErrorOf(place, start, rules);
    const curvatureError = curvatureErrorOf(place, start, rules);
    const isGood = Math.max(decreaseError, curvatureError) <= tol;
    let isDone = isGood;
    if (isEnclosed) {
      if (decreaseError <= tol && place.value < safe.value) safe = place;
      const isHigh = decreaseError > 0 || place.value >= low.value;
      const turns = !isHigh && place.slope * (high.learningRate - low.learningRate) >= 0;
      third = isHigh || turns ? high : low;
      if (isHigh) high = place;
      else [low, high] = [place, turns ? low : high];
    } else {
      if (decreaseError <= tol) safe = place;
      const isHigh = decreaseError > 0 || (steps > 1 && place.value >= last.value);
      const turns = !isHigh && place.slope >= 0;
      [low, high] = turns ? [place, last] : [last, place];
      third = low;
      isEnclosed = isHigh || turns || isGood;
      isDone ||= !isEnclosed && wanted >= maxLearningRate;
    }
    last = place;
    if (isDone) return { place, steps, decreaseError, curvatureError };
    const isNarrow = wide <= rules.stepsizePrecision && safe.learningRate > 0;
    if (steps >= rules.maxLinesearchSteps || isNarrow) {
      const isSafe = safe.learningRate > 0 || decreaseError === Infinity;
      return { place: isSafe ? safe : place, steps, decreaseError, curvatureError };
    }
  }
}

/** By how much the loss misses its decrease, by itself or by its slopes. */
function decreaseErrorOf(place: Place, start: Place, rules: Rules): number {
  const grown = place.value - start.value;
  const exact = grown - rules.slopeRtol * place.learningRate * start.slope;
  const bySlopes = Math.max(
    place.slope - (2 * rules.slopeRtol - 1) * start.slope,
    grown - rules.approxDecRtol * Math.abs(start.value),
  );
  return errorOf(rules.isExact ? exact : Math.min(bySlopes, exact));
}

/** By how much the slope misses its decrease. */
function curvatureErrorOf(place: Place, start: Place, { curvRtol }: Rules): number {
  return errorOf(Math.abs(place.slope) - curvRtol * Math.abs(start.slope));
}

function errorOf(excess: number): number {
  return Number.isNaN(excess) ? Infinity : Math.max(excess, 0);
}

/** The rate to look at next: the minimum of a cubic, else of a parabola, if it is well inside; else the middle. */
function between(low: Place, high: Place, third: Place): number {
  const [a, b] = [low.learningRate, high.learningRate];
  const [left, right] = [Math.min(a, b), Math.max(a, b)];
  const isWithin = (rate: number, part: number) => {
    const margin = part * (right - left);
    return rate > left + margin && rate < right - margin;
  };
  const cubic = cubicMinimum(low, high, third);
  if (isWithin(cubic, 0.2)) return cubic;
  const width = b - a;
  const bend = (high.value - low.value - low.slope * width) / width ** 2;
  const parabolic = a - low.slope / (2 * bend);
  return isWithin(parabolic, 0.1) ? parabolic : (a + b) / 2;
}

/** Where the cubic through three losses and the slope of the first has its minimum; NaN if nowhere. */
function cubicMinimum(low: Place, high: Place, third: Place): number {
  const [b, c] = [high, third].map((place) => place.learningRate - low.learningRate);
  const [p, q] = [[high, b], [third, c]].map(([place, width]) =>
    (place as Place).value - low.value - low.slope * (width as number)
  );
  const scale = (b * c) ** 2 * (b - c);
  const cube = (c * c * p - b * b * q) / scale;
  const square = (b ** 3 * q - c ** 3 * p) / scale;
  return low.learningRate +
    (Math.sqrt(square * square - 3 * cube * low.slope) - square) / (3 * cube);
}
