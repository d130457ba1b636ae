/** Momentum with a step size from a model of the loss. */
import type { MuDTypeOption, OptimizerFactory } from "../runtime/define.ts";
import { optimizer } from "../runtime/lazy.ts";
import type { HyperValue } from "../runtime/trees/hyperparameters.ts";

/** Options of {@linkcode momo}. */
export interface MomoOptions extends MuDTypeOption {
  /** The largest step size α. Default 1. */
  learningRate?: HyperValue;
  /** Decay β of the averages. Default 0.9. */
  beta?: HyperValue;
  /** The least value the loss can have. Default 0. */
  lowerBound?: HyperValue;
  /** Weight decay λ, the same for all parameters. Default 0. */
  weightDecay?: HyperValue;
  /** Whether the lower bound is learned, from `lowerBound` upwards. Default false. */
  adaptLowerBound?: boolean;
}

const source =
  "Schaipp et al. 2024, MoMo: Momentum Models for Adaptive Learning Rates, arXiv 2305.07583";

/**
 * MoMo: momentum whose step size is what brings an average of linear models of the loss to its lower
 * bound, at most α. It takes the loss, `value`, as an input of each step. One state tensor.
 *
 * ```text
 * b_t &\leftarrow \begin{cases} 0 & \text{if } t = 1 \\ \beta & \text{otherwise} \end{cases} \\
 * m_t &\leftarrow b_t \cdot m_{t-1} + (1 - b_t) \cdot g_t \\
 * \bar{f}_t &\leftarrow b_t \cdot \bar{f}_{t-1} + (1 - b_t) \cdot \mathrm{value} \\
 * \gamma_t &\leftarrow b_t \cdot \gamma_{t-1} + (1 - b_t) \cdot \operatorname{sum} \left( g_t \cdot \theta_{t-1} \right)_{\text{tree}} \\
 * n_t &\leftarrow \left\lVert m_t \right\rVert_{\text{tree}}^{2} \\
 * p_t &\leftarrow \operatorname{sum} \left( m_t \cdot \theta_{t-1} \right)_{\text{tree}} \\
 * c_t &\leftarrow 1 + \alpha_t \cdot \lambda \\
 * h_t &\leftarrow c_t \cdot (\bar{f}_t - \gamma_t) + p_t \\
 * k_t &\leftarrow \begin{cases} \begin{cases} \max \left( \frac{h_t}{2 \cdot c_t}, \mathrm{lowerBound} \right) & \text{if } h_t < c_t \cdot l_{t-1} \\ l_{t-1} & \text{otherwise} \end{cases} & \text{if } \mathrm{adaptLowerBound} \\ \mathrm{lowerBound} & \text{otherwise} \end{cases} \\
 * \tau_t &\leftarrow \begin{cases} \min \left( \alpha_t, \frac{\max \left( h_t - c_t \cdot k_t, 0 \right)}{n_t} \right) & \text{if } n_t > 0 \\ 0 & \text{otherwise} \end{cases} \\
 * l_t &\leftarrow \max \left( \bar{f}_t - \gamma_t + p_t - 0.5 \cdot \tau_t \cdot n_t, \mathrm{lowerBound} \right) \\
 * u_t &\leftarrow -(\frac{\alpha_t \cdot \lambda}{c_t} \cdot \theta_{t-1} + \tau_t \cdot m_t) \\
 * S_t &\leftarrow (m_t, \bar{f}_t, \gamma_t, l_t)
 * ```
 *
 * Source: Schaipp et al. 2024, MoMo: Momentum Models for Adaptive Learning Rates, arXiv 2305.07583.
 *
 * @example
 * ```ts
 * import { momo } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = momo();
 * const x = Float32Array.of(1, 2, 3);
 * const value = x.reduce((sum, value) => sum + value * value, 0);
 * opt.step(x, x.map((value) => 2 * value), opt.init(x), { value });
 * assertEquals(x, Float32Array.of(0.5, 1, 1.5));
 * ```
 */
export const momo: OptimizerFactory<
  MomoOptions,
  { m: "leaf"; fbar: "tree"; gamma: "tree"; l?: "tree" }
> = /* @__PURE__ */ optimizer({
  name: "momo",
  doc: "Momentum with a step size from a model of the loss; one state tensor.",
  source,
  hyper: {
    learningRate: 1,
    beta: { default: 0.9, domain: "[0, 1)" },
    lowerBound: 0,
    weightDecay: 0,
    adaptLowerBound: false,
  },
  state: {
    m: 0,
    fbar: { over: "tree" },
    gamma: { over: "tree" },
    l: { init: "lowerBound", over: "tree" },
  },
  inputs: { value: "scalar" },
  step: `
    b = where(t == 1, 0, beta)
    m = b*m + (1 - b)*g
    fbar = b*fbar + (1 - b)*value
    gamma = b*gamma + (1 - b)*globalSum(g*w)
    n = globalNorm(m)^2
    p = globalSum(m*w)
    c = 1 + learningRate*weightDecay
    h = c*(fbar - gamma) + p
    k = where(adaptLowerBound, where(h < c*l, max(h/(2*c), lowerBound), l), lowerBound)
    tau = where(n > 0, min(learningRate, max(h - c*k, 0)/n), 0)
    l = max(fbar - gamma + p - 0.5*tau*n, lowerBound)
    u = -(learningRate*weightDecay/c*w + tau*m)
  `,
});

