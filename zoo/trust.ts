/** Transforms that scale the update of each tensor by a measure of the parameter. */
import type { OptimizerFactory } from "../runtime/define.ts";
import { optimizer } from "../runtime/lazy.ts";
import type { HyperValue } from "../runtime/trees/hyperparameters.ts";

/** Options of {@linkcode scaleByTrustRatio}. */
export interface ScaleByTrustRatioOptions {
  /** What norms below it count as. Default 0. */
  minNorm?: HyperValue;
  /** Multiplies the ratio. Default 1. */
  trustCoefficient?: HyperValue;
  /** Added to the update's norm. Default 0. */
  eps?: HyperValue;
}

/**
 * Scales the update of each tensor to the norm of the parameter; where either norm is 0, not at all. The
 * update is divided before it is multiplied, so that no ratio of norms can overflow.
 *
 * ```text
 * n_t &\leftarrow \max \left( \left\lVert \theta_{t-1} \right\rVert, \mathrm{minNorm} \right) \\
 * q_t &\leftarrow \max \left( \left\lVert g_t \right\rVert, \mathrm{minNorm} \right) \\
 * \mathrm{isZero}_t &\leftarrow n_t = 0 \lor q_t = 0 \\
 * u_t &\leftarrow \begin{cases} 1 & \text{if } \mathrm{isZero}_t \\ \mathrm{trustCoefficient} \cdot n_t & \text{otherwise} \end{cases} \cdot (\frac{g_t}{\begin{cases} 1 & \text{if } \mathrm{isZero}_t \\ q_t + \epsilon & \text{otherwise} \end{cases}})
 * ```
 *
 * Source: You et al. 2020, Large Batch Optimization for Deep Learning: Training BERT in 76 minutes,
 * arXiv 1904.00962.
 *
 * @example
 * ```ts
 * import { scaleByTrustRatio } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const transform = scaleByTrustRatio();
 * const params = Float32Array.of(3, 4);
 * const [updates] = transform.update(Float32Array.of(0, 2), transform.init(params), params);
 * assertEquals(updates, Float32Array.of(0, 5));
 * ```
 */
export const scaleByTrustRatio: OptimizerFactory<ScaleByTrustRatioOptions> =
  /* @__PURE__ */ optimizer({
    name: "scaleByTrustRatio",
    doc: "Scales the update of each tensor to the norm of the parameter.",
    source:
      "You et al. 2020, Large Batch Optimization for Deep Learning: Training BERT in 76 minutes, arXiv 1904.00962",
    hyper: {
      minNorm: { default: 0, domain: "[0, inf)" },
      trustCoefficient: { default: 1, domain: "[0, inf)" },
      eps: { default: 0, domain: "[0, inf)" },
    },
    step: `
    n = max(norm(w), minNorm)
    q = max(norm(g), minNorm)
    isZero = n == 0 | q == 0
    u = where(isZero, 1, trustCoefficient*n)*(g/where(isZero, 1, q + eps))
  `,
  });

/** Options of {@linkcode scaleByParamBlockNorm} and {@linkcode scaleByParamBlockRms}. */
export interface ScaleByParamBlockOptions {
  /** The least factor. Default 1e-3. */
  minScale?: HyperValue;
}

/**
 * Multiplies the update of each tensor by the norm of the parameter.
 *
 * ```text
 * u_t &\leftarrow \max \left( \left\lVert \theta_{t-1} \right\rVert, \mathrm{minScale} \right) \cdot g_t
 * ```
 *
 * Source: Shazeer and Stern 2018, Adafactor: Adaptive Learning Rates with Sublinear Memory Cost,
 * arXiv 1804.04235, which has the root mean square in its place.
 *
 * @example
 * ```ts
 * import { scaleByParamBlockNorm } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const transform = scaleByParamBlockNorm();
 * const params = Float32Array.of(3, 4);
 * const [updates] = transform.update(Float32Array.of(1, 2), transform.init(params), params);
 * assertEquals(updates, Float32Array.of(5, 10));
 * ```
 */
export const scaleByParamBlockNorm: OptimizerFactory<ScaleByParamBlockOptions> =
  /* @__PURE__ */ optimizer({
    name: "scaleByParamBlockNorm",
    doc: "Multiplies the update of each tensor by the norm of the parameter.",
    source:
      "Shazeer and Stern 2018, Adafactor: Adaptive Learning Rates with Sublinear Memory Cost, arXiv 1804.04235",
    hyper: { minScale: { default: 1e-3, domain: "[0, inf)" } },
    step: "u = max(norm(w), minScale)*g",
  });

/**
 * Multiplies the update of each tensor by the root mean square of the parameter.
 *
 * ```text
 * u_t &\leftarrow \max \left( \sqrt{\operatorname{mean} \left( \theta_{t-1}^{2} \right)}, \mathrm{minScale} \right) \cdot g_t
 * ```
 *
 * Source: Shazeer and Stern 2018, Adafactor: Adaptive Learning Rates with Sublinear Memory Cost,
 * arXiv 1804.04235.
 *
 * @example
 * ```ts
 * import { scaleByParamBlockRms } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const transform = scaleByParamBlockRms();
 * const params = Float32Array.of(1, 7);
 * const [updates] = transform.update(Float32Array.of(1, 2), transform.init(params), params);
 * assertEquals(updates, Float32Array.of(5, 10));
 * ```
 */
export const scaleByParamBlockRms: OptimizerFactory<ScaleByParamBlockOptions> =
  /* @__PURE__ */ optimizer({
    name: "scaleByParamBlockRms",
    doc: "Multiplies the update of each tensor by the root mean square of the parameter.",
    source:
      "Shazeer and Stern 2018, Adafactor: Adaptive Learning Rates with Sublinear Memory Cost, arXiv 1804.04235",
    hyper: { minScale: { default: 1e-3, domain: "[0, inf)" } },
    step: "u = max(sqrt(mean(w^2)), minScale)*g",
  });
