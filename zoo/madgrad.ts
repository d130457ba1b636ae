import { required } from "../dsl/program.ts";
import type { MaskOption, OptimizerFactory } from "../runtime/define.ts";
import { fixed, optimizer } from "../runtime/lazy.ts";
import type { HyperValue } from "../runtime/trees/hyperparameters.ts";

/** Options of {@linkcode scaleByMadgrad}. */
export interface ScaleByMadgradOptions {
  /** Step size γ. */
  learningRate: HyperValue;
  /** How much of the parameter stays at each step. Default 0.9. */
  momentum?: HyperValue;
  /** Added to the cube root and, as the authors' code does, to the step size. Default 1e-6. */
  eps?: HyperValue;
}

/** Options of {@linkcode madgrad}. */
export interface MadgradOptions extends ScaleByMadgradOptions, MaskOption {
  /** Weight decay λ, added to the gradient before all else. Default 0. */
  weightDecay?: HyperValue;
}

/**
 * MADGRAD: dual averaging by the cube root of the weighted squared gradients, and momentum as an
 * average of iterates. Three state tensors: the sums `s` and `v`, and the first parameter `w0`.
 *
 * ```text
 * g_t &\leftarrow g_t + \lambda \cdot \theta_{t-1} \\
 * \lambda_t &\leftarrow (\alpha_t + \epsilon) \cdot \sqrt{t} \\
 * s_t &\leftarrow s_{t-1} + \lambda_t \cdot g_t \\
 * v_t &\leftarrow v_{t-1} + \lambda_t \cdot g_t^{2} \\
 * z_t &\leftarrow w_{0,t-1} - \frac{s_t}{\sqrt[3]{v_t} + \epsilon} \\
 * u_t &\leftarrow (1 - \mu) \cdot (z_t - \theta_{t-1}) \\
 * S_t &\leftarrow (s_t, v_t, w_{0,t-1})
 * ```
 *
 * Source: Defazio and Jelassi 2021, Adaptivity without Compromise: A Momentumized, Adaptive, Dual
 * Averaged Gradient Method for Stochastic Optimization, arXiv 2101.11075.
 *
 * @example
 * ```ts
 * import { madgrad } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = madgrad({ learningRate: 0.1 });
 * const x = Float32Array.of(1, 2, 3);
 * const state = opt.init(x);
 * for (let step = 0; step < 300; step++) opt.step(x, x.map((value) => 2 * value), state);
 * assertEquals(x.reduce((sum, value) => sum + value * value, 0) < 0.1, true);
 * ```
 */
export const madgrad: OptimizerFactory<MadgradOptions, { s: "leaf"; v: "leaf"; w0: "leaf" }> =
  /* @__PURE__ */ optimizer({
    name: "madgrad",
    doc: "Dual averaging by a cube root, with momentum; three state tensors.",
    source:
      "Defazio and Jelassi 2021, Adaptivity without Compromise: A Momentumized, Adaptive, Dual " +
      "Averaged Gradient Method for Stochastic Optimization, arXiv 2101.11075",
    hyper: {
      learningRate: required,
      momentum: { default: 0.9, domain: "[0, 1)" },
      eps: { default: 1e-6, domain: "[0, inf)" },
      weightDecay: 0,
    },
    state: { s: 0, v: 0, w0: "w" },
    step: `
    g = g + weightDecay*w
    lambda = (learningRate + eps)*sqrt(t)
    s = s + lambda*g
    v = v + lambda*g^2
    z = w0 - s/(cbrt(v) + eps)
    u = (1 - momentum)*(z - w)
  `,
  });

/**
 * The steps of {@linkcode madgrad} without weight decay, which go down the gradient already.
 *
 * ```text
 * \lambda_t &\leftarrow (\alpha_t + \epsilon) \cdot \sqrt{t} \\
 * s_t &\leftarrow s_{t-1} + \lambda_t \cdot g_t \\
 * v_t &\leftarrow v_{t-1} + \lambda_t \cdot g_t^{2} \\
 * z_t &\leftarrow w_{0,t-1} - \frac{s_t}{\sqrt[3]{v_t} + \epsilon} \\
 * u_t &\leftarrow (1 - \mu) \cdot (z_t - \theta_{t-1}) \\
 * S_t &\leftarrow (s_t, v_t, w_{0,t-1})
 * ```
 *
 * Source: Defazio and Jelassi 2021, Adaptivity without Compromise: A Momentumized, Adaptive, Dual
 * Averaged Gradient Method for Stochastic Optimization, arXiv 2101.11075.
 *
 * @example
 * ```ts
 * import { scaleByMadgrad } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const scale = scaleByMadgrad({ learningRate: 1, momentum: 0, eps: 0 });
 * const x = Float64Array.of(5);
 * const [updates] = scale.update(Float64Array.of(8), scale.init(x), x); // 8/∛64
 * assertEquals(updates[0].toFixed(9), "-2.000000000");
 * ```
 */
export const scaleByMadgrad: OptimizerFactory<
  ScaleByMadgradOptions,
  { s: "leaf"; v: "leaf"; w0: "leaf" }
> = /* @__PURE__ */ fixed(
  madgrad,
  { name: "scaleByMadgrad", doc: "The steps of MADGRAD." },
  { weightDecay: 0 },
);
