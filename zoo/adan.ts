import { required } from "../dsl/program.ts";
import type { MaskOption, MuDTypeOption, OptimizerFactory } from "../runtime/define.ts";
import { fixed, optimizer } from "../runtime/lazy.ts";
import type { HyperValue } from "../runtime/trees/hyperparameters.ts";

/** Options of {@linkcode adan}. */
export interface AdanOptions extends MaskOption, MuDTypeOption {
  /** Step size α. */
  learningRate: HyperValue;
  /** Decay β1 of the first moment. Default 0.98. */
  b1?: HyperValue;
  /** Decay β2 of the mean difference of gradients. Default 0.92. */
  b2?: HyperValue;
  /** Decay β3 of the second moment. Default 0.99. */
  b3?: HyperValue;
  /** Added outside the square root. Default 1e-8. */
  eps?: HyperValue;
  /** Added inside the square root. Default 1e-8. */
  epsRoot?: HyperValue;
  /** Weight decay λ, multiplied by the learning rate, as a proximal step. Default 0. */
  weightDecay?: HyperValue;
}

/**
 * Adan: moments of the gradient and of its difference from the gradient before, which looks ahead
 * as Nesterov's momentum does; four state tensors. The moments are bias-corrected, as in its
 * authors' code.
 *
 * The difference weighs β2, as in the paper, where Optax 0.2.8 has 1 - β2; and the weight decay is
 * the paper's proximal step, θ / (1 + α λ), where Optax decays as {@linkcode adamw} does.
 *
 * ```text
 * d_t &\leftarrow \begin{cases} g_t - \mathrm{before}_{t-1} & \text{if } t > 1 \\ 0 & \text{otherwise} \end{cases} \\
 * m_t &\leftarrow \beta_1 \cdot m_{t-1} + (1 - \beta_1) \cdot g_t \\
 * v_t &\leftarrow \beta_2 \cdot v_{t-1} + (1 - \beta_2) \cdot d_t \\
 * n_t &\leftarrow \beta_3 \cdot n_{t-1} + (1 - \beta_3) \cdot (g_t + \beta_2 \cdot d_t)^{2} \\
 * \hat{n}_t &\leftarrow \frac{1}{1 - \beta_3^{t}} \cdot n_t \\
 * c_t &\leftarrow \frac{\frac{1}{1 - \beta_1^{t}} \cdot m_t + \frac{\beta_2}{1 - \beta_2^{t}} \cdot v_t}{\sqrt{\hat{n}_t + \bar{\epsilon}} + \epsilon} \\
 * u_t &\leftarrow \frac{-\alpha_t}{1 + \alpha_t \cdot \lambda} \cdot (c_t + \lambda \cdot \theta_{t-1}) \\
 * \mathrm{before}_t &\leftarrow g_t \\
 * S_t &\leftarrow (m_t, v_t, n_t, \mathrm{before}_t)
 * ```
 *
 * Source: Xie et al. 2022, Adan: Adaptive Nesterov Momentum Algorithm for Faster Optimizing Deep
 * Models, arXiv 2208.06677.
 *
 * @example
 * ```ts
 * import { adan } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = adan({ learningRate: 0.1 });
 * const x = Float32Array.of(1, 2, 3);
 * const state = opt.init(x);
 * for (let step = 0; step < 5; step++) opt.step(x, x.map((value) => 2 * value), state);
 * assertEquals(Array.from(x, (value) => value.toFixed(4)), ["0.5074", "1.5019", "2.5009"]);
 * ```
 */
export const adan: OptimizerFactory<
  AdanOptions,
  { m: "leaf"; v: "leaf"; n: "leaf"; before: "leaf" }
