import { required } from "../dsl/program.ts";
import type { MaskOption, MuDTypeOption, OptimizerFactory } from "../runtime/define.ts";
import { optimizer } from "../runtime/lazy.ts";
import type { HyperValue } from "../runtime/trees/hyperparameters.ts";

/** Options of {@linkcode lamb}. */
export interface LambOptions extends MaskOption, MuDTypeOption {
  /** Step size α, common to all tensors. */
  learningRate: HyperValue;
  /** Decay β1 of the first moment. Default 0.9. */
  b1?: HyperValue;
  /** Decay β2 of the second moment. Default 0.999. */
  b2?: HyperValue;
  /** Added outside the square root. Default 1e-6. */
  eps?: HyperValue;
  /** Added inside the square root. Default 0. */
  epsRoot?: HyperValue;
  /** Weight decay λ, a part of the direction before its norm is taken. Default 0. */
  weightDecay?: HyperValue;
}

/**
 * LAMB: the direction of AdamW, scaled tensor by tensor to the norm of the parameter. Where either norm
 * is 0, it is not scaled. It is divided before it is multiplied, so that no ratio of norms can overflow.
 *
 * ```text
 * m_t &\leftarrow \beta_1 \cdot m_{t-1} + (1 - \beta_1) \cdot g_t \\
 * v_t &\leftarrow \beta_2 \cdot v_{t-1} + (1 - \beta_2) \cdot g_t^{2} \\
 * d_t &\leftarrow \frac{\frac{1}{1 - \beta_1^{t}} \cdot m_t}{\sqrt{\frac{1}{1 - \beta_2^{t}} \cdot v_t + \bar{\epsilon}} + \epsilon} + \lambda \cdot \theta_{t-1} \\
 * n_t &\leftarrow \left\lVert \theta_{t-1} \right\rVert \\
 * q_t &\leftarrow \left\lVert d_t \right\rVert \\
 * \mathrm{isZero}_t &\leftarrow n_t = 0 \lor q_t = 0 \\
 * u_t &\leftarrow -\alpha_t \cdot \begin{cases} 1 & \text{if } \mathrm{isZero}_t \\ n_t & \text{otherwise} \end{cases} \cdot (\frac{d_t}{\begin{cases} 1 & \text{if } \mathrm{isZero}_t \\ q_t & \text{otherwise} \end{cases}}) \\
 * S_t &\leftarrow (m_t, v_t)
 * ```
 *
 * Source: You et al. 2020, Large Batch Optimization for Deep Learning: Training BERT in 76 minutes,
 * arXiv 1904.00962.
 *
 * @example
 * ```ts
 * import { lamb } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = lamb({ learningRate: 0.1, eps: 0 });
 * const x = Float32Array.of(3, 3, 3, 3);
 * opt.step(x, Float32Array.of(1, -2, 3, -4), opt.init(x));
 * assertEquals(Array.from(x, (value) => value.toFixed(5)), ["2.70000", "3.30000", "2.70000", "3.30000"]);
 * ```
 */
export const lamb: OptimizerFactory<LambOptions, { m: "leaf"; v: "leaf" }> =
  /* @__PURE__ */ optimizer({
    name: "lamb",
    doc: "AdamW's direction at each tensor's own norm; two state tensors.",
    source:
      "You et al. 2020, Large Batch Optimization for Deep Learning: Training BERT in 76 minutes, arXiv 1904.00962",
    hyper: {
      learningRate: required,
      b1: { default: 0.9, domain: "[0, 1)" },
      b2: { default: 0.999, domain: "[0, 1)" },
      eps: { default: 1e-6, domain: "[0, inf)" },
      epsRoot: { default: 0, domain: "[0, inf)" },
      weightDecay: 0,
    },
    state: { m: 0, v: 0 },
    step: `
    m = b1*m + (1 - b1)*g
    v = b2*v + (1 - b2)*g^2
    d = 1/(1 - b1^t)*m/(sqrt(1/(1 - b2^t)*v + epsRoot) + eps) + weightDecay*w
    n = norm(w)
    q = norm(d)
    isZero = n == 0 | q == 0
    u = -learningRate*where(isZero, 1, n)*(d/where(isZero, 1, q))
  `,
  });
