/** Averaging in place of a schedule, around any optimizer. */
import type { Wrapper } from "../../dsl/weave.ts";
import type { HyperValue } from "../../runtime/trees/hyperparameters.ts";
import type { HyperNames, StateKinds, Suffixed, WrappedStates } from "../../runtime/trees/typed.ts";
import type { Optimizer } from "../../runtime/optimizer.ts";
import { ownOptions } from "../../runtime/options.ts";
import type { StorageType } from "../../runtime/trees/dtype.ts";
import type { RoundedStorage } from "../../runtime/trees/stored.ts";
import { requireOptimizer, storing, wrap, wrapperSettings } from "../../runtime/wrap.ts";

/** Options of {@linkcode scheduleFree}. */
export interface ScheduleFreeOptions {
  /** The step size γ of the inner optimizer, which weights the iterates. */
  learningRate: HyperValue;
  /** How near to the average gradients are taken; 0 is at the fast iterate. Default 0.9. */
  b1?: HyperValue;
  /** An iterate has this power of the largest γ so far as its weight in the average. Default 2. */
  weightLrPower?: HyperValue;
  /** Storage of the state `z`, as in the option `storage` of `init`. Default: as parameters compute. */
  stateDtype?: StorageType | RoundedStorage;
}

const SCHEDULE_FREE: Wrapper = {
  name: "scheduleFree",
  doc: "Averages a fast iterate in place of a schedule.",
  source: "Defazio et al. 2024, The Road Less Scheduled, arXiv 2405.15682",
  hyper: { learningRate: "required", b1: { default: 0.9, domain: "[0, 1]" }, weightLrPower: 2 },
  state: { z: { init: "w" }, peak: { over: "tree" }, total: { over: "tree" } },
  // The average x is taken out by w = (1 - b1)*z + b1*x.
  after: `
    peak = max(peak, learningRate)
    total = total + peak^weightLrPower
    c = where(total > 0, peak^weightLrPower/total, 0)
    z0 = z
    z = z + u
    u = (1 - b1)*u + c*(z0 - w + b1*u)
  `,
  evaluate: "(w - (1 - b1)*z)/b1",
};

/**
 * Schedule-free learning: `inner` steps a fast iterate, the state `z`, and should have no momentum of its
 * own. The parameters lie between `z` and its average; `evaluationParams` gives the average.
 *
 * ```text
 * z = z + Δ, x = (1 - c)·x + c·z, w = (1 - β1)·z + β1·x, where c is γ² (the largest so far) over its sum
 * ```
 *
 * Source: Defazio et al. 2024, The Road Less Scheduled, arXiv 2405.15682.
 *
 * @example
 * ```ts
 * import { scheduleFree, sgd } from "@gradus/gradus";
 * import { assert } from "@std/assert";
 *
 * const learningRate = 0.25;
 * const opt = scheduleFree(sgd({ learningRate }), { learningRate });
 * const x = Float32Array.of(4);
 * const state = opt.init(x);
 * for (let step = 0; step < 50; step++) opt.step(x, x.map((value) => 2 * value), state);
 * assert(Math.abs(opt.evaluationParams(x, state)[0]) < 0.4);
 * ```
 */
export function scheduleFree<S extends StateKinds, Hyper extends string>(
  inner: Optimizer<S, Hyper>,
  options: ScheduleFreeOptions,
): Optimizer<
  WrappedStates<S, { z: "leaf"; peak: "tree"; total: "tree" }>,
  Suffixed<Hyper> | HyperNames<ScheduleFreeOptions>
> {
  const doing = "Cannot make scheduleFree";
  requireOptimizer(inner, "`inner`", doing);
  const { stateDtype, ...others } = ownOptions(options, doing) as unknown as ScheduleFreeOptions;
  const settings = wrapperSettings(SCHEDULE_FREE, others, doing);
  type Made = ReturnType<typeof scheduleFree<S, Hyper>>;
  return storing(
    wrap(inner, SCHEDULE_FREE, settings) as Made,
    "z",
    "stateDtype",
    stateDtype,
    doing,
  );
}
