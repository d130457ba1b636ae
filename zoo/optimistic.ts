import { required } from "../dsl/program.ts";
import type { MuDTypeOption, OptimizerFactory } from "../runtime/define.ts";
import { fixed, optimizer } from "../runtime/lazy.ts";
import type { HyperValue } from "../runtime/trees/hyperparameters.ts";

/** Options of {@linkcode scaleByOptimisticGradient}. */
export interface ScaleByOptimisticGradientOptions {
  /** How much the gradient counts. Default 1. */
  alpha?: HyperValue;
  /** How much its change since the last step counts. Default 1. */
  beta?: HyperValue;
}

/** Options of {@linkcode optimisticGradientDescent}. */
export interface OptimisticGradientDescentOptions extends ScaleByOptimisticGradientOptions {
  /** Step size α. */
  learningRate: HyperValue;
}

/**
 * Optimistic gradient descent: expects the next gradient to change as the last one did, which makes
 * games converge that gradient descent circles in; one state tensor, the last gradient `p`.
 *
 * ```text
 * d_t &\leftarrow \begin{cases} 0 & \text{if } t = 1 \\ g_t - p_{t-1} & \text{otherwise} \end{cases} \\
 * u_t &\leftarrow -\alpha_t \cdot (\alpha \cdot g_t + \beta \cdot d_t) \\
 * p_t &\leftarrow g_t \\
 * S_t &\leftarrow (p_t)
 * ```
 *
 * Source: Mokhtari et al. 2019, A Unified Analysis of Extra-gradient and Optimistic Gradient Methods
 * for Saddle Point Problems: Proximal Point Approach, arXiv 1901.08511.
 *
 * @example
 * ```ts
 * import { optimisticGradientDescent } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = optimisticGradientDescent({ learningRate: 1 });
 * const x = Float32Array.of(0);
 * const state = opt.init(x);
 * const path = [2, 3, 4].map((g) => {
 *   opt.step(x, Float32Array.of(g), state);
 *   return x[0];
 * });
 * assertEquals(path, [-2, -6, -11]);
 * ```
 */
export const optimisticGradientDescent: OptimizerFactory<
  OptimisticGradientDescentOptions,
  { p: "leaf" }
> = /* @__PURE__ */ optimizer({
  name: "optimisticGradientDescent",
  doc: "Expects the gradient to go on changing as it did; one state tensor.",
  source: "Mokhtari et al. 2019, A Unified Analysis of Extra-gradient and Optimistic Gradient " +
    "Methods for Saddle Point Problems: Proximal Point Approach, arXiv 1901.08511",
  hyper: { learningRate: required, alpha: 1, beta: 1 },
  state: { p: 0 },
  step: `
      d = where(t == 1, 0, g - p)
      u = -learningRate*(alpha*g + beta*d)
      p = g
    `,
});

/**
 * The gradient and its change since the last step: the direction of
 * {@linkcode optimisticGradientDescent}.
 *
 * ```text
 * d_t &\leftarrow \begin{cases} 0 & \text{if } t = 1 \\ g_t - p_{t-1} & \text{otherwise} \end{cases} \\
 * u_t &\leftarrow \alpha \cdot g_t + \beta \cdot d_t \\
 * p_t &\leftarrow g_t \\
 * S_t &\leftarrow (p_t)
 * ```
 *
 * Source: Mokhtari et al. 2019, A Unified Analysis of Extra-gradient and Optimistic Gradient Methods
 * for Saddle Point Problems: Proximal Point Approach, arXiv 1901.08511.
 *
 * @example
 * ```ts
 * import { scaleByOptimisticGradient } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const scale = scaleByOptimisticGradient();
 * let state = scale.init(Float32Array.of(0));
 * const directions = [2, 3, 4].map((g) => {
 *   const [updates, next] = scale.update(Float32Array.of(g), state);
 *   state = next;
 *   return updates[0];
 * });
 * assertEquals(directions, [2, 4, 5]);
 * ```
 */
export const scaleByOptimisticGradient: OptimizerFactory<
  ScaleByOptimisticGradientOptions,
  { p: "leaf" }
