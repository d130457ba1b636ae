import { required } from "../dsl/program.ts";
import type { MaskOption, MuDTypeOption, OptimizerFactory } from "../runtime/define.ts";
import { optimizer } from "../runtime/lazy.ts";
import type { HyperValue } from "../runtime/trees/hyperparameters.ts";

/** Options of {@linkcode adamp}. */
export interface AdamPOptions extends MaskOption, MuDTypeOption {
  /** Step size α. */
  learningRate: HyperValue;
  /** Decay β1 of the first moment. Default 0.9. */
  b1?: HyperValue;
  /** Decay β2 of the second moment. Default 0.999. */
  b2?: HyperValue;
  /** Added outside the square root, and to norms. Default 1e-8. */
  eps?: HyperValue;
  /** Decoupled weight decay λ, multiplied by the learning rate. Default 0. */
  weightDecay?: HyperValue;
  /** How near to orthogonal a gradient must be to its weights for them to count as free in scale. Default 0.1. */
  delta?: HyperValue;
  /** What weight decay is multiplied by there. Default 0.1. */
  wdRatio?: HyperValue;
  /** Whether the first moment looks one step ahead. Default false. */
  nesterov?: boolean;
  /** Whether only elements move whose direction agrees with the gradient, as {@linkcode cautiousAdamw}'s. Default false. */
  caution?: boolean;
}

/**
 * AdamP: {@linkcode adamw} without the part of a step that makes weights longer, where their scale means
 * nothing, as before a normalisation. That is told by gradients that are nearly orthogonal to the weights:
 * in each row of a matrix (each output, all axes but the first), or else in all of it. Two state tensors.
 * Parameters of one axis have no such part.
 *
 * ```text
 * m_t &\leftarrow \beta_1 \cdot m_{t-1} + (1 - \beta_1) \cdot g_t \\
 * v_t &\leftarrow \beta_2 \cdot v_{t-1} + (1 - \beta_2) \cdot g_t^{2} \\
 * d_t &\leftarrow \frac{\begin{cases} \beta_1 \cdot m_t + (1 - \beta_1) \cdot g_t & \text{if } \mathrm{nesterov} \\ m_t & \text{otherwise} \end{cases}}{\sqrt{\frac{1}{1 - \beta_2^{t}} \cdot v_t} + \epsilon} \\
 * n_t &\leftarrow \sqrt{\operatorname{sum} \left( \theta_{t-1}^{2} \right)_{\text{axis } 1:}} \\
 * \mathrm{cosines}_t &\leftarrow \frac{\left| \operatorname{sum} \left( g_t \cdot \theta_{t-1} \right)_{\text{axis } 1:} \right|}{\max \left( \sqrt{\operatorname{sum} \left( g_t^{2} \right)_{\text{axis } 1:}}, \epsilon \right) \cdot \max \left( n_t, \epsilon \right)} \\
 * \mathrm{byRow}_t &\leftarrow \mathrm{rank} > 1 \land \max \left( \mathrm{cosines}_t \right) < \frac{\delta}{\sqrt{\mathrm{columns}}} \\
 * \mathrm{cosine}_t &\leftarrow \frac{\left| \operatorname{sum} \left( g_t \cdot \theta_{t-1} \right) \right|}{\max \left( \left\lVert g_t \right\rVert, \epsilon \right) \cdot \max \left( \left\lVert \theta_{t-1} \right\rVert, \epsilon \right)} \\
 * \mathrm{isFree}_t &\leftarrow \mathrm{byRow}_t \lor \mathrm{rank} > 1 \land \mathrm{cosine}_t < \frac{\delta}{\sqrt{\mathrm{size}}} \\
 * p_t &\leftarrow \begin{cases} \frac{\theta_{t-1}}{\begin{cases} n_t & \text{if } \mathrm{byRow}_t \\ \left\lVert \theta_{t-1} \right\rVert & \text{otherwise} \end{cases} + \epsilon} & \text{if } \mathrm{isFree}_t \\ 0 & \text{otherwise} \end{cases} \\
 * d_t &\leftarrow d_t - \begin{cases} \operatorname{sum} \left( p_t \cdot d_t \right)_{\text{axis } 1:} & \text{if } \mathrm{byRow}_t \\ \operatorname{sum} \left( p_t \cdot d_t \right) & \text{otherwise} \end{cases} \cdot p_t \\
 * h_t &\leftarrow g_t - \begin{cases} \operatorname{sum} \left( p_t \cdot g_t \right)_{\text{axis } 1:} & \text{if } \mathrm{byRow}_t \\ \operatorname{sum} \left( p_t \cdot g_t \right) & \text{otherwise} \end{cases} \cdot p_t \\
 * \phi_t &\leftarrow \begin{cases} 1 & \text{if } d_t \cdot h_t > 0 \\ 0 & \text{otherwise} \end{cases} \\
 * d_t &\leftarrow \begin{cases} \frac{1}{\max \left( \operatorname{mean} \left( \phi_t \right), 0.001 \right)} \cdot \phi_t \cdot d_t & \text{if } \mathrm{caution} \\ d_t & \text{otherwise} \end{cases} \\
 * d_t &\leftarrow \begin{cases} d_t - \begin{cases} \operatorname{sum} \left( p_t \cdot d_t \right)_{\text{axis } 1:} & \text{if } \mathrm{byRow}_t \\ \operatorname{sum} \left( p_t \cdot d_t \right) & \text{otherwise} \end{cases} \cdot p_t & \text{if } \mathrm{caution} \\ d_t & \text{otherwise} \end{cases} \\
 * u_t &\leftarrow -\alpha_t \cdot (\frac{1}{1 - \beta_1^{t}} \cdot d_t + \begin{cases} \mathrm{wdRatio} & \text{if } \mathrm{isFree}_t \\ 1 & \text{otherwise} \end{cases} \cdot \lambda \cdot \theta_{t-1}) \\
 * S_t &\leftarrow (m_t, v_t)
 * ```
 *
 * Source: Heo et al. 2021, AdamP: Slowing Down the Slowdown for Momentum Optimizers on Scale-invariant
 * Weights, arXiv 2006.08217.
 *
 * @example
 * ```ts
 * import { adamp } from "@gradus/gradus";
 * import { assert } from "@std/assert";
 *
 * const opt = adamp({ learningRate: 0.1 });
 * const x = { data: Float64Array.of(1, 0, 0, 1), shape: [2, 2] };
 * // Orthogonal to each row: what is left of a step is orthogonal too.
 * opt.step(x, { data: Float64Array.of(0, 3, -2, 0), shape: [2, 2] }, opt.init(x));
 * const expected = [1, -0.1, 0.1, 1];
 * assert(expected.every((value, i) => Math.abs(x.data[i] - value) < 1e-7));
 * ```
 */
