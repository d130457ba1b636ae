import { required } from "../dsl/program.ts";
import type { MaskOption, MuDTypeOption, OptimizerFactory } from "../runtime/define.ts";
import { optimizer } from "../runtime/lazy.ts";
import type { HyperValue } from "../runtime/trees/hyperparameters.ts";

/** Options of {@linkcode marsAdamw}. */
export interface MarsAdamWOptions extends MaskOption, MuDTypeOption {
  /** Step size α. */
  learningRate: HyperValue;
  /** Decay β1 of the first moment. Default 0.95. */
  b1?: HyperValue;
  /** Decay β2 of the second moment. Default 0.99. */
  b2?: HyperValue;
  /** Weight γ of the correction; 0 leaves AdamW of clipped gradients. Default 0.025. */
  gamma?: HyperValue;
  /** Added outside the square root. Default 1e-8. */
  eps?: HyperValue;
  /** Decoupled weight decay λ, multiplied by the learning rate. Default 0. */
  weightDecay?: HyperValue;
}

/**
 * MARS-AdamW: AdamW of gradients that are corrected by their difference from the gradient before,
 * to reduce their variance, and clipped to a norm of 1 a tensor; three state tensors. This is the
 * approximate form, which takes the gradient before as it was given then, on its own batch. The
 * first step has no correction.
 *
 * The authors use it for matrices and AdamW for all else.
 *
 * ```text
 * d_t &\leftarrow \begin{cases} g_t - \mathrm{before}_{t-1} & \text{if } t > 1 \\ 0 & \text{otherwise} \end{cases} \\
 * c_t &\leftarrow g_t + \frac{\gamma \cdot \beta_1}{1 - \beta_1} \cdot d_t \\
 * \tilde{c}_t &\leftarrow \frac{1}{\max \left( \left\lVert c_t \right\rVert, 1 \right)} \cdot c_t \\
 * m_t &\leftarrow \beta_1 \cdot m_{t-1} + (1 - \beta_1) \cdot \tilde{c}_t \\
 * v_t &\leftarrow \beta_2 \cdot v_{t-1} + (1 - \beta_2) \cdot \tilde{c}_t^{2} \\
 * \hat{m}_t &\leftarrow \frac{1}{1 - \beta_1^{t}} \cdot m_t \\
 * \hat{v}_t &\leftarrow \frac{1}{1 - \beta_2^{t}} \cdot v_t \\
 * u_t &\leftarrow -\alpha_t \cdot (\frac{\hat{m}_t}{\sqrt{\hat{v}_t} + \epsilon} + \lambda \cdot \theta_{t-1}) \\
 * \mathrm{before}_t &\leftarrow g_t \\
 * S_t &\leftarrow (m_t, v_t, \mathrm{before}_t)
 * ```
 *
 * Source: Yuan et al. 2024, MARS: Unleashing the Power of Variance Reduction for Training Large
 * Models, arXiv 2411.10438.
 *
 * @example
 * ```ts
 * import { marsAdamw } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = marsAdamw({ learningRate: 0.1 });
 * const x = Float32Array.of(1, 2, 3);
 * const state = opt.init(x);
 * for (let step = 0; step < 5; step++) opt.step(x, x.map((value) => 2 * value), state);
 * assertEquals(Array.from(x, (value) => value.toFixed(4)), ["0.5032", "1.5002", "2.4998"]);
 * ```
 */
export const marsAdamw: OptimizerFactory<
  MarsAdamWOptions,
  { m: "leaf"; v: "leaf"; before: "leaf" }
> = /* @__PURE__ */ optimizer({
  name: "marsAdamw",
  doc: "AdamW of variance-reduced gradients; three state tensors.",
  source:
    "Yuan et al. 2024, MARS: Unleashing the Power of Variance Reduction for Training Large Models, arXiv 2411.10438",
  hyper: {
    learningRate: required,
    b1: { default: 0.95, domain: "[0, 1)" },
    b2: { default: 0.99, domain: "[0, 1)" },
    gamma: 0.025,
    eps: { default: 1e-8, domain: "[0, inf)" },
    weightDecay: 0,
  },
  state: { m: 0, v: 0, before: 0 },
  step: `
    d = where(t > 1, g - before, 0)
    c = g + gamma*b1/(1 - b1)*d
    ctilde = 1/max(norm(c), 1)*c
    m = b1*m + (1 - b1)*ctilde
    v = b2*v + (1 - b2)*ctilde^2
    mhat = 1/(1 - b1^t)*m
    vhat = 1/(1 - b2^t)*v
    u = -learningRate*(mhat/(sqrt(vhat) + eps) + weightDecay*w)
    before = g
  `,
});
