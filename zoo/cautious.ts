import { required } from "../dsl/program.ts";
import type { MaskOption, MuDTypeOption, OptimizerFactory } from "../runtime/define.ts";
import { optimizer } from "../runtime/lazy.ts";
import type { HyperValue } from "../runtime/trees/hyperparameters.ts";

/** Options of {@linkcode cautiousAdamw}. */
export interface CautiousAdamWOptions extends MaskOption, MuDTypeOption {
  /** Step size α. */
  learningRate: HyperValue;
  /** Decay β1 of the first moment. Default 0.9. */
  b1?: HyperValue;
  /** Decay β2 of the second moment. Default 0.999. */
  b2?: HyperValue;
  /** Added outside the square root. Default 1e-8. */
  eps?: HyperValue;
  /** Added inside the square root. Default 0. */
  epsRoot?: HyperValue;
  /** Decoupled weight decay λ, multiplied by the learning rate. Default 1e-4. */
  weightDecay?: HyperValue;
}

/**
 * Cautious AdamW: {@linkcode adamw} that moves only where its direction agrees in sign with the
 * gradient, and there the further the fewer such places the tensor has; two state tensors. The mean
 * of the mask counts as at least 1e-3, as in its authors' code; the paper adds a small number to
 * it. Weight decay is not masked.
 *
 * ```text
 * m_t &\leftarrow \beta_1 \cdot m_{t-1} + (1 - \beta_1) \cdot g_t \\
 * v_t &\leftarrow \beta_2 \cdot v_{t-1} + (1 - \beta_2) \cdot g_t^{2} \\
 * \hat{m}_t &\leftarrow \frac{1}{1 - \beta_1^{t}} \cdot m_t \\
 * \hat{v}_t &\leftarrow \frac{1}{1 - \beta_2^{t}} \cdot v_t \\
 * d_t &\leftarrow \frac{\hat{m}_t}{\sqrt{\hat{v}_t + \bar{\epsilon}} + \epsilon} \\
 * \phi_t &\leftarrow \begin{cases} 1 & \text{if } d_t \cdot g_t > 0 \\ 0 & \text{otherwise} \end{cases} \\
 * u_t &\leftarrow -\alpha_t \cdot (\frac{1}{\max \left( \operatorname{mean} \left( \phi_t \right), 0.001 \right)} \cdot \phi_t \cdot d_t + \lambda \cdot \theta_{t-1}) \\
 * S_t &\leftarrow (m_t, v_t)
 * ```
 *
 * Source: Liang et al. 2024, Cautious Optimizers: Improving Training with One Line of Code, arXiv
 * 2411.16085.
 *
 * @example
 * ```ts
 * import { cautiousAdamw } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = cautiousAdamw({ learningRate: 0.1 });
 * const x = Float32Array.of(1, 2, 3);
 * const state = opt.init(x);
 * for (let step = 0; step < 5; step++) opt.step(x, x.map((value) => 2 * value), state);
 * assertEquals(Array.from(x, (value) => value.toFixed(4)), ["0.5079", "1.5029", "2.5016"]);
 * ```
 */
export const cautiousAdamw: OptimizerFactory<CautiousAdamWOptions, { m: "leaf"; v: "leaf" }> =
  /* @__PURE__ */ optimizer({
    name: "cautiousAdamw",
    doc: "AdamW that moves only where its direction agrees with the gradient; two state tensors.",
    source:
      "Liang et al. 2024, Cautious Optimizers: Improving Training with One Line of Code, arXiv 2411.16085",
    hyper: {
      learningRate: required,
      b1: { default: 0.9, domain: "[0, 1)" },
      b2: { default: 0.999, domain: "[0, 1)" },
      eps: { default: 1e-8, domain: "[0, inf)" },
      epsRoot: { default: 0, domain: "[0, inf)" },
      weightDecay: 1e-4,
    },
    state: { m: 0, v: 0 },
    step: `
    m = b1*m + (1 - b1)*g
    v = b2*v + (1 - b2)*g^2
    mhat = 1/(1 - b1^t)*m
    vhat = 1/(1 - b2^t)*v
    d = mhat/(sqrt(vhat + epsRoot) + eps)
    phi = where(d*g > 0, 1, 0)
    u = -learningRate*(1/max(mean(phi), 1e-3)*phi*d + weightDecay*w)
  `,
  });
