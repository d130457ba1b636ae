import { required } from "../dsl/program.ts";
import type { OptimizerFactory } from "../runtime/define.ts";
import { fixed, optimizer } from "../runtime/lazy.ts";
import type { HyperValue } from "../runtime/trees/hyperparameters.ts";

/** Options of {@linkcode clipByGlobalNorm}. */
export interface ClipByGlobalNormOptions {
  /** The largest norm let through. */
  maxNorm: HyperValue;
}

/**
 * Scales the gradients of the whole tree down to a norm of `maxNorm` where they exceed it; with a
 * `maxNorm` of 0 they become 0.
 *
 * ```text
 * n_t &\leftarrow \left\lVert g_t \right\rVert_{\text{tree}} \\
 * u_t &\leftarrow \begin{cases} 1 & \text{if } n_t \le \mathrm{maxNorm} \\ \frac{\mathrm{maxNorm}}{n_t} & \text{otherwise} \end{cases} \cdot g_t
 * ```
 *
 * Source: Pascanu et al. 2013, On the difficulty of training recurrent neural networks.
 *
 * @example
 * ```ts
 * import { clipByGlobalNorm } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const clip = clipByGlobalNorm({ maxNorm: 1 });
 * const gradients = { a: Float32Array.of(3), b: Float32Array.of(4) };
 * const [updates] = clip.update(gradients, clip.init(gradients));
 * assertEquals(updates, { a: Float32Array.of(0.6), b: Float32Array.of(0.8) });
 * ```
 */
export const clipByGlobalNorm: OptimizerFactory<ClipByGlobalNormOptions> =
  /* @__PURE__ */ optimizer({
    name: "clipByGlobalNorm",
    doc: "Scales all gradients down to a common norm.",
    source: "Pascanu et al. 2013, On the difficulty of training recurrent neural networks",
    hyper: { maxNorm: { default: required, domain: "[0, inf]" } },
    step: `
    n = globalNorm(g)
    u = where(n <= maxNorm, 1, maxNorm/n)*g
  `,
  });

/** Options of {@linkcode clip}. */
export interface ClipOptions {
  /** The largest magnitude let through. */
  maxDelta: HyperValue;
}

/**
 * Limits each element of the updates to ±`maxDelta`.
 *
 * ```text
 * u_t &\leftarrow \operatorname{clip} \left( g_t, -\mathrm{maxDelta}, \mathrm{maxDelta} \right)
 * ```
 *
 * Source: Mikolov 2012, Statistical language models based on neural networks.
 *
 * @example
 * ```ts
 * import { clip } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = clip({ maxDelta: 1 });
 * const [updates] = opt.update(Float32Array.of(-3, 0.5), opt.init(Float32Array.of(0, 0)));
 * assertEquals(updates, Float32Array.of(-1, 0.5));
 * ```
 */
export const clip: OptimizerFactory<ClipOptions> = /* @__PURE__ */ optimizer({
  name: "clip",
  doc: "Limits each element of the updates.",
  source: "Mikolov 2012, Statistical language models based on neural networks",
  hyper: { maxDelta: { default: required, domain: "[0, inf]" } },
  step: "u = clip(g, -maxDelta, maxDelta)",
});

/** Options of {@linkcode clipByBlockRms}. */
export interface ClipByBlockRmsOptions {
  /** The largest root mean square of a tensor let through. */
  threshold: HyperValue;
}

/**
 * Scales each tensor of the updates down to a root mean square of `threshold` where it exceeds it; with
 * a `threshold` of 0 they become 0.
 *
 * ```text
 * r_t &\leftarrow \sqrt{\operatorname{mean} \left( g_t^{2} \right)} \\
 * u_t &\leftarrow \begin{cases} 1 & \text{if } r_t < \mathrm{threshold} \\ \frac{\mathrm{threshold}}{\begin{cases} 1 & \text{if } r_t = 0 \\ r_t & \text{otherwise} \end{cases}} & \text{otherwise} \end{cases} \cdot g_t
 * ```
 *
 * Source: Shazeer and Stern 2018, Adafactor, arXiv 1804.04235, section 6.
 *
 * @example
 * ```ts
 * import { clipByBlockRms } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = clipByBlockRms({ threshold: 1 });
 * const [updates] = opt.update(Float32Array.of(3, 3), opt.init(Float32Array.of(0, 0)));
 * assertEquals(updates, Float32Array.of(1, 1));
 * ```
 */
export const clipByBlockRms: OptimizerFactory<ClipByBlockRmsOptions> = /* @__PURE__ */ optimizer({
  name: "clipByBlockRms",
  doc: "Scales each tensor of the updates down to a common root mean square.",
  source:
    "Shazeer and Stern 2018, Adafactor: Adaptive Learning Rates with Sublinear Memory Cost, " +
    "arXiv 1804.04235",
  hyper: { threshold: { default: required, domain: "[0, inf]" } },
  step: `
    r = sqrt(mean(g^2))
    u = where(r < threshold, 1, threshold/where(r == 0, 1, r))*g
  `,
});

