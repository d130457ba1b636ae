/** Steps only on gradients that are numbers. */
import type { Wrapper } from "../../dsl/weave.ts";
import type { StateKinds, Suffixed, WrappedStates } from "../../runtime/trees/typed.ts";
import type { Optimizer } from "../../runtime/optimizer.ts";
import { requireOptimizer, wrap, wrapperSettings } from "../../runtime/wrap.ts";

/** Options of {@linkcode applyIfFinite}. */
export interface ApplyIfFiniteOptions {
  /** How many gradients in a row may be refused before one is let through anyway. */
  maxConsecutiveErrors: number;
}

const APPLY_IF_FINITE: Wrapper = {
  name: "applyIfFinite",
  doc: "Refuses gradients that are not finite, up to so many in a row.",
  hyper: { maxConsecutiveErrors: { default: "required", domain: "integer [0, inf]" } },
  state: {
    notFiniteCount: { over: "tree" },
    totalNotFinite: { over: "tree" },
    innerCount: { over: "tree" },
  },
  before: `
    isFinite = globalMax(where(abs(g) < inf, 0, 1)) < 1
    notFiniteCount = where(isFinite, 0, notFiniteCount + 1)
    applies = isFinite | notFiniteCount > maxConsecutiveErrors
  `,
  after: `
    u = where(applies, u, 0)
    totalNotFinite = where(isFinite, totalNotFinite, totalNotFinite + 1)
    innerCount = where(applies, innerCount + 1, innerCount)
  `,
  guard: "applies",
  clock: "innerCount",
};

/**
 * Steps as `inner` does, but changes nothing if there is an infinity or NaN anywhere in the gradients:
 * the update is 0 and the inner state stays. After `maxConsecutiveErrors` of those in a row, the next one
 * is let through. `state.notFiniteCount` counts those in a row, `state.totalNotFinite` all.
 *
 * @example
 * ```ts
 * import { applyIfFinite, sgd } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = applyIfFinite(sgd({ learningRate: 1 }), { maxConsecutiveErrors: 2 });
 * const x = Float32Array.of(0, 0);
 * const state = opt.init(x);
 * opt.step(x, Float32Array.of(1, NaN), state);
 * assertEquals(x, Float32Array.of(0, 0));
 * opt.step(x, Float32Array.of(1, 1), state);
 * assertEquals(x, Float32Array.of(-1, -1));
 * assertEquals(state.totalNotFinite, 1);
 * ```
 */
export function applyIfFinite<S extends StateKinds, Hyper extends string>(
  inner: Optimizer<S, Hyper>,
  options: ApplyIfFiniteOptions,
): Optimizer<
  WrappedStates<S, { notFiniteCount: "tree"; totalNotFinite: "tree"; innerCount: "tree" }>,
  Suffixed<Hyper> | "maxConsecutiveErrors"
> {
  const doing = "Cannot make applyIfFinite";
  requireOptimizer(inner, "`inner`", doing);
  return wrap(inner, APPLY_IF_FINITE, wrapperSettings(APPLY_IF_FINITE, options, doing));
}