> = /* @__PURE__ */ optimizer({
  name: "adan",
  doc: "Nesterov momentum by differences of gradients; four state tensors.",
  source:
    "Xie et al. 2022, Adan: Adaptive Nesterov Momentum Algorithm for Faster Optimizing Deep Models, arXiv 2208.06677",
  hyper: {
    learningRate: required,
    b1: { default: 0.98, domain: "[0, 1)" },
    b2: { default: 0.92, domain: "[0, 1)" },
    b3: { default: 0.99, domain: "[0, 1)" },
    eps: { default: 1e-8, domain: "[0, inf)" },
    epsRoot: { default: 1e-8, domain: "[0, inf)" },
    weightDecay: 0,
  },
  state: { m: 0, v: 0, n: 0, before: 0 },
  step: `
    d = where(t > 1, g - before, 0)
    m = b1*m + (1 - b1)*g
    v = b2*v + (1 - b2)*d
    n = b3*n + (1 - b3)*(g + b2*d)^2
    nhat = 1/(1 - b3^t)*n
    c = (1/(1 - b1^t)*m + b2/(1 - b2^t)*v)/(sqrt(nhat + epsRoot) + eps)
    u = -learningRate/(1 + learningRate*weightDecay)*(c + weightDecay*w)
    before = g
  `,
});

/** Options of {@linkcode scaleByAdan}. */
export type ScaleByAdanOptions = Omit<
  AdanOptions,
  "learningRate" | "weightDecay" | keyof MaskOption
>;

/**
 * The direction of {@linkcode adan}, to be scaled by what follows in a chain. The direction keeps
 * the sign of the gradient: an optimizer subtracts it. The default of `epsRoot` is 0, as in
 * Optax.
 *
 * ```text
 * d_t &\leftarrow \begin{cases} g_t - \mathrm{before}_{t-1} & \text{if } t > 1 \\ 0 & \text{otherwise} \end{cases} \\
 * m_t &\leftarrow \beta_1 \cdot m_{t-1} + (1 - \beta_1) \cdot g_t \\
 * v_t &\leftarrow \beta_2 \cdot v_{t-1} + (1 - \beta_2) \cdot d_t \\
 * n_t &\leftarrow \beta_3 \cdot n_{t-1} + (1 - \beta_3) \cdot (g_t + \beta_2 \cdot d_t)^{2} \\
 * \hat{n}_t &\leftarrow \frac{1}{1 - \beta_3^{t}} \cdot n_t \\
 * c_t &\leftarrow \frac{\frac{1}{1 - \beta_1^{t}} \cdot m_t + \frac{\beta_2}{1 - \beta_2^{t}} \cdot v_t}{\sqrt{\hat{n}_t + \bar{\epsilon}} + \epsilon} \\
 * u_t &\leftarrow c_t \\
 * \mathrm{before}_t &\leftarrow g_t \\
 * S_t &\leftarrow (m_t, v_t, n_t, \mathrm{before}_t)
 * ```
 *
 * Source: Xie et al. 2022, Adan: Adaptive Nesterov Momentum Algorithm for Faster Optimizing Deep
 * Models, arXiv 2208.06677.
 *
 * @example
 * ```ts
 * import { scaleByAdan } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = scaleByAdan();
 * let state = opt.init(Float32Array.of(0, 0));
 * let updates = Float32Array.of(0, 0);
 * for (const gradient of [1, 3]) {
 *   [updates, state] = opt.update(Float32Array.of(gradient, -1), state);
 * }
 * assertEquals(Array.from(updates, (value) => value.toFixed(4)), ["0.8475", "-1.0000"]);
 * ```
 */
export const scaleByAdan: OptimizerFactory<
  ScaleByAdanOptions,
  { m: "leaf"; v: "leaf"; n: "leaf"; before: "leaf" }
> = /* @__PURE__ */ fixed(adan, {
  name: "scaleByAdan",
  defaults: { epsRoot: 0 },
  doc: "The direction of Adan; four state tensors.",
  source:
    "Xie et al. 2022, Adan: Adaptive Nesterov Momentum Algorithm for Faster Optimizing Deep Models, arXiv 2208.06677",
}, { learningRate: -1, weightDecay: 0 });
