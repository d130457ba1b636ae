import { required } from "../dsl/program.ts";
import type { MaskOption, MuDTypeOption, OptimizerFactory } from "../runtime/define.ts";
import { optimizer } from "../runtime/lazy.ts";
import type { HyperValue } from "../runtime/trees/hyperparameters.ts";

/** Options of {@linkcode grams}. */
export interface GramsOptions extends MaskOption, MuDTypeOption {
  /** Step size α. */
  learningRate: HyperValue;
  /** Decay β1 of the first moment. Default 0.9. */
  b1?: HyperValue;
  /** Decay β2 of the second moment. Default 0.999. */
  b2?: HyperValue;
  /** Added outside the square root. Default 1e-8. */
  eps?: HyperValue;
  /** Decoupled weight decay λ, multiplied by the learning rate. Default 0. */
  weightDecay?: HyperValue;
}

/**
 * Grams: a step as long as Adam's, in the direction of the sign of the gradient; two state tensors.
 *
 * ```text
 * m_t &\leftarrow \beta_1 \cdot m_{t-1} + (1 - \beta_1) \cdot g_t \\
 * v_t &\leftarrow \beta_2 \cdot v_{t-1} + (1 - \beta_2) \cdot g_t^{2} \\
 * \hat{m}_t &\leftarrow \frac{1}{1 - \beta_1^{t}} \cdot m_t \\
 * \hat{v}_t &\leftarrow \frac{1}{1 - \beta_2^{t}} \cdot v_t \\
 * u_t &\leftarrow -\alpha_t \cdot (\operatorname{sign} \left( g_t \right) \cdot \left| \frac{\hat{m}_t}{\sqrt{\hat{v}_t} + \epsilon} \right| + \lambda \cdot \theta_{t-1}) \\
 * S_t &\leftarrow (m_t, v_t)
 * ```
 *
 * Source: Cao et al. 2024, Grams: Gradient Descent with Adaptive Momentum Scaling, arXiv
 * 2412.17107.
 *
 * @example
 * ```ts
 * import { grams } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = grams({ learningRate: 0.1 });
 * const x = Float32Array.of(1, 2, 3);
 * const state = opt.init(x);
 * for (let step = 0; step < 5; step++) opt.step(x, x.map((value) => 2 * value), state);
 * assertEquals(Array.from(x, (value) => value.toFixed(4)), ["0.5080", "1.5030", "2.5018"]);
 * ```
 */
export const grams: OptimizerFactory<GramsOptions, { m: "leaf"; v: "leaf" }> =
  /* @__PURE__ */ optimizer({
    name: "grams",
    doc: "The magnitude of Adam with the sign of the gradient; two state tensors.",
    source:
      "Cao et al. 2024, Grams: Gradient Descent with Adaptive Momentum Scaling, arXiv 2412.17107",
    hyper: {
      learningRate: required,
      b1: { default: 0.9, domain: "[0, 1)" },
      b2: { default: 0.999, domain: "[0, 1)" },
      eps: { default: 1e-8, domain: "[0, inf)" },
      weightDecay: 0,
    },
    state: { m: 0, v: 0 },
    step: `
    m = b1*m + (1 - b1)*g
    v = b2*v + (1 - b2)*g^2
    mhat = 1/(1 - b1^t)*m
    vhat = 1/(1 - b2^t)*v
    u = -learningRate*(sign(g)*abs(mhat/(sqrt(vhat) + eps)) + weightDecay*w)
  `,
  });
