import { required } from "../dsl/program.ts";
import type { MaskOption, MuDTypeOption, OptimizerFactory } from "../runtime/define.ts";
import { optimizer } from "../runtime/lazy.ts";
import type { HyperValue } from "../runtime/trees/hyperparameters.ts";

/** Options of {@linkcode came}. */
export interface CameOptions extends MaskOption, MuDTypeOption {
  /** Step size α. */
  learningRate: HyperValue;
  /** Decay β1 of the average of updates. Default 0.9. */
  b1?: HyperValue;
  /** Decay β2 of the second moment. Default 0.999. */
  b2?: HyperValue;
  /** Decay β3 of the instability. Default 0.9999. */
  b3?: HyperValue;
  /** Added to the squared gradient. Default 1e-30. */
  eps1?: HyperValue;
  /** Added to the squared deviation of an update from its average. Default 1e-16. */
  eps2?: HyperValue;
  /** The largest root mean square of an update before it is averaged. Default 1. */
  clipThreshold?: HyperValue;
  /** Decoupled weight decay λ, multiplied by the learning rate. Default 0. */
  weightDecay?: HyperValue;
}

/**
 * CAME: {@linkcode adafactor} with momentum that is divided by how far updates have been from it, in a row
 * and a column as well; one state tensor, and two rows and columns for each matrix, the last two axes.
 * Parameters of fewer axes keep a second moment, and no measure of confidence.
 *
 * ```text
 * s_t &\leftarrow g_t^{2} + \mathrm{eps}_1 \\
 * r_t &\leftarrow \beta_2 \cdot r_{t-1} + (1 - \beta_2) \cdot \begin{cases} \operatorname{mean} \left( s_t \right)_{\text{axis } -1} & \text{if } \mathrm{size} > 0 \\ 0 & \text{otherwise} \end{cases} \\
 * c_t &\leftarrow \beta_2 \cdot c_{t-1} + (1 - \beta_2) \cdot \begin{cases} \operatorname{mean} \left( s_t \right)_{\text{axis } -2} & \text{if } \mathrm{size} > 0 \\ 0 & \text{otherwise} \end{cases} \\
 * v_t &\leftarrow \beta_2 \cdot v_{t-1} + (1 - \beta_2) \cdot s_t \\
 * d_t &\leftarrow \begin{cases} \frac{1}{\sqrt{\frac{r_t}{\operatorname{mean} \left( r_t \right)_{\text{axis } -2}}}} \cdot (\frac{1}{\sqrt{c_t}}) \cdot g_t & \text{if } \mathrm{rank} > 1 \\ \frac{g_t}{\sqrt{v_t}} & \text{otherwise} \end{cases} \\
 * d_t &\leftarrow \frac{1}{\max \left( 1, \frac{\sqrt{\operatorname{mean} \left( d_t^{2} \right)}}{\mathrm{clipThreshold}} \right)} \cdot d_t \\
 * m_t &\leftarrow \beta_1 \cdot m_{t-1} + (1 - \beta_1) \cdot d_t \\
 * e_t &\leftarrow (d_t - m_t)^{2} + \mathrm{eps}_2 \\
 * r_{2,t} &\leftarrow \beta_3 \cdot r_{2,t-1} + (1 - \beta_3) \cdot \begin{cases} \operatorname{mean} \left( e_t \right)_{\text{axis } -1} & \text{if } \mathrm{size} > 0 \\ 0 & \text{otherwise} \end{cases} \\
 * c_{2,t} &\leftarrow \beta_3 \cdot c_{2,t-1} + (1 - \beta_3) \cdot \begin{cases} \operatorname{mean} \left( e_t \right)_{\text{axis } -2} & \text{if } \mathrm{size} > 0 \\ 0 & \text{otherwise} \end{cases} \\
 * o_t &\leftarrow \begin{cases} \frac{1}{\sqrt{\frac{r_{2,t}}{\operatorname{mean} \left( r_{2,t} \right)_{\text{axis } -2}}}} \cdot (\frac{1}{\sqrt{c_{2,t}}}) \cdot m_t & \text{if } \mathrm{rank} > 1 \\ m_t & \text{otherwise} \end{cases} \\
 * u_t &\leftarrow -\alpha_t \cdot (o_t + \lambda \cdot \theta_{t-1}) \\
 * S_t &\leftarrow (r_t, c_t, v_t, m_t, r_{2,t}, c_{2,t})
 * ```
 *
 * Source: Luo et al. 2023, CAME: Confidence-guided Adaptive Memory Efficient Optimization, arXiv
 * 2307.02047.
 *
 * @example
 * ```ts
 * import { came } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = came({ learningRate: 0.01 });
 * const x = { data: Float32Array.of(1, 2, 3, 4), shape: [2, 2] };
 * const state = opt.init(x);
 * for (let step = 0; step < 5; step++) {
 *   opt.step(x, { data: x.data.map((value) => 2 * value), shape: [2, 2] }, state);
 * }
 * assertEquals(Array.from(x.data, (value) => value.toFixed(4)), ["0.2236", "0.9848", "1.9749", "3.1505"]);
 * ```
 */
export const came: OptimizerFactory<
  CameOptions,
  { r?: "leaf"; c?: "leaf"; v?: "leaf"; m: "leaf"; r2?: "leaf"; c2?: "leaf" }
> = /* @__PURE__ */ optimizer({
  name: "came",
  doc: "Adafactor with momentum that is held against how much updates vary; one state tensor.",
  source:
    "Luo et al. 2023, CAME: Confidence-guided Adaptive Memory Efficient Optimization, arXiv 2307.02047",
  hyper: {
    learningRate: required,
    b1: { default: 0.9, domain: "[0, 1)" },
    b2: { default: 0.999, domain: "[0, 1)" },
    b3: { default: 0.9999, domain: "[0, 1)" },
    eps1: { default: 1e-30, domain: "(0, inf)" },
    eps2: { default: 1e-16, domain: "(0, inf)" },
    clipThreshold: { default: 1, domain: "(0, inf]" },
    weightDecay: 0,
  },
  state: { r: { over: -1 }, c: { over: -2 }, v: 0, m: 0, r2: { over: -1 }, c2: { over: -2 } },
  step: `
    s = g^2 + eps1
    r = b2*r + (1 - b2)*where(size > 0, mean(s, axis=-1), 0)
    c = b2*c + (1 - b2)*where(size > 0, mean(s, axis=-2), 0)
    v = b2*v + (1 - b2)*s
    d = where(rank > 1, 1/sqrt(r/mean(r, axis=-2))*(1/sqrt(c))*g, g/sqrt(v))
    d = 1/max(1, sqrt(mean(d^2))/clipThreshold)*d
    m = b1*m + (1 - b1)*d
    e = (d - m)^2 + eps2
    r2 = b3*r2 + (1 - b3)*where(size > 0, mean(e, axis=-1), 0)
    c2 = b3*c2 + (1 - b3)*where(size > 0, mean(e, axis=-2), 0)
    o = where(rank > 1, 1/sqrt(r2/mean(r2, axis=-2))*(1/sqrt(c2))*m, m)
    u = -learningRate*(o + weightDecay*w)
  `,
});
