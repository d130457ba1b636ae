import { required } from "../dsl/program.ts";
import type { MaskOption, MuDTypeOption, OptimizerFactory } from "../runtime/define.ts";
import { fixed, optimizer } from "../runtime/lazy.ts";
import type { HyperValue } from "../runtime/trees/hyperparameters.ts";

/** Options of {@linkcode simplifiedAdemamix}. */
export interface SimplifiedAdEMAMixOptions extends MaskOption, MuDTypeOption {
  /** Step size α. */
  learningRate: HyperValue;
  /** Decay β1 of the sum of gradients. Default 0.99. */
  b1?: HyperValue;
  /** Decay β2 of the second moment. Default 0.95. */
  b2?: HyperValue;
  /** Weight of the gradient beside the sum. Default 0. */
  alpha?: HyperValue;
  /** Added outside the square root. Default 1e-8. */
  eps?: HyperValue;
  /** Added inside the square root. Default 0. */
  epsRoot?: HyperValue;
  /** Decoupled weight decay λ, multiplied by the learning rate. Default 0. */
  weightDecay?: HyperValue;
}

/**
 * Simplified AdEMAMix: a slow sum of gradients and the gradient itself in place of two means; two
 * state tensors. The sum is 1 / (1 - β1) times a mean: its step size is so much smaller than
 * Adam's.
 *
 * ```text
 * m_t &\leftarrow \beta_1 \cdot m_{t-1} + g_t \\
 * v_t &\leftarrow \beta_2 \cdot v_{t-1} + (1 - \beta_2) \cdot g_t^{2} \\
 * \hat{v}_t &\leftarrow \frac{1}{1 - \beta_2^{t}} \cdot v_t \\
 * u_t &\leftarrow -\alpha_t \cdot (\frac{m_t + \alpha \cdot g_t}{\sqrt{\hat{v}_t + \bar{\epsilon}} + \epsilon} + \lambda \cdot \theta_{t-1}) \\
 * S_t &\leftarrow (m_t, v_t)
 * ```
 *
 * Source: Morwani et al. 2025, Connections between Schedule-Free Optimizers, AdEMAMix, and
 * Accelerated SGD Variants, arXiv 2502.02431.
 *
 * @example
 * ```ts
 * import { simplifiedAdemamix } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = simplifiedAdemamix({ learningRate: 0.1 });
 * const x = Float32Array.of(1, 2, 3);
 * const state = opt.init(x);
 * for (let step = 0; step < 5; step++) opt.step(x, x.map((value) => 2 * value), state);
 * assertEquals(Array.from(x, (value) => value.toFixed(4)), ["-0.4075", "0.5272", "1.5205"]);
 * ```
 */
export const simplifiedAdemamix: OptimizerFactory<
  SimplifiedAdEMAMixOptions,
  { m: "leaf"; v: "leaf" }
> = /* @__PURE__ */ optimizer({
  name: "simplifiedAdemamix",
  doc: "A slow sum of gradients and the gradient itself; two state tensors.",
  source:
    "Morwani et al. 2025, Connections between Schedule-Free Optimizers, AdEMAMix, and Accelerated SGD Variants, arXiv 2502.02431",
  hyper: {
    learningRate: required,
    b1: { default: 0.99, domain: "[0, 1)" },
    b2: { default: 0.95, domain: "[0, 1)" },
    alpha: { default: 0, domain: "[0, inf)" },
    eps: { default: 1e-8, domain: "[0, inf)" },
    epsRoot: { default: 0, domain: "[0, inf)" },
    weightDecay: 0,
  },
  state: { m: 0, v: 0 },
  step: `
    m = b1*m + g
    v = b2*v + (1 - b2)*g^2
    vhat = 1/(1 - b2^t)*v
    u = -learningRate*((m + alpha*g)/(sqrt(vhat + epsRoot) + eps) + weightDecay*w)
  `,
});

/** Options of {@linkcode scaleBySimplifiedAdemamix}. */
export type ScaleBySimplifiedAdEMAMixOptions = Omit<
  SimplifiedAdEMAMixOptions,
  "learningRate" | "weightDecay" | keyof MaskOption
>;

/**
 * The direction of {@linkcode simplifiedAdemamix}, to be scaled by what follows in a chain. The
 * direction keeps the sign of the gradient: an optimizer subtracts it.
 *
 * ```text
 * m_t &\leftarrow \beta_1 \cdot m_{t-1} + g_t \\
 * v_t &\leftarrow \beta_2 \cdot v_{t-1} + (1 - \beta_2) \cdot g_t^{2} \\
 * \hat{v}_t &\leftarrow \frac{1}{1 - \beta_2^{t}} \cdot v_t \\
 * u_t &\leftarrow \frac{m_t + \alpha \cdot g_t}{\sqrt{\hat{v}_t + \bar{\epsilon}} + \epsilon} \\
 * S_t &\leftarrow (m_t, v_t)
 * ```
 *
 * Source: Morwani et al. 2025, Connections between Schedule-Free Optimizers, AdEMAMix, and
 * Accelerated SGD Variants, arXiv 2502.02431.
 *
 * @example
 * ```ts
 * import { scaleBySimplifiedAdemamix } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = scaleBySimplifiedAdemamix();
 * let state = opt.init(Float32Array.of(0, 0));
 * let updates = Float32Array.of(0, 0);
 * for (const gradient of [1, 3]) {
 *   [updates, state] = opt.update(Float32Array.of(gradient, -1), state);
 * }
 * assertEquals(Array.from(updates, (value) => value.toFixed(4)), ["1.7664", "-1.9900"]);
 * ```
 */
export const scaleBySimplifiedAdemamix: OptimizerFactory<
  ScaleBySimplifiedAdEMAMixOptions,
  { m: "leaf"; v: "leaf" }
> = /* @__PURE__ */ fixed(
  simplifiedAdemamix,
  {
    name: "scaleBySimplifiedAdemamix",
    doc: "The direction of Simplified AdEMAMix; two state tensors.",
    source:
      "Morwani et al. 2025, Connections between Schedule-Free Optimizers, AdEMAMix, and Accelerated SGD Variants, arXiv 2502.02431",
  },
  { learningRate: -1, weightDecay: 0 },
);
