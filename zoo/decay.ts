import type { MaskOption, OptimizerFactory } from "../runtime/define.ts";
import { optimizer } from "../runtime/lazy.ts";
import type { HyperValue } from "../runtime/trees/hyperparameters.ts";

/** Options of {@linkcode addDecayedWeights}. */
export interface AddDecayedWeightsOptions extends MaskOption {
  /** The decay λ: a number or a schedule. Default 0. */
  weightDecay?: HyperValue;
}

/**
 * Adds the parameters times a decay to the updates; where it is 0 for good, nothing is read.
 *
 * ```text
 * u_t &\leftarrow g_t + \lambda \cdot \theta_{t-1}
 * ```
 *
 * Source: Krogh and Hertz 1991, A simple weight decay can improve generalization.
 *
 * @example
 * ```ts
 * import { addDecayedWeights } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = addDecayedWeights({ weightDecay: 0.5, mask: { a: true, b: false } });
 * const params = { a: Float32Array.of(4), b: Float32Array.of(4) };
 * const gradients = { a: Float32Array.of(1), b: Float32Array.of(1) };
 * const [updates] = opt.update(gradients, opt.init(params), params);
 * assertEquals(updates, { a: Float32Array.of(3), b: Float32Array.of(1) });
 * ```
 */
export const addDecayedWeights: OptimizerFactory<AddDecayedWeightsOptions> =
  /* @__PURE__ */ optimizer({
    name: "addDecayedWeights",
    doc: "Adds the parameters times a decay to the updates.",
    source: "Krogh and Hertz 1991, A simple weight decay can improve generalization",
    hyper: { weightDecay: 0 },
    step: "u = g + weightDecay*w",
  });

/**
 * Changes updates that would make a parameter negative so that it becomes 0.
 *
 * ```text
 * u_t &\leftarrow \begin{cases} -\theta_{t-1} & \text{if } \theta_{t-1} + g_t < 0 \\ g_t & \text{otherwise} \end{cases}
 * ```
 *
 * Source: projected gradient descent (Bertsekas 1976).
 *
 * @example
 * ```ts
 * import { chain, keepParamsNonnegative, sgd } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = chain(sgd({ learningRate: 1 }), keepParamsNonnegative());
 * const x = Float32Array.of(5, 5);
 * opt.step(x, Float32Array.of(9, -1), opt.init(x));
 * assertEquals(x, Float32Array.of(0, 6));
 * ```
 */
export const keepParamsNonnegative: OptimizerFactory<Record<never, never>> =
  /* @__PURE__ */ optimizer({
    name: "keepParamsNonnegative",
    doc: "Keeps parameters from becoming negative.",
    source: "Bertsekas 1976, On the Goldstein-Levitin-Polyak gradient projection method",
    step: "u = where(w + g < 0, -w, g)",
  });
