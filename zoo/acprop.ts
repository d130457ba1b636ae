import { required } from "../dsl/program.ts";
import type { MaskOption, MuDTypeOption, OptimizerFactory } from "../runtime/define.ts";
import { fixed, optimizer } from "../runtime/lazy.ts";
import type { HyperValue } from "../runtime/trees/hyperparameters.ts";

/** Options of {@linkcode acprop}. */
export interface AcpropOptions extends MaskOption, MuDTypeOption {
  /** Step size α. */
  learningRate: HyperValue;
  /** Decay β1 of the mean that the deviation is from. Default 0.9. */
  b1?: HyperValue;
  /** Decay β2 of the squared deviation. Default 0.999. */
  b2?: HyperValue;
  /** Added outside the square root. Default 1e-16. */
  eps?: HyperValue;
  /** Added to the squared deviation at each step, and kept in it. Default 1e-16. */
  epsRoot?: HyperValue;
  /** Decoupled weight decay λ, multiplied by the learning rate. Default 0. */
  weightDecay?: HyperValue;
  /**
   * Whether the deviation is from the mean of the step before, as in Optax, or else from that of its
   * own step, as in the paper: β1 times as large. Default true.
   */
  lagged?: boolean;
}

/**
 * ACProp: the gradient by its deviation from its mean up to the step before, so that it does not
 * divide itself; two state tensors. While an element has had no gradient but 0, at the first step too,
 * its deviation is 1 and its step the gradient itself: of ε alone, as Optax has it, it would jump.
 *
 * ```text
 * \hat{s}_t &\leftarrow \begin{cases} 1 & \text{if } s_{t-1} = 0 \\ \frac{1}{1 - \beta_2^{(t - 1)}} \cdot s_{t-1} & \text{otherwise} \end{cases} \\
 * u_t &\leftarrow -\alpha_t \cdot (\frac{g_t}{\sqrt{\hat{s}_t} + \epsilon} + \lambda \cdot \theta_{t-1}) \\
 * d_t &\leftarrow g_t - m_{t-1} \\
 * m_t &\leftarrow \beta_1 \cdot m_{t-1} + (1 - \beta_1) \cdot g_t \\
 * e_t &\leftarrow \begin{cases} d_t & \text{if } \mathrm{lagged} \\ g_t - m_t & \text{otherwise} \end{cases} \\
 * s_t &\leftarrow \begin{cases} 0 & \text{if } s_{t-1} = 0 \land e_t = 0 \\ \beta_2 \cdot s_{t-1} + (1 - \beta_2) \cdot e_t^{2} + \bar{\epsilon} & \text{otherwise} \end{cases} \\
 * S_t &\leftarrow (m_t, s_t)
 * ```
 *
 * Source: Zhuang et al. 2021, Momentum Centering and Asynchronous Update for Adaptive Gradient
 * Methods, arXiv 2110.05454.
 *
 * @example
 * ```ts
 * import { acprop } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = acprop({ learningRate: 0.1 });
 * const x = Float32Array.of(1, 2, 3);
 * const state = opt.init(x);
 * for (let step = 0; step < 5; step++) opt.step(x, x.map((value) => 2 * value), state);
 * assertEquals(Array.from(x, (value) => value.toFixed(4)), ["0.4750", "1.2474", "2.0379"]);
 * ```
 */
export const acprop: OptimizerFactory<AcpropOptions, { m: "leaf"; s: "leaf" }> =
  /* @__PURE__ */ optimizer({
    name: "acprop",
    doc: "The gradient by its deviation up to the step before; two state tensors.",
    source:
      "Zhuang et al. 2021, Momentum Centering and Asynchronous Update for Adaptive Gradient Methods, arXiv 2110.05454",
    hyper: {
      learningRate: required,
      b1: { default: 0.9, domain: "[0, 1)" },
      b2: { default: 0.999, domain: "[0, 1)" },
      eps: { default: 1e-16, domain: "[0, inf)" },
      epsRoot: { default: 1e-16, domain: "[0, inf)" },
      weightDecay: 0,
      lagged: true,
    },
    state: { m: 0, s: 0 },
    step: `
    shat = where(s == 0, 1, 1/(1 - b2^count)*s)
    u = -learningRate*(g/(sqrt(shat) + eps) + weightDecay*w)
    d = g - m
    m = b1*m + (1 - b1)*g
    e = where(lagged, d, g - m)
    s = where(s == 0 & e == 0, 0, b2*s + (1 - b2)*e^2 + epsRoot)
  `,
  });

/** Options of {@linkcode scaleByAcprop}. */
export type ScaleByAcpropOptions = Omit<
  AcpropOptions,
  "learningRate" | "weightDecay" | keyof MaskOption
>;

/**
 * The direction of {@linkcode acprop}, to be scaled by what follows in a chain. The direction keeps
 * the sign of the gradient: an optimizer subtracts it. It is the gradient itself while an element has
 * had no other gradient but 0.
 *
 * ```text
 * \hat{s}_t &\leftarrow \begin{cases} 1 & \text{if } s_{t-1} = 0 \\ \frac{1}{1 - \beta_2^{(t - 1)}} \cdot s_{t-1} & \text{otherwise} \end{cases} \\
 * u_t &\leftarrow \frac{g_t}{\sqrt{\hat{s}_t} + \epsilon} \\
 * d_t &\leftarrow g_t - m_{t-1} \\
 * m_t &\leftarrow \beta_1 \cdot m_{t-1} + (1 - \beta_1) \cdot g_t \\
 * e_t &\leftarrow \begin{cases} d_t & \text{if } \mathrm{lagged} \\ g_t - m_t & \text{otherwise} \end{cases} \\
 * s_t &\leftarrow \begin{cases} 0 & \text{if } s_{t-1} = 0 \land e_t = 0 \\ \beta_2 \cdot s_{t-1} + (1 - \beta_2) \cdot e_t^{2} + \bar{\epsilon} & \text{otherwise} \end{cases} \\
 * S_t &\leftarrow (m_t, s_t)
 * ```
 *
 * Source: Zhuang et al. 2021, Momentum Centering and Asynchronous Update for Adaptive Gradient
 * Methods, arXiv 2110.05454.
 *
 * @example
 * ```ts
 * import { scaleByAcprop } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = scaleByAcprop();
 * let state = opt.init(Float32Array.of(0, 0));
 * let updates = Float32Array.of(0, 0);
 * for (const gradient of [1, 3]) {
 *   [updates, state] = opt.update(Float32Array.of(gradient, -1), state);
 * }
 * assertEquals(Array.from(updates, (value) => value.toFixed(4)), ["3.0000", "-1.0000"]);
 * ```
 */
export const scaleByAcprop: OptimizerFactory<ScaleByAcpropOptions, { m: "leaf"; s: "leaf" }> =
  /* @__PURE__ */ fixed(acprop, {
    name: "scaleByAcprop",
    doc: "The direction of ACProp; two state tensors.",
    source:
      "Zhuang et al. 2021, Momentum Centering and Asynchronous Update for Adaptive Gradient Methods, arXiv 2110.05454",
  }, { learningRate: -1, weightDecay: 0 });
