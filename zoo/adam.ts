import { required } from "../dsl/program.ts";
import {
  type MaskOption,
  type MuDTypeOption,
  optimizer,
  type OptimizerFactory,
} from "../runtime/define.ts";
import type { HyperValue } from "../runtime/hyper.ts";

/** Options of {@linkcode adamw}. */
export interface AdamWOptions extends MaskOption, MuDTypeOption {
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
  /** Whether the first moment looks one step ahead (NAdamW). Default false. */
  nesterov?: boolean;
}

/**
 * AdamW: bias-corrected moments and decoupled weight decay, with two state tensors `m` and `v`.
 * Bias corrections are formed in float64, where Optax forms them in float32.
 *
 * ```text
 * m_t &\leftarrow \beta_1 \cdot m_{t-1} + (1 - \beta_1) \cdot g_t \\
 * v_t &\leftarrow \beta_2 \cdot v_{t-1} + (1 - \beta_2) \cdot g_t^{2} \\
 * \hat{m}_t &\leftarrow \begin{cases} \frac{\beta_1}{1 - \beta_1^{t + 1}} \cdot m_t + \frac{1 - \beta_1}{1 - \beta_1^{t}} \cdot g_t & \text{if } \mathrm{nesterov} \\ \frac{1}{1 - \beta_1^{t}} \cdot m_t & \text{otherwise} \end{cases} \\
 * \hat{v}_t &\leftarrow \frac{1}{1 - \beta_2^{t}} \cdot v_t \\
 * u_t &\leftarrow -\alpha_t \cdot (\frac{\hat{m}_t}{\sqrt{\hat{v}_t + \bar{\epsilon}} + \epsilon} + \lambda \cdot \theta_{t-1}) \\
 * S_t &\leftarrow (m_t, v_t)
 * ```
 *
 * Source: Loshchilov and Hutter 2019, Decoupled Weight Decay Regularization, arXiv 1711.05101.
 *
 * @example
 * ```ts
 * import { adamw } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = adamw({ learningRate: 0.1 });
 * const x = Float32Array.of(1, 2, 3);
 * opt.step(x, x.map((value) => 2 * value), opt.init(x));
 * assertEquals(Array.from(x, (value) => value.toFixed(5)), ["0.89999", "1.89998", "2.89997"]);
 * ```
 */
export const adamw: OptimizerFactory<AdamWOptions> = optimizer({
  name: "adamw",
  doc: "Bias-corrected moments with decoupled weight decay; two state tensors.",
  source: "Loshchilov and Hutter 2019, Decoupled Weight Decay Regularization, arXiv 1711.05101",
  hyper: {
    learningRate: required,
    b1: 0.9,
    b2: 0.999,
    eps: 1e-8,
    epsRoot: 0,
    weightDecay: 1e-4,
    nesterov: false,
  },
  state: { m: 0, v: 0 },
  step: `
    m = b1*m + (1 - b1)*g
    v = b2*v + (1 - b2)*g^2
    mhat = where(nesterov, b1/(1 - b1^(t + 1))*m + (1 - b1)/(1 - b1^t)*g, 1/(1 - b1^t)*m)
    vhat = 1/(1 - b2^t)*v
    u = -learningRate*(mhat/(sqrt(vhat + epsRoot) + eps) + weightDecay*w)
  `,
});