> = /* @__PURE__ */ fixed(
  optimisticGradientDescent,
  { name: "scaleByOptimisticGradient", doc: "The gradient and its change since the last step." },
  { learningRate: -1 },
);

/** Options of {@linkcode optimisticAdamV2}. */
export interface OptimisticAdamV2Options extends OptimisticGradientDescentOptions, MuDTypeOption {
  /** Decay β1 of the first moment. Default 0.9. */
  b1?: HyperValue;
  /** Decay β2 of the second moment. Default 0.999. */
  b2?: HyperValue;
  /** Added outside the square root. Default 1e-8. */
  eps?: HyperValue;
  /** Added inside the square root. Default 0. */
  epsRoot?: HyperValue;
  /** Whether the first moment looks one step ahead; the paper's does not. Default true. */
  nesterov?: boolean;
}

/**
 * Optimistic Adam: Adam's direction, expected to change as it last did; three state tensors, Adam's
 * `m` and `v` and the last direction `p`.
 *
 * ```text
 * m_t &\leftarrow \beta_1 \cdot m_{t-1} + (1 - \beta_1) \cdot g_t \\
 * v_t &\leftarrow \beta_2 \cdot v_{t-1} + (1 - \beta_2) \cdot g_t^{2} \\
 * \hat{m}_t &\leftarrow \begin{cases} \frac{\beta_1}{1 - \beta_1^{t + 1}} \cdot m_t + \frac{1 - \beta_1}{1 - \beta_1^{t}} \cdot g_t & \text{if } \mathrm{nesterov} \\ \frac{1}{1 - \beta_1^{t}} \cdot m_t & \text{otherwise} \end{cases} \\
 * \hat{v}_t &\leftarrow \frac{1}{1 - \beta_2^{t}} \cdot v_t \\
 * a_t &\leftarrow \frac{\hat{m}_t}{\sqrt{\hat{v}_t + \bar{\epsilon}} + \epsilon} \\
 * d_t &\leftarrow \begin{cases} 0 & \text{if } t = 1 \\ a_t - p_{t-1} & \text{otherwise} \end{cases} \\
 * u_t &\leftarrow -\alpha_t \cdot (\alpha \cdot a_t + \beta \cdot d_t) \\
 * p_t &\leftarrow a_t \\
 * S_t &\leftarrow (m_t, v_t, p_t)
 * ```
 *
 * Source: Daskalakis et al. 2018, Training GANs with Optimism, arXiv 1711.00141.
 *
 * @example
 * ```ts
 * import { optimisticAdamV2 } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = optimisticAdamV2({ learningRate: 0.1, nesterov: false });
 * const x = Float32Array.of(1, 2, 3);
 * opt.step(x, x.map((value) => 2 * value), opt.init(x));
 * assertEquals(Array.from(x, (value) => value.toFixed(5)), ["0.90000", "1.90000", "2.90000"]);
 * ```
 */
export const optimisticAdamV2: OptimizerFactory<
  OptimisticAdamV2Options,
  { m: "leaf"; v: "leaf"; p: "leaf" }
> = /* @__PURE__ */ optimizer({
  name: "optimisticAdamV2",
  doc: "Adam that expects its direction to go on changing as it did; three state tensors.",
  source: "Daskalakis et al. 2018, Training GANs with Optimism, arXiv 1711.00141",
  hyper: {
    learningRate: required,
    alpha: 1,
    beta: 1,
    b1: { default: 0.9, domain: "[0, 1)" },
    b2: { default: 0.999, domain: "[0, 1)" },
    eps: { default: 1e-8, domain: "[0, inf)" },
    epsRoot: { default: 0, domain: "[0, inf)" },
    nesterov: true,
  },
  state: { m: 0, v: 0, p: 0 },
  step: `
    m = b1*m + (1 - b1)*g
    v = b2*v + (1 - b2)*g^2
    mhat = where(nesterov, b1/(1 - b1^(t + 1))*m + (1 - b1)/(1 - b1^t)*g, 1/(1 - b1^t)*m)
    vhat = 1/(1 - b2^t)*v
    a = mhat/(sqrt(vhat + epsRoot) + eps)
    d = where(t == 1, 0, a - p)
    u = -learningRate*(alpha*a + beta*d)
    p = a
  `,
});
