import { required } from "../dsl/program.ts";
import type { MaskOption, MuDTypeOption, OptimizerFactory } from "../runtime/define.ts";
import { optimizer } from "../runtime/lazy.ts";
import type { HyperValue } from "../runtime/trees/hyperparameters.ts";

/** Options of {@linkcode spam}. */
export interface SpamOptions extends MaskOption, MuDTypeOption {
  /** Step size α. */
  learningRate: HyperValue;
  /** Decay β1 of the first moment. Default 0.9. */
  b1?: HyperValue;
  /** Decay β2 of the second moment. Default 0.999. */
  b2?: HyperValue;
  /** Added outside the square root. Default 1e-6. */
  eps?: HyperValue;
  /** Decoupled weight decay λ, multiplied by the learning rate. Default 0. */
  weightDecay?: HyperValue;
  /** How many times its second moment a squared gradient may be; Infinity for any. Default 5000. */
  threshold?: HyperValue;
  /** After how many steps the moments begin anew. Default 500. */
  deltaT?: HyperValue;
  /** For how many steps after that the step size rises from 1 % to its full size. Default 150. */
  warmupSteps?: HyperValue;
  /** How many steps after a beginning gradients are not clipped. Default 20. */
  gradAccuSteps?: HyperValue;
}

/**
 * SPAM: {@linkcode adamw} that clips each gradient which is far above its second moment, and forgets both
 * moments now and then, so that spikes do not last; two state tensors. Weights decay after the step.
 *
 * ```text
 * k_t &\leftarrow t - \mathrm{deltaT} \cdot \left\lfloor \frac{t}{\mathrm{deltaT}} \right\rfloor \\
 * m_t &\leftarrow \begin{cases} 0 & \text{if } k_t = 0 \\ m_{t-1} & \text{otherwise} \end{cases} \\
 * v_t &\leftarrow \begin{cases} 0 & \text{if } k_t = 0 \\ v_{t-1} & \text{otherwise} \end{cases} \\
 * \mathrm{isSpike}_t &\leftarrow k_t \ge \mathrm{gradAccuSteps} \land g_t^{2} > \mathrm{threshold} \cdot v_t \\
 * c_t &\leftarrow \begin{cases} \operatorname{sign} \left( g_t \right) \cdot \sqrt{\mathrm{threshold} \cdot v_t} & \text{if } \mathrm{isSpike}_t \\ g_t & \text{otherwise} \end{cases} \\
 * m_t &\leftarrow \beta_1 \cdot m_t + (1 - \beta_1) \cdot c_t \\
 * v_t &\leftarrow \beta_2 \cdot v_t + (1 - \beta_2) \cdot c_t^{2} \\
 * s_t &\leftarrow \begin{cases} 1 - \frac{0.99 \cdot (1 + \cos \left( \frac{3.141592653589793 \cdot k_t}{\mathrm{warmupSteps} + 1} \right))}{2} & \text{if } t \ge \mathrm{deltaT} \land k_t < \mathrm{warmupSteps} \\ 1 & \text{otherwise} \end{cases} \\
 * d_t &\leftarrow \frac{\frac{s_t}{1 - \beta_1^{t}} \cdot m_t}{\sqrt{\frac{1}{1 - \beta_2^{t}} \cdot v_t} + \frac{\epsilon}{\sqrt{1 - \beta_2^{t}}}} \\
 * u_t &\leftarrow -\alpha_t \cdot (d_t + \lambda \cdot (\theta_{t-1} - \alpha_t \cdot d_t)) \\
 * S_t &\leftarrow (m_t, v_t)
 * ```
 *
 * Source: Huang et al. 2025, SPAM: Spike-Aware Adam with Momentum Reset for Stable LLM Training, arXiv
 * 2501.06842, without its sparse momentum.
 *
 * @example
 * ```ts
 * import { spam } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = spam({ learningRate: 0.1, threshold: 2, gradAccuSteps: 3 });
 * const x = Float32Array.of(0, 0);
 * const state = opt.init(x);
 * for (let step = 1; step <= 4; step++) opt.step(x, Float32Array.of(1, step < 4 ? 1 : 1000), state);
 * // A gradient of 1000 counts as one of 0.077: √2 times the root of the second moment so far.
 * assertEquals(Array.from(x, (value) => value.toFixed(4)), ["-0.3482", "-0.3482"]);
 * ```
 */
export const spam: OptimizerFactory<SpamOptions, { m: "leaf"; v: "leaf" }> =
  /* @__PURE__ */ optimizer({
    name: "spam",
    doc: "AdamW that clips spikes and begins its moments anew; two state tensors.",
    source:
      "Huang et al. 2025, SPAM: Spike-Aware Adam with Momentum Reset for Stable LLM Training, " +
      "arXiv 2501.06842",
    hyper: {
      learningRate: required,
      b1: { default: 0.9, domain: "[0, 1)" },
      b2: { default: 0.999, domain: "[0, 1)" },
      eps: { default: 1e-6, domain: "[0, inf)" },
      weightDecay: 0,
      threshold: { default: 5000, domain: "(0, inf]" },
      deltaT: { default: 500, domain: "integer [1, inf)" },
      warmupSteps: { default: 150, domain: "[0, inf)" },
      gradAccuSteps: { default: 20, domain: "[0, inf)" },
    },
    state: { m: 0, v: 0 },
    step: `
    k = t - deltaT*floor(t/deltaT)
    m = where(k == 0, 0, m)
    v = where(k == 0, 0, v)
    isSpike = k >= gradAccuSteps & g^2 > threshold*v
    c = where(isSpike, sign(g)*sqrt(threshold*v), g)
    m = b1*m + (1 - b1)*c
    v = b2*v + (1 - b2)*c^2
    s = where(t >= deltaT & k < warmupSteps, 1 - 0.99*(1 + cos(pi*k/(warmupSteps + 1)))/2, 1)
    d = s/(1 - b1^t)*m/(sqrt(1/(1 - b2^t)*v) + eps/sqrt(1 - b2^t))
    u = -learningRate*(d + weightDecay*(w - learningRate*d))
  `,
  });
