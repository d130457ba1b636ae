import { required } from "../dsl/program.ts";
import type { MaskOption, MuDTypeOption, OptimizerFactory } from "../runtime/define.ts";
import { fixed, optimizer } from "../runtime/lazy.ts";
import type { HyperValue } from "../runtime/trees/hyperparameters.ts";

/** Options of {@linkcode ademamix}. */
export interface AdEMAMixOptions extends MaskOption, MuDTypeOption {
  /** Step size α. */
  learningRate: HyperValue;
  /** Decay β1 of the fast mean. Default 0.9. */
  b1?: HyperValue;
  /** Decay β2 of the second moment. Default 0.999. */
  b2?: HyperValue;
  /** Decay β3 of the slow mean. Default 0.9999. */
  b3?: HyperValue;
  /** Weight of the slow mean. Default 5. */
  alpha?: HyperValue;
  /** Added outside the square root. Default 1e-8. */
  eps?: HyperValue;
  /** Added inside the square root. Default 0. */
  epsRoot?: HyperValue;
  /** Decoupled weight decay λ, multiplied by the learning rate. Default 0. */
  weightDecay?: HyperValue;
}

/**
 * AdEMAMix: Adam with a second, slow mean of the gradients beside the fast one; three state
 * tensors. The slow mean `m2` is not bias-corrected. `alpha` and `b3` may be schedules, as the
 * paper warms both up.
 *
 * ```text
 * m_t &\leftarrow \beta_1 \cdot m_{t-1} + (1 - \beta_1) \cdot g_t \\
 * m_{2,t} &\leftarrow \beta_3 \cdot m_{2,t-1} + (1 - \beta_3) \cdot g_t \\
 * v_t &\leftarrow \beta_2 \cdot v_{t-1} + (1 - \beta_2) \cdot g_t^{2} \\
 * \hat{v}_t &\leftarrow \frac{1}{1 - \beta_2^{t}} \cdot v_t \\
 * c_t &\leftarrow \frac{\frac{1}{1 - \beta_1^{t}} \cdot m_t + \alpha \cdot m_{2,t}}{\sqrt{\hat{v}_t + \bar{\epsilon}} + \epsilon} \\
 * u_t &\leftarrow -\alpha_t \cdot (c_t + \lambda \cdot \theta_{t-1}) \\
 * S_t &\leftarrow (m_t, m_{2,t}, v_t)
 * ```
 *
 * Source: Pagliardini et al. 2024, The AdEMAMix Optimizer: Better, Faster, Older, arXiv 2409.03137.
 *
 * @example
 * ```ts
 * import { ademamix, linearSchedule } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const alpha = linearSchedule({ initValue: 0, endValue: 5, transitionSteps: 4 });
 * const opt = ademamix({ learningRate: 0.1, b3: 0.99, alpha });
 * const x = Float32Array.of(1, 2, 3);
 * const state = opt.init(x);
 * for (let step = 0; step < 5; step++) opt.step(x, x.map((value) => 2 * value), state);
 * assertEquals(Array.from(x, (value) => value.toFixed(4)), ["0.4600", "1.4541", "2.4527"]);
 * ```
 */
export const ademamix: OptimizerFactory<AdEMAMixOptions, { m: "leaf"; m2: "leaf"; v: "leaf" }> =
  /* @__PURE__ */ optimizer({
    name: "ademamix",
    doc: "Adam with a fast and a slow mean of gradients; three state tensors.",
    source:
      "Pagliardini et al. 2024, The AdEMAMix Optimizer: Better, Faster, Older, arXiv 2409.03137",
    hyper: {
      learningRate: required,
      b1: { default: 0.9, domain: "[0, 1)" },
      b2: { default: 0.999, domain: "[0, 1)" },
      b3: { default: 0.9999, domain: "[0, 1)" },
      alpha: { default: 5, domain: "[0, inf)" },
      eps: { default: 1e-8, domain: "[0, inf)" },
      epsRoot: { default: 0, domain: "[0, inf)" },
      weightDecay: 0,
    },
    state: { m: 0, m2: 0, v: 0 },
    step: `
    m = b1*m + (1 - b1)*g
    m2 = b3*m2 + (1 - b3)*g
    v = b2*v + (1 - b2)*g^2
    vhat = 1/(1 - b2^t)*v
    c = (1/(1 - b1^t)*m + alpha*m2)/(sqrt(vhat + epsRoot) + eps)
    u = -learningRate*(c + weightDecay*w)
  `,
  });

/** Options of {@linkcode scaleByAdemamix}. */
export type ScaleByAdEMAMixOptions = Omit<
  AdEMAMixOptions,
  "learningRate" | "weightDecay" | keyof MaskOption
>;

/**
 * The direction of {@linkcode ademamix}, to be scaled by what follows in a chain. The direction
 * keeps the sign of the gradient: an optimizer subtracts it. The default of `alpha` is 6,
 * as in Optax.
 *
 * ```text
 * m_t &\leftarrow \beta_1 \cdot m_{t-1} + (1 - \beta_1) \cdot g_t \\
 * m_{2,t} &\leftarrow \beta_3 \cdot m_{2,t-1} + (1 - \beta_3) \cdot g_t \\
 * v_t &\leftarrow \beta_2 \cdot v_{t-1} + (1 - \beta_2) \cdot g_t^{2} \\
 * \hat{v}_t &\leftarrow \frac{1}{1 - \beta_2^{t}} \cdot v_t \\
 * c_t &\leftarrow \frac{\frac{1}{1 - \beta_1^{t}} \cdot m_t + \alpha \cdot m_{2,t}}{\sqrt{\hat{v}_t + \bar{\epsilon}} + \epsilon} \\
 * u_t &\leftarrow c_t \\
 * S_t &\leftarrow (m_t, m_{2,t}, v_t)
 * ```
 *
 * Source: Pagliardini et al. 2024, The AdEMAMix Optimizer: Better, Faster, Older, arXiv 2409.03137.
 *
 * @example
 * ```ts
 * import { scaleByAdemamix } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = scaleByAdemamix();
 * let state = opt.init(Float32Array.of(0, 0));
 * let updates = Float32Array.of(0, 0);
 * for (const gradient of [1, 3]) {
 *   [updates, state] = opt.update(Float32Array.of(gradient, -1), state);
 * }
 * assertEquals(Array.from(updates, (value) => value.toFixed(4)), ["0.9189", "-1.0012"]);
 * ```
 */
export const scaleByAdemamix: OptimizerFactory<
  ScaleByAdEMAMixOptions,
  { m: "leaf"; m2: "leaf"; v: "leaf" }
> = /* @__PURE__ */ fixed(
  ademamix,
  {
    name: "scaleByAdemamix",
    defaults: { alpha: 6 },
    doc: "The direction of AdEMAMix; three state tensors.",
    source:
      "Pagliardini et al. 2024, The AdEMAMix Optimizer: Better, Faster, Older, arXiv 2409.03137",
  },
  { learningRate: -1, weightDecay: 0 },
);
