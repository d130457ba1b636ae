import { required } from "../dsl/program.ts";
import type { MaskOption, MuDTypeOption, OptimizerFactory } from "../runtime/define.ts";
import { fixed, optimizer } from "../runtime/lazy.ts";
import type { HyperValue } from "../runtime/trees/hyperparameters.ts";

/** Options of {@linkcode adabelief}. */
export interface AdaBeliefOptions extends MaskOption, MuDTypeOption {
  /** Step size α. */
  learningRate: HyperValue;
  /** Decay β1 of the first moment. Default 0.9. */
  b1?: HyperValue;
  /** Decay β2 of the squared deviation. Default 0.999. */
  b2?: HyperValue;
  /** Added outside the square root. Default 1e-16. */
  eps?: HyperValue;
  /** Added to the squared deviation at each step, and kept in it. Default 1e-16. */
  epsRoot?: HyperValue;
  /** Decoupled weight decay λ, multiplied by the learning rate. Default 0. */
  weightDecay?: HyperValue;
  /** Whether the first moment looks one step ahead. Default false. */
  nesterov?: boolean;
}

/**
 * AdaBelief: Adam by the deviation of the gradient from its mean in place of the second moment,
 * with two state tensors. The step is long where the gradient is what its mean foretold.
 *
 * ```text
 * m_t &\leftarrow \beta_1 \cdot m_{t-1} + (1 - \beta_1) \cdot g_t \\
 * s_t &\leftarrow \beta_2 \cdot s_{t-1} + (1 - \beta_2) \cdot (g_t - m_t)^{2} + \bar{\epsilon} \\
 * \hat{m}_t &\leftarrow \begin{cases} \frac{\beta_1}{1 - \beta_1^{t + 1}} \cdot m_t + \frac{1 - \beta_1}{1 - \beta_1^{t}} \cdot g_t & \text{if } \mathrm{nesterov} \\ \frac{1}{1 - \beta_1^{t}} \cdot m_t & \text{otherwise} \end{cases} \\
 * \hat{s}_t &\leftarrow \frac{1}{1 - \beta_2^{t}} \cdot s_t \\
 * u_t &\leftarrow -\alpha_t \cdot (\frac{\hat{m}_t}{\sqrt{\hat{s}_t} + \epsilon} + \lambda \cdot \theta_{t-1}) \\
 * S_t &\leftarrow (m_t, s_t)
 * ```
 *
 * Source: Zhuang et al. 2020, AdaBelief Optimizer: Adapting Stepsizes by the Belief in Observed
 * Gradients, arXiv 2010.07468.
 *
 * @example
 * ```ts
 * import { adabelief } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = adabelief({ learningRate: 0.1 });
 * const x = Float32Array.of(1, 2, 3);
 * const state = opt.init(x);
 * for (let step = 0; step < 5; step++) opt.step(x, x.map((value) => 2 * value), state);
 * assertEquals(Array.from(x, (value) => value.toFixed(4)), ["0.4045", "1.3930", "2.3905"]);
 * ```
 */
export const adabelief: OptimizerFactory<AdaBeliefOptions, { m: "leaf"; s: "leaf" }> =
  /* @__PURE__ */ optimizer({
    name: "adabelief",
    doc: "Adam by the deviation of the gradient from its mean; two state tensors.",
    source:
      "Zhuang et al. 2020, AdaBelief Optimizer: Adapting Stepsizes by the Belief in Observed Gradients, arXiv 2010.07468",
    hyper: {
      learningRate: required,
      b1: { default: 0.9, domain: "[0, 1)" },
      b2: { default: 0.999, domain: "[0, 1)" },
      eps: { default: 1e-16, domain: "[0, inf)" },
      epsRoot: { default: 1e-16, domain: "[0, inf)" },
      weightDecay: 0,
      nesterov: false,
    },
    state: { m: 0, s: 0 },
    step: `
    m = b1*m + (1 - b1)*g
    s = b2*s + (1 - b2)*(g - m)^2 + epsRoot
    mhat = where(nesterov, b1/(1 - b1^(t + 1))*m + (1 - b1)/(1 - b1^t)*g, 1/(1 - b1^t)*m)
    shat = 1/(1 - b2^t)*s
    u = -learningRate*(mhat/(sqrt(shat) + eps) + weightDecay*w)
  `,
  });

/** Options of {@linkcode scaleByBelief}. */
export type ScaleByBeliefOptions = Omit<
  AdaBeliefOptions,
  "learningRate" | "weightDecay" | keyof MaskOption
>;

/**
 * The direction of {@linkcode adabelief}, to be scaled by what follows in a chain. The direction
 * keeps the sign of the gradient: an optimizer subtracts it.
 *
 * ```text
 * m_t &\leftarrow \beta_1 \cdot m_{t-1} + (1 - \beta_1) \cdot g_t \\
 * s_t &\leftarrow \beta_2 \cdot s_{t-1} + (1 - \beta_2) \cdot (g_t - m_t)^{2} + \bar{\epsilon} \\
 * \hat{m}_t &\leftarrow \begin{cases} \frac{\beta_1}{1 - \beta_1^{t + 1}} \cdot m_t + \frac{1 - \beta_1}{1 - \beta_1^{t}} \cdot g_t & \text{if } \mathrm{nesterov} \\ \frac{1}{1 - \beta_1^{t}} \cdot m_t & \text{otherwise} \end{cases} \\
 * \hat{s}_t &\leftarrow \frac{1}{1 - \beta_2^{t}} \cdot s_t \\
 * u_t &\leftarrow \frac{\hat{m}_t}{\sqrt{\hat{s}_t} + \epsilon} \\
 * S_t &\leftarrow (m_t, s_t)
 * ```
 *
 * Source: Zhuang et al. 2020, AdaBelief Optimizer: Adapting Stepsizes by the Belief in Observed
 * Gradients, arXiv 2010.07468.
 *
 * @example
 * ```ts
 * import { scaleByBelief } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = scaleByBelief();
 * let state = opt.init(Float32Array.of(0, 0));
 * let updates = Float32Array.of(0, 0);
 * for (const gradient of [1, 3]) {
 *   [updates, state] = opt.update(Float32Array.of(gradient, -1), state);
 * }
 * assertEquals(Array.from(updates, (value) => value.toFixed(4)), ["1.0512", "-1.1680"]);
 * ```
 */
export const scaleByBelief: OptimizerFactory<ScaleByBeliefOptions, { m: "leaf"; s: "leaf" }> =
  /* @__PURE__ */ fixed(
    adabelief,
    {
      name: "scaleByBelief",
      doc: "The direction of AdaBelief; two state tensors.",
      source:
        "Zhuang et al. 2020, AdaBelief Optimizer: Adapting Stepsizes by the Belief in Observed Gradients, arXiv 2010.07468",
    },
    { learningRate: -1, weightDecay: 0 },
  );
