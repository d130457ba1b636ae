/** Averages of the parameters along the way. */
import type { Wrapper } from "../../dsl/weave.ts";
import type { HyperValue } from "../../runtime/trees/hyperparameters.ts";
import type { StateKinds, Suffixed, WrappedStates } from "../../runtime/trees/typed.ts";
import type { Optimizer } from "../../runtime/optimizer.ts";
import { requireOptimizer, wrap, wrapperSettings } from "../../runtime/wrap.ts";

/** Options of {@linkcode averageParams}. */
export interface AverageParamsOptions {
  /**
   * The share of the average that stays at each step: a number for an exponential moving average, or a
   * schedule. `schedule("count/(count + 1)")` gives the mean of all parameters so far.
   */
  decay: HyperValue;
}

const AVERAGE: Wrapper = {
  name: "averageParams",
  doc: "Keeps an average of the parameters.",
  source: "Polyak and Juditsky 1992, Acceleration of stochastic approximation by averaging",
  hyper: { decay: { default: "required", domain: "[0, 1]" } },
  state: { average: { init: "w" } },
  after: "average = decay*average + (1 - decay)*(w + u)",
  evaluate: "average",
};

/**
 * Steps as `inner` does, and keeps an average of the parameters after each step in `state.average`. The
 * average often evaluates better than the last parameters; `evaluationParams` gives it. It begins at the
 * first parameters.
 *
 * ```text
 * average = decay·average + (1 - decay)·(w + u)
 * ```
 *
 * Source: Polyak and Juditsky 1992, Acceleration of stochastic approximation by averaging.
 *
 * @example
 * ```ts
 * import { averageParams, schedule, sgd } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const mean = schedule("count/(count + 1)");
 * const opt = averageParams(sgd({ learningRate: 1 }), { decay: mean });
 * const x = Float32Array.of(0);
 * const state = opt.init(x);
 * for (let step = 0; step < 4; step++) opt.step(x, Float32Array.of(-1), state);
 * assertEquals([x, opt.evaluationParams(x, state)], [Float32Array.of(4), Float32Array.of(2.5)]);
 * ```
 */
export function averageParams<S extends StateKinds, Hyper extends string>(
  inner: Optimizer<S, Hyper>,
  options: AverageParamsOptions,
): Optimizer<WrappedStates<S, { average: "leaf" }>, Suffixed<Hyper> | "decay"> {
  const doing = "Cannot make averageParams";
  requireOptimizer(inner, "`inner`", doing);
  return wrap(inner, AVERAGE, wrapperSettings(AVERAGE, options, doing));
}