/** Options of {@linkcode normalizeByUpdateNorm}. */
export interface NormalizeByUpdateNormOptions {
  /** The norm that updates come to have. Default 1. */
  scaleFactor?: HyperValue;
  /** Added to the norm. Default 1e-6. */
  eps?: HyperValue;
}

/**
 * Scales the updates of the whole tree to one norm; where they are all 0 they stay so, whatever ε is.
 *
 * ```text
 * q_t &\leftarrow \left\lVert g_t \right\rVert_{\text{tree}} + \epsilon \\
 * u_t &\leftarrow \mathrm{scaleFactor} \cdot (\frac{g_t}{\begin{cases} 1 & \text{if } q_t = 0 \\ q_t & \text{otherwise} \end{cases}})
 * ```
 *
 * Source: Hazan et al. 2015, Beyond convexity: stochastic quasi-convex optimization.
 *
 * @example
 * ```ts
 * import { normalizeByUpdateNorm } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = normalizeByUpdateNorm({ scaleFactor: 10, eps: 0 });
 * const [updates] = opt.update(Float32Array.of(3, 4), opt.init(Float32Array.of(0, 0)));
 * assertEquals(updates, Float32Array.of(6, 8));
 * ```
 */
export const normalizeByUpdateNorm: OptimizerFactory<NormalizeByUpdateNormOptions> =
  /* @__PURE__ */ optimizer({
    name: "normalizeByUpdateNorm",
    doc: "Scales the updates of the whole tree to one norm.",
    source: "Hazan et al. 2015, Beyond convexity: stochastic quasi-convex optimization",
    hyper: { scaleFactor: 1, eps: { default: 1e-6, domain: "[0, inf)" } },
    step: `
    q = globalNorm(g) + eps
    u = scaleFactor*(g/where(q == 0, 1, q))
  `,
  });

/**
 * Scales the updates of the whole tree to a norm of 1; where they are all 0 they stay so.
 *
 * ```text
 * q_t &\leftarrow \left\lVert g_t \right\rVert_{\text{tree}} \\
 * u_t &\leftarrow \frac{g_t}{\begin{cases} 1 & \text{if } q_t = 0 \\ q_t & \text{otherwise} \end{cases}}
 * ```
 *
 * Source: Foret et al. 2021, Sharpness-Aware Minimization for Efficiently Improving Generalization,
 * arXiv 2010.01412.
 *
 * @example
 * ```ts
 * import { normalize } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = normalize();
 * const [updates] = opt.update(Float32Array.of(3, 4), opt.init(Float32Array.of(0, 0)));
 * assertEquals(updates, Float32Array.of(0.6, 0.8));
 * ```
 */
export const normalize: OptimizerFactory<Record<never, never>> = /* @__PURE__ */ fixed(
  normalizeByUpdateNorm,
  {
    name: "normalize",
    doc: "Scales the updates of the whole tree to a norm of 1.",
    source: "Foret et al. 2021, Sharpness-Aware Minimization for Efficiently Improving " +
      "Generalization, arXiv 2010.01412",
  },
  { scaleFactor: 1, eps: 0 },
);

/**
 * Replaces NaN in the updates by 0; infinities stay. The state `foundNan` is 1 for tensors that had one
 * in the last step, and 0 for others, those of no elements too.
 *
 * ```text
 * \mathrm{foundNan}_t &\leftarrow \max \left( \max \left( \begin{cases} 1 & \text{if } \operatorname{isnan} \left( g_t \right) \\ 0 & \text{otherwise} \end{cases} \right), 0 \right) \\
 * u_t &\leftarrow \begin{cases} 0 & \text{if } \operatorname{isnan} \left( g_t \right) \\ g_t & \text{otherwise} \end{cases} \\
 * S_t &\leftarrow (\mathrm{foundNan}_t)
 * ```
 *
 * Source: what Optax calls zero_nans.
 *
 * @example
 * ```ts
 * import { zeroNans } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = zeroNans();
 * const [updates, state] = opt.update(Float32Array.of(1, NaN), opt.init(Float32Array.of(0, 0)));
 * assertEquals(updates, Float32Array.of(1, 0));
 * assertEquals(state.foundNan, Float32Array.of(1));
 * ```
 */
export const zeroNans: OptimizerFactory<Record<never, never>, { foundNan: "leaf" }> =
  /* @__PURE__ */ optimizer({
    name: "zeroNans",
    doc: "Replaces NaN in the updates by 0.",
    source: "What Optax calls zero_nans",
    state: { foundNan: { over: "tensor" } },
    step: `
    foundNan = max(max(where(isnan(g), 1, 0)), 0)
    u = where(isnan(g), 0, g)
  `,
  });
