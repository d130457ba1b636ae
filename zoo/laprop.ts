import { required } from "../dsl/program.ts";
import type { MaskOption, MuDTypeOption, OptimizerFactory } from "../runtime/define.ts";
import { optimizer } from "../runtime/lazy.ts";
import type { HyperValue } from "../runtime/trees/hyperparameters.ts";

/** Options of {@linkcode laprop}. */
export interface LaPropOptions extends MaskOption, MuDTypeOption {
  /** Step size α. */
  learningRate: HyperValue;
  /** Decay β1 of the momentum. Default 0.9. */
  b1?: HyperValue;
  /** Decay β2 of the second moment. Default 0.999. */
  b2?: HyperValue;
  /** Added outside the square root. Default 1e-15. */
  eps?: HyperValue;
  /** Decoupled weight decay λ, multiplied by the learning rate. Default 0. */
  weightDecay?: HyperValue;
}

/**
 * LaProp: gradients are divided by their second moment before they enter the momentum, which stays
 * stable for any pair of decays; two state tensors.
 *
 * ```text
 * v_t &\leftarrow \beta_2 \cdot v_{t-1} + (1 - \beta_2) \cdot g_t^{2} \\
 * \hat{v}_t &\leftarrow \frac{1}{1 - \beta_2^{t}} \cdot v_t \\
 * m_t &\leftarrow \beta_1 \cdot m_{t-1} + (1 - \beta_1) \cdot (\frac{g_t}{\sqrt{\hat{v}_t} + \epsilon}) \\
 * u_t &\leftarrow -\alpha_t \cdot (\frac{1}{1 - \beta_1^{t}} \cdot m_t + \lambda \cdot \theta_{t-1}) \\
 * S_t &\leftarrow (m_t, v_t)
 * ```
 *
 * Source: Ziyin et al. 2020, LaProp: Separating Momentum and Adaptivity in Adam, arXiv 2002.04839.
 *
 * @example
 * ```ts
 * import { laprop } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = laprop({ learningRate: 0.1 });
 * const x = Float32Array.of(1, 2, 3);
 * const state = opt.init(x);
 * for (let step = 0; step < 5; step++) opt.step(x, x.map((value) => 2 * value), state);
 * assertEquals(Array.from(x, (value) => value.toFixed(4)), ["0.5311", "1.5145", "2.5095"]);
 * ```
 */
export const laprop: OptimizerFactory<LaPropOptions, { m: "leaf"; v: "leaf" }> =
  /* @__PURE__ */ optimizer({
    name: "laprop",
    doc: "Momentum of gradients divided by their second moment; two state tensors.",
    source:
      "Ziyin et al. 2020, LaProp: Separating Momentum and Adaptivity in Adam, arXiv 2002.04839",
    hyper: {
      learningRate: required,
      b1: { default: 0.9, domain: "[0, 1)" },
      b2: { default: 0.999, domain: "[0, 1)" },
      eps: { default: 1e-15, domain: "[0, inf)" },
      weightDecay: 0,
    },
    state: { m: 0, v: 0 },
    step: `
    v = b2*v + (1 - b2)*g^2
    vhat = 1/(1 - b2^t)*v
    m = b1*m + (1 - b1)*(g/(sqrt(vhat) + eps))
    u = -learningRate*(1/(1 - b1^t)*m + weightDecay*w)
  `,
  });
