/** Steps of an optimizer at some counts only. */
import type { Wrapper } from "../../dsl/weave.ts";
import type { HyperValue } from "../../runtime/trees/hyperparameters.ts";
import type { StateKinds, Suffixed, WrappedStates } from "../../runtime/trees/typed.ts";
import type { Optimizer } from "../../runtime/optimizer.ts";
import { requireOptimizer, wrap, wrapperSettings } from "../../runtime/wrap.ts";

/** Options of {@linkcode conditionallyTransform} and {@linkcode conditionallyMask}. */
export interface ConditionallyOptions {
  /** Whether `inner` steps: a schedule of `count` that is 0 for no and another number for yes. */
  shouldTransformFn: HyperValue;
}

/** Acts at some counts; at others the update is what `otherwise` says. */
function conditionally(name: string, doc: string, otherwise: string): Wrapper {
  return {
    name,
    doc,
    hyper: { shouldTransformFn: "required" },
    state: { innerCount: { over: "tree" } },
    before: `
      given = g
      applies = !(shouldTransformFn == 0)
    `,
    guard: "applies",
    clock: "innerCount",
    after: `
      u = where(applies, u, ${otherwise})
      innerCount = where(applies, innerCount + 1, innerCount)
    `,
  };
}

const TRANSFORM = /* @__PURE__ */ conditionally(
  "conditionallyTransform",
  "Acts at some counts; at others gradients pass through.",
  "given",
);

const MASK = /* @__PURE__ */ conditionally(
  "conditionallyMask",
  "Acts at some counts; at others updates are 0.",
  "0",
);

/**
 * Applies `inner` at counts where `shouldTransformFn` is not 0. At other counts the gradient passes
 * through unchanged, the inner state stays as it was, and nothing of `inner` is computed.
 *
 * @example
 * ```ts
 * import { conditionallyTransform, schedule, sgd } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const even = schedule("1 - (count - 2*floor(count/2))");
 * const opt = conditionallyTransform(sgd({ learningRate: 0.5 }), { shouldTransformFn: even });
 * const x = Float32Array.of(0);
 * const state = opt.init(x);
 * opt.step(x, Float32Array.of(1), state);
 * assertEquals(x[0], -0.5);
 * opt.step(x, Float32Array.of(1), state);
 * assertEquals(x[0], 0.5);
 * ```
 */
export function conditionallyTransform<S extends StateKinds, Hyper extends string>(
  inner: Optimizer<S, Hyper>,
  options: ConditionallyOptions,
): Optimizer<WrappedStates<S, { innerCount: "tree" }>, Suffixed<Hyper> | "shouldTransformFn"> {
  const doing = "Cannot make conditionallyTransform";
  requireOptimizer(inner, "`inner`", doing);
  return wrap(inner, TRANSFORM, wrapperSettings(TRANSFORM, options, doing));
}

/**
 * Applies `inner` at counts where `shouldTransformFn` is not 0. At other counts the update is 0 and the
 * inner state stays as it was.
 *
 * @example
 * ```ts
 * import { conditionallyMask, schedule, sgd } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const first = schedule("where(count < 1, 1, 0)");
 * const opt = conditionallyMask(sgd({ learningRate: 0.5 }), { shouldTransformFn: first });
 * const x = Float32Array.of(0);
 * const state = opt.init(x);
 * for (let step = 0; step < 3; step++) opt.step(x, Float32Array.of(1), state);
 * assertEquals(x[0], -0.5);
 * ```
 */
export function conditionallyMask<S extends StateKinds, Hyper extends string>(
  inner: Optimizer<S, Hyper>,
  options: ConditionallyOptions,
): Optimizer<WrappedStates<S, { innerCount: "tree" }>, Suffixed<Hyper> | "shouldTransformFn"> {
  const doing = "Cannot make conditionallyMask";
  requireOptimizer(inner, "`inner`", doing);
  return wrap(inner, MASK, wrapperSettings(MASK, options, doing));
}
