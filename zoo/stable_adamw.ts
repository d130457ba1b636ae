import { required } from "../dsl/program.ts";
import type { MaskOption, MuDTypeOption, OptimizerFactory } from "../runtime/define.ts";
import { optimizer } from "../runtime/lazy.ts";
import type { HyperValue } from "../runtime/trees/hyperparameters.ts";

/** Options of {@linkcode stableAdamw}. */
export interface StableAdamWOptions extends MaskOption, MuDTypeOption {
  /** Step size α. */
  learningRate: HyperValue;
  /** Decay β1 of the first moment. Default 0.9. */
  b1?: HyperValue;
  /** Decay β2 of the second moment. Default 0.99. */
  b2?: HyperValue;
  /** Added outside the square root; the least root that a gradient is held against. Default 1e-6. */
  eps?: HyperValue;
  /** Decoupled weight decay λ, multiplied by the learning rate. Default 0.01. */
  weightDecay?: HyperValue;
}

/**
 * StableAdamW: {@linkcode adamw} with steps that are shorter where gradients are larger than their second
 * moment tells, as Adafactor has it, in place of clipped gradients; two state tensors. Decays that begin
 * at 0 stand for the correction of the bias.
 *
 * ```text
 * \beta_{1,t} &\leftarrow \frac{\beta_1 - \beta_1^{t}}{1 - \beta_1^{t}} \\
 * \beta_{2,t} &\leftarrow \frac{\beta_2 - \beta_2^{t}}{1 - \beta_2^{t}} \\
 * m_t &\leftarrow \beta_{1,t} \cdot m_{t-1} + (1 - \beta_{1,t}) \cdot g_t \\
 * v_t &\leftarrow \beta_{2,t} \cdot v_{t-1} + (1 - \beta_{2,t}) \cdot g_t^{2} \\
 * r_t &\leftarrow \max \left( 1, \sqrt{\operatorname{mean} \left( \frac{g_t^{2}}{\max \left( v_t, \epsilon^{2} \right)} \right)} \right) \\
 * u_t &\leftarrow \frac{-\alpha_t}{r_t} \cdot (\frac{m_t}{\sqrt{v_t} + \epsilon} + \lambda \cdot \theta_{t-1}) \\
 * S_t &\leftarrow (m_t, v_t)
 * ```
 *
 * Source: Wortsman et al. 2023, Stable and low-precision training for large-scale vision-language models,
 * arXiv 2304.13013; with its authors' defaults but for the decays, which are those of optimi.
 *
 * @example
 * ```ts
 * import { stableAdamw } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = stableAdamw({ learningRate: 0.1 });
 * const x = Float32Array.of(1, 2, 3);
 * const state = opt.init(x);
 * for (let step = 0; step < 5; step++) opt.step(x, x.map((value) => 2 * value), state);
 * assertEquals(Array.from(x, (value) => value.toFixed(4)), ["0.5037", "1.4938", "2.4877"]);
 * ```
 */
export const stableAdamw: OptimizerFactory<StableAdamWOptions, { m: "leaf"; v: "leaf" }> =
  /* @__PURE__ */ optimizer({
    name: "stableAdamw",
    doc: "AdamW with Adafactor's clipping of updates; two state tensors.",
    source:
      "Wortsman et al. 2023, Stable and low-precision training for large-scale vision-language " +
      "models, arXiv 2304.13013",
    hyper: {
      learningRate: required,
      b1: { default: 0.9, domain: "[0, 1)" },
      b2: { default: 0.99, domain: "[0, 1)" },
      eps: { default: 1e-6, domain: "(0, inf)" },
      weightDecay: 0.01,
    },
    state: { m: 0, v: 0 },
    step: `
    beta1 = (b1 - b1^t)/(1 - b1^t)
    beta2 = (b2 - b2^t)/(1 - b2^t)
    m = beta1*m + (1 - beta1)*g
    v = beta2*v + (1 - beta2)*g^2
    r = max(1, sqrt(mean(g^2/max(v, eps^2))))
    u = -learningRate/r*(m/(sqrt(v) + eps) + weightDecay*w)
  `,
  });
