import { required } from "../dsl/program.ts";
import type { MaskOption, MuDTypeOption, OptimizerFactory } from "../runtime/define.ts";
import { optimizer } from "../runtime/lazy.ts";
import type { HyperValue } from "../runtime/trees/hyperparameters.ts";

/** Options of {@linkcode adamMini}. */
export interface AdamMiniOptions extends MaskOption, MuDTypeOption {
  /** Step size α. */
  learningRate: HyperValue;
  /** Decay β1 of the first moment. Default 0.9. */
  b1?: HyperValue;
  /** Decay β2 of the mean square. Default 0.999. */
  b2?: HyperValue;
  /** Added outside the square root. Default 1e-8. */
  eps?: HyperValue;
  /** Decoupled weight decay λ, multiplied by the learning rate. Default 0. */
  weightDecay?: HyperValue;
}

/**
 * Adam-mini: {@linkcode adamw} with one second moment a block, the mean square of its gradients;
 * one state tensor and one number a block. A block is a leaf of the parameters: the paper makes one
 * of each attention head and output neuron, which here are blocks if they are leaves. The mean square
 * of a block whose gradients have all been 0, or of one that has no elements, is 0, and divides nothing.
 *
 * ```text
 * m_t &\leftarrow \beta_1 \cdot m_{t-1} + (1 - \beta_1) \cdot g_t \\
 * v_t &\leftarrow \beta_2 \cdot v_{t-1} + (1 - \beta_2) \cdot \begin{cases} 0 & \text{if } \left\lVert g_t \right\rVert = 0 \\ \operatorname{mean} \left( g_t^{2} \right) & \text{otherwise} \end{cases} \\
 * \hat{m}_t &\leftarrow \frac{1}{1 - \beta_1^{t}} \cdot m_t \\
 * \hat{v}_t &\leftarrow \frac{1}{1 - \beta_2^{t}} \cdot v_t \\
 * q_t &\leftarrow \sqrt{\hat{v}_t} + \epsilon \\
 * u_t &\leftarrow -\alpha_t \cdot (\frac{1}{\begin{cases} 1 & \text{if } q_t = 0 \\ q_t & \text{otherwise} \end{cases}} \cdot \hat{m}_t + \lambda \cdot \theta_{t-1}) \\
 * S_t &\leftarrow (m_t, v_t)
 * ```
 *
 * Source: Zhang et al. 2024, Adam-mini: Use Fewer Learning Rates To Gain More, arXiv 2406.16793.
 *
 * @example
 * ```ts
 * import { adamMini } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = adamMini({ learningRate: 0.1 });
 * const x = Float32Array.of(1, 2, 3);
 * const state = opt.init(x);
 * for (let step = 0; step < 5; step++) opt.step(x, x.map((value) => 2 * value), state);
 * assertEquals(Array.from(x, (value) => value.toFixed(4)), ["0.7698", "1.5396", "2.3094"]);
 * ```
 */
export const adamMini: OptimizerFactory<AdamMiniOptions, { m: "leaf"; v: "leaf" }> =
  /* @__PURE__ */ optimizer({
    name: "adamMini",
    doc: "AdamW with one second moment a tensor; one state tensor.",
    source: "Zhang et al. 2024, Adam-mini: Use Fewer Learning Rates To Gain More, arXiv 2406.16793",
    hyper: {
      learningRate: required,
      b1: { default: 0.9, domain: "[0, 1)" },
      b2: { default: 0.999, domain: "[0, 1)" },
      eps: { default: 1e-8, domain: "[0, inf)" },
      weightDecay: 0,
    },
    state: { m: 0, v: { over: "tensor" } },
    step: `
    m = b1*m + (1 - b1)*g
    v = b2*v + (1 - b2)*where(norm(g) == 0, 0, mean(g^2))
    mhat = 1/(1 - b1^t)*m
    vhat = 1/(1 - b2^t)*v
    q = sqrt(vhat) + eps
    u = -learningRate*(1/where(q == 0, 1, q)*mhat + weightDecay*w)
  `,
  });
