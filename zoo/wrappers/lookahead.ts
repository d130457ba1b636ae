/** Slow weights that follow fast ones. */
import type { Wrapper } from "../../dsl/weave.ts";
import type { HyperValue } from "../../runtime/trees/hyperparameters.ts";
import type { StateKinds, Suffixed, WrappedStates } from "../../runtime/trees/typed.ts";
import type { Optimizer } from "../../runtime/optimizer.ts";
import { requireOptimizer, wrap, wrapperSettings } from "../../runtime/wrap.ts";

/** Options of {@linkcode lookahead}. */
export interface LookaheadOptions {
  /** How many steps the fast weights make between two synchronisations. */
  syncPeriod: HyperValue;
  /** How far the slow weights go towards the fast ones, from 0 to 1. */
  slowStepSize: HyperValue;
  /** Whether the state of the fast optimizer is reset at each synchronisation. Default false. */
  resetState?: boolean;
}

const LOOKAHEAD: Wrapper = {
  name: "lookahead",
  doc: "Every so many steps slow weights go part of the way to the fast ones, which restart there.",
  source: "Zhang et al. 2019, Lookahead Optimizer: k steps forward, 1 step back, arXiv 1907.08610",
  hyper: {
    syncPeriod: { default: "required", domain: "integer [1, inf)" },
    slowStepSize: { default: "required", domain: "[0, 1]" },
    resetState: false,
  },
  state: { slow: { init: "w" }, innerCount: { over: "tree" } },
  before: `
    syncs = t - syncPeriod*floor(t/syncPeriod) == 0
    resets = resetState & syncs
  `,
  after: `
    slow = where(syncs, slow + slowStepSize*(w + u - slow), slow)
    u = where(syncs, slow - w, u)
    innerCount = where(resets, 0, innerCount + 1)
  `,
  reset: "resets",
  clock: "innerCount",
  evaluate: "slow",
};

/**
 * Lookahead: the parameters are the fast weights, which `inner` steps; every `syncPeriod` steps the slow
 * weights, the state `slow`, go part of the way to them, and the fast weights go on from there. Train
 * with the parameters as they are, and evaluate with the slow weights, which `evaluationParams` gives.
 *
 * ```text
 * every k-th step: slow = slow + α·(fast - slow), fast = slow
 * ```
 *
 * Source: Zhang et al. 2019, Lookahead Optimizer: k steps forward, 1 step back, arXiv 1907.08610.
 *
 * @example
 * ```ts
 * import { lookahead, sgd } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = lookahead(sgd({ learningRate: 0.5 }), { syncPeriod: 3, slowStepSize: 0.5 });
 * const x = Float32Array.of(3);
 * const state = opt.init(x);
 * const seen = [2, 2, 2, 2].map((g) => {
 *   opt.step(x, Float32Array.of(g), state);
 *   return x[0];
 * });
 * assertEquals(seen, [2, 1, 1.5, 0.5]);
 * ```
 */
export function lookahead<S extends StateKinds, Hyper extends string>(
  inner: Optimizer<S, Hyper>,
  options: LookaheadOptions,
): Optimizer<
  WrappedStates<S, { slow: "leaf"; innerCount: "tree" }>,
  Suffixed<Hyper> | "syncPeriod" | "slowStepSize"
> {
  const doing = "Cannot make lookahead";
  requireOptimizer(inner, "`inner`", doing);
  return wrap(inner, LOOKAHEAD, wrapperSettings(LOOKAHEAD, options, doing));
}
