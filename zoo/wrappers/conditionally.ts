/** Steps of an optimizer at some counts only. */
import { GradusError, shown } from "../../dsl/errors.ts";
import { IDENTIFIER } from "../../dsl/names.ts";
import { ownOptions, requireExpression } from "../../runtime/options.ts";
import type { Wrapper } from "../../dsl/weave.ts";
import type { HyperValue } from "../../runtime/trees/hyperparameters.ts";
import type { StateKinds, Suffixed, WrappedStates } from "../../runtime/trees/typed.ts";
import type { Optimizer } from "../../runtime/optimizer.ts";
import { requireOptimizer, wrap, wrapperSettings } from "../../runtime/wrap.ts";

/** Options of {@linkcode conditionallyTransform} and {@linkcode conditionallyMask}. */
export interface ConditionallyOptions {
  /**
   * Whether `inner` steps: a schedule of `count` that is 0 for no and another number for yes, or a condition
   * in the language over `count` and the inputs that `forwardExtraArgs` names, such as `"value > 1"`.
   */
  shouldTransformFn: HyperValue | string;
  /** The inputs of a step, one number each, that the condition reads. Default: none. */
  forwardExtraArgs?: readonly string[];
}

const BY_SCHEDULE = "!(shouldTransformFn == 0)";

/** Acts at some counts; at others the update is what `otherwise` says. */
function conditionally(name: string, doc: string, otherwise: string): Wrapper {
  return {
    name,
    doc,
    hyper: { shouldTransformFn: "required" },
    state: { innerCount: { over: "tree" } },
    before: `
      given = g
      applies = ${BY_SCHEDULE}
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

/** `inner` within a wrapper that acts by the condition that options say. */
function conditional<S extends StateKinds, Hyper extends string>(
  inner: Optimizer,
  wrapper: Wrapper,
  given: ConditionallyOptions,
): Optimizer<S, Hyper> {
  const doing = `Cannot make ${wrapper.name}`;
  requireOptimizer(inner, "`inner`", doing);
  const options = ownOptions(given, doing) as unknown as ConditionallyOptions;
  const { shouldTransformFn, forwardExtraArgs = [], ...others } = options;
  const isList = Array.isArray(forwardExtraArgs) &&
    forwardExtraArgs.every((name) => typeof name === "string" && IDENTIFIER.test(name));
  if (!isList || (forwardExtraArgs.length > 0 && typeof shouldTransformFn !== "string")) {
    throw new GradusError(
      `${doing}: \`forwardExtraArgs\` must be a list of names, and \`shouldTransformFn\` an expression that ` +
        `reads them: given ${shown(forwardExtraArgs)}`,
    );
  }
  if (typeof shouldTransformFn !== "string") {
    return wrap(inner, wrapper, wrapperSettings(wrapper, { ...others, shouldTransformFn }, doing));
  }
  const { hyper: _hyper, before = "", ...rest } = wrapper;
  const condition = requireExpression("shouldTransformFn", shouldTransformFn, doing);
  const inputs = Object.fromEntries(forwardExtraArgs.map((name) => [name, "scalar" as const]));
  const made = { ...rest, inputs, before: before.replace(BY_SCHEDULE, () => condition) };
  return wrap(inner, made, wrapperSettings(made, others, doing));
}

/**
 * Applies `inner` at counts where `shouldTransformFn` is not 0. At other counts the gradient passes
 * through unchanged, the inner state stays as it was, and nothing of `inner` is computed.
 *
 * @example
 * ```ts
 * import { conditionallyMask, conditionallyTransform, schedule, sgd } from "@gradus/gradus";
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
 *
 * const clipped = conditionallyMask(sgd({ learningRate: 1 }), {
 *   shouldTransformFn: "count > 0 & value < 3",
 *   forwardExtraArgs: ["value"],
 * });
 * const y = Float32Array.of(0);
 * const seen = clipped.init(y);
 * for (const value of [1, 2, 4]) clipped.step(y, Float32Array.of(1), seen, { value });
 * assertEquals(y[0], -1); // the first is too early, and the loss of the last too large
 * ```
 */
export function conditionallyTransform<S extends StateKinds, Hyper extends string>(
  inner: Optimizer<S, Hyper>,
  options: ConditionallyOptions,
): Optimizer<WrappedStates<S, { innerCount: "tree" }>, Suffixed<Hyper> | "shouldTransformFn"> {
  return conditional(inner, TRANSFORM, options);
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
  return conditional(inner, MASK, options);
}