export const adamp: OptimizerFactory<AdamPOptions, { m: "leaf"; v: "leaf" }> =
  /* @__PURE__ */ optimizer({
    name: "adamp",
    doc: "AdamW without steps along weights whose scale means nothing; two state tensors.",
    source:
      "Heo et al. 2021, AdamP: Slowing Down the Slowdown for Momentum Optimizers on Scale-invariant " +
      "Weights, arXiv 2006.08217",
    hyper: {
      learningRate: required,
      b1: { default: 0.9, domain: "[0, 1)" },
      b2: { default: 0.999, domain: "[0, 1)" },
      eps: { default: 1e-8, domain: "(0, inf)" },
      weightDecay: 0,
      delta: { default: 0.1, domain: "[0, inf)" },
      wdRatio: { default: 0.1, domain: "[0, inf)" },
      nesterov: false,
      caution: false,
    },
    state: { m: 0, v: 0 },
    step: `
    m = b1*m + (1 - b1)*g
    v = b2*v + (1 - b2)*g^2
    d = where(nesterov, b1*m + (1 - b1)*g, m)/(sqrt(1/(1 - b2^t)*v) + eps)
    n = sqrt(sum(w^2, axis=1:))
    cosines = abs(sum(g*w, axis=1:))/(max(sqrt(sum(g^2, axis=1:)), eps)*max(n, eps))
    byRow = rank > 1 & max(cosines) < delta/sqrt(columns)
    cosine = abs(sum(g*w))/(max(norm(g), eps)*max(norm(w), eps))
    isFree = byRow | rank > 1 & cosine < delta/sqrt(size)
    p = where(isFree, w/(where(byRow, n, norm(w)) + eps), 0)
    d = d - where(byRow, sum(p*d, axis=1:), sum(p*d))*p
    h = g - where(byRow, sum(p*g, axis=1:), sum(p*g))*p
    phi = where(d*h > 0, 1, 0)
    d = where(caution, 1/max(mean(phi), 1e-3)*phi*d, d)
    d = where(caution, d - where(byRow, sum(p*d, axis=1:), sum(p*d))*p, d)
    u = -learningRate*(1/(1 - b1^t)*d + where(isFree, wdRatio, 1)*weightDecay*w)
  `,
  });
