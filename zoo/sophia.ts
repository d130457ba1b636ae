import { required } from "../dsl/program.ts";
import type { MaskOption, MuDTypeOption, OptimizerFactory } from "../runtime/define.ts";
import { optimizer } from "../runtime/lazy.ts";
import type { HyperValue } from "../runtime/trees/hyperparameters.ts";

/** Options of {@linkcode sophia}. */
export interface SophiaOptions extends MaskOption, MuDTypeOption {
  /** Step size α. */
  learningRate: HyperValue;
  /** Decay β1 of the momentum. Default 0.965. */
  b1?: HyperValue;
  /** Decay β2 of the diagonal of the Hessian. Default 0.99. */
  b2?: HyperValue;
  /** The least curvature. Default 1e-8. */
  eps?: HyperValue;
  /** Decoupled weight decay λ, multiplied by the learning rate. Default 1e-4. */
  weightDecay?: HyperValue;
  /** Factor γ of the curvature: the larger, the fewer elements are clipped. Default 0.01. */
  gamma?: HyperValue;
  /** The largest step of an element, in units of the learning rate. Default 1. */
  clipThreshold?: HyperValue;
  /** How many steps pass from one look at the Hessian to the next. Default 10. */
  updateInterval?: HyperValue;
}

/**
 * Sophia: a momentum over a running diagonal of the Hessian, clipped; two state tensors `m` and `h`.
 * The diagonal is the input `hessian`, a tree like the parameters: an estimate by Hutchinson's method or
 * from sampled labels. It is read where `count` is a multiple of `updateInterval`; at other steps
 * any such tree will do, such as the last one.
 *
 * ```text
 * m_t &\leftarrow \beta_1 \cdot m_{t-1} + (1 - \beta_1) \cdot g_t \\
 * \mathrm{looks}_t &\leftarrow (t - 1) - \mathrm{updateInterval} \cdot \left\lfloor \frac{(t - 1)}{\mathrm{updateInterval}} \right\rfloor = 0 \\
 * h_t &\leftarrow \begin{cases} \beta_2 \cdot h_{t-1} + (1 - \beta_2) \cdot \mathrm{hessian} & \text{if } \mathrm{looks}_t \\ h_{t-1} & \text{otherwise} \end{cases} \\
 * u_t &\leftarrow -\alpha_t \cdot (\operatorname{clip} \left( \frac{m_t}{\max \left( \gamma \cdot h_t, \epsilon \right)}, -\mathrm{clipThreshold}, \mathrm{clipThreshold} \right) + \lambda \cdot \theta_{t-1}) \\
 * S_t &\leftarrow (m_t, h_t)
 * ```
 *
 * As in the paper the momentum is not corrected for its start at 0 and the step sees the newest
 * diagonal, where Optax corrects and is one look behind.
 *
 * Source: Liu et al. 2023, Sophia: A Scalable Stochastic Second-order Optimizer for Language Model
 * Pre-training, arXiv 2305.14342.
 *
 * @example
 * ```ts
 * import { sophia } from "@gradus/gradus";
 * import { assert } from "@std/assert";
 *
 * const opt = sophia({ learningRate: 0.05, b1: 0.5, b2: 0.5, gamma: 1, weightDecay: 0 });
 * const x = Float32Array.of(1, -2);
 * const state = opt.init(x);
 * const hessian = Float32Array.of(2, 200); // of x₀² + 100·x₁²
 * for (let step = 0; step < 300; step++) {
 *   opt.step(x, Float32Array.of(2 * x[0], 200 * x[1]), state, { hessian });
 * }
 * assert(Math.hypot(...x) < 1e-3);
 * ```
 */
export const sophia: OptimizerFactory<SophiaOptions, { m: "leaf"; h: "leaf" }> =
  /* @__PURE__ */ optimizer({
    name: "sophia",
    doc: "Clipped momentum over a running diagonal of the Hessian; two state tensors.",
    source:
      "Liu et al. 2023, Sophia: A Scalable Stochastic Second-order Optimizer for Language Model " +
      "Pre-training, arXiv 2305.14342",
    hyper: {
      learningRate: required,
      b1: { default: 0.965, domain: "[0, 1)" },
      b2: { default: 0.99, domain: "[0, 1)" },
      eps: { default: 1e-8, domain: "[0, inf)" },
      weightDecay: 1e-4,
      gamma: { default: 0.01, domain: "[0, inf)" },
      clipThreshold: { default: 1, domain: "[0, inf]" },
      updateInterval: { default: 10, domain: "integer [1, inf)" },
    },
    state: { m: 0, h: 0 },
    inputs: { hessian: "element" },
    step: `
    m = b1*m + (1 - b1)*g
    looks = count - updateInterval*floor(count/updateInterval) == 0
    h = where(looks, b2*h + (1 - b2)*hessian, h)
    u = -learningRate*(clip(m/max(gamma*h, eps), -clipThreshold, clipThreshold) + weightDecay*w)
  `,
  });