/** Options of {@linkcode momoAdam}. */
export interface MomoAdamOptions extends MuDTypeOption {
  /** The largest step size α. Default 0.01. */
  learningRate?: HyperValue;
  /** Decay β1 of the averages. Default 0.9. */
  b1?: HyperValue;
  /** Decay β2 of the second moment. Default 0.999. */
  b2?: HyperValue;
  /** Added outside the square root. Default 1e-8. */
  eps?: HyperValue;
  /** The least value the loss can have. Default 0. */
  lowerBound?: HyperValue;
  /** Weight decay λ, the same for all parameters. Default 0. */
  weightDecay?: HyperValue;
  /** Whether the lower bound is learned, from `lowerBound` upwards. Default false. */
  adaptLowerBound?: boolean;
}

/**
 * MoMo-Adam: {@linkcode momo} in the geometry of Adam's second moment. Two state tensors.
 *
 * ```text
 * m_t &\leftarrow \beta_1 \cdot m_{t-1} + (1 - \beta_1) \cdot g_t \\
 * v_t &\leftarrow \beta_2 \cdot v_{t-1} + (1 - \beta_2) \cdot g_t^{2} \\
 * \bar{f}_t &\leftarrow \beta_1 \cdot \bar{f}_{t-1} + (1 - \beta_1) \cdot \mathrm{value} \\
 * \gamma_t &\leftarrow \beta_1 \cdot \gamma_{t-1} + (1 - \beta_1) \cdot \operatorname{sum} \left( g_t \cdot \theta_{t-1} \right)_{\text{tree}} \\
 * d_t &\leftarrow \frac{m_t}{\sqrt{\frac{1}{1 - \beta_2^{t}} \cdot v_t} + \epsilon} \\
 * n_t &\leftarrow \operatorname{sum} \left( m_t \cdot d_t \right)_{\text{tree}} \\
 * p_t &\leftarrow \operatorname{sum} \left( m_t \cdot \theta_{t-1} \right)_{\text{tree}} \\
 * c_t &\leftarrow 1 + \alpha_t \cdot \lambda \\
 * q_t &\leftarrow 1 - \beta_1^{t} \\
 * h_t &\leftarrow c_t \cdot (\bar{f}_t - \gamma_t) + p_t \\
 * k_t &\leftarrow \begin{cases} \begin{cases} \max \left( \frac{h_t}{2 \cdot c_t \cdot q_t}, \mathrm{lowerBound} \right) & \text{if } h_t < c_t \cdot q_t \cdot l_{t-1} \\ l_{t-1} & \text{otherwise} \end{cases} & \text{if } \mathrm{adaptLowerBound} \\ \mathrm{lowerBound} & \text{otherwise} \end{cases} \\
 * \tau_t &\leftarrow \begin{cases} \min \left( \frac{\alpha_t}{q_t}, \frac{\max \left( h_t - c_t \cdot q_t \cdot k_t, 0 \right)}{n_t} \right) & \text{if } n_t > 0 \\ 0 & \text{otherwise} \end{cases} \\
 * l_t &\leftarrow \max \left( \frac{\bar{f}_t - \gamma_t + p_t - 0.5 \cdot \tau_t \cdot n_t}{q_t}, \mathrm{lowerBound} \right) \\
 * u_t &\leftarrow -(\frac{\alpha_t \cdot \lambda}{c_t} \cdot \theta_{t-1} + \tau_t \cdot d_t) \\
 * S_t &\leftarrow (m_t, v_t, \bar{f}_t, \gamma_t, l_t)
 * ```
 *
 * Source: Schaipp et al. 2024, MoMo: Momentum Models for Adaptive Learning Rates, arXiv 2305.07583.
 *
 * @example
 * ```ts
 * import { momoAdam } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = momoAdam({ learningRate: 1, eps: 0 });
 * const x = Float32Array.of(1, 2, 3);
 * opt.step(x, Float32Array.of(2, 2, 2), opt.init(x), { value: 3 });
 * assertEquals(Array.from(x, (value) => value.toFixed(4)), ["0.5000", "1.5000", "2.5000"]);
 * ```
 */
export const momoAdam: OptimizerFactory<
  MomoAdamOptions,
  { m: "leaf"; v: "leaf"; fbar: "tree"; gamma: "tree"; l?: "tree" }
> = /* @__PURE__ */ optimizer({
  name: "momoAdam",
  doc: "Adam with a step size from a model of the loss; two state tensors.",
  source,
  hyper: {
    learningRate: 0.01,
    b1: { default: 0.9, domain: "[0, 1)" },
    b2: { default: 0.999, domain: "[0, 1)" },
    eps: { default: 1e-8, domain: "[0, inf)" },
    lowerBound: 0,
    weightDecay: 0,
    adaptLowerBound: false,
  },
  state: {
    m: 0,
    v: 0,
    fbar: { over: "tree" },
    gamma: { over: "tree" },
    l: { init: "lowerBound", over: "tree" },
  },
  inputs: { value: "scalar" },
  step: `
    m = b1*m + (1 - b1)*g
    v = b2*v + (1 - b2)*g^2
    fbar = b1*fbar + (1 - b1)*value
    gamma = b1*gamma + (1 - b1)*globalSum(g*w)
    d = m/(sqrt(1/(1 - b2^t)*v) + eps)
    n = globalSum(m*d)
    p = globalSum(m*w)
    c = 1 + learningRate*weightDecay
    q = 1 - b1^t
    h = c*(fbar - gamma) + p
    k = where(adaptLowerBound, where(h < c*q*l, max(h/(2*c*q), lowerBound), l), lowerBound)
    tau = where(n > 0, min(learningRate/q, max(h - c*q*k, 0)/n), 0)
    l = max((fbar - gamma + p - 0.5*tau*n)/q, lowerBound)
    u = -(learningRate*weightDecay/c*w + tau*d)
  `,
});
