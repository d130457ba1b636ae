import { required } from "../dsl/program.ts";
import type { MuDTypeOption, OptimizerFactory } from "../runtime/define.ts";
import { fixed, optimizer } from "../runtime/lazy.ts";
import type { HyperValue } from "../runtime/trees/hyperparameters.ts";

/** Options of {@linkcode yogi}. */
export interface YogiOptions extends MuDTypeOption {
  /** Step size α. */
  learningRate: HyperValue;
  /** Decay β1 of the first moment. Default 0.9. */
  b1?: HyperValue;
  /** Decay β2 of the second moment. Default 0.999. */
  b2?: HyperValue;
  /** Added outside the square root. Default 1e-3. */
  eps?: HyperValue;
  /** Added inside the square root. Default 0. */
  epsRoot?: HyperValue;
  /** What both moments begin with. Default 1e-6. */
  initialAccumulatorValue?: HyperValue;
}

/**
 * Yogi: Adam whose second moment moves towards the squared gradient by a fraction of that square,
 * so that it cannot fall fast; two state tensors. Bias is corrected as in Optax, where the paper
 * has no correction, and both moments begin at 1e-6.
 *
 * ```text
 * m_t &\leftarrow \beta_1 \cdot m_{t-1} + (1 - \beta_1) \cdot g_t \\
 * v_t &\leftarrow v_{t-1} - (1 - \beta_2) \cdot \operatorname{sign} \left( v_{t-1} - g_t^{2} \right) \cdot g_t^{2} \\
 * \hat{m}_t &\leftarrow \frac{1}{1 - \beta_1^{t}} \cdot m_t \\
 * \hat{v}_t &\leftarrow \frac{1}{1 - \beta_2^{t}} \cdot v_t \\
 * u_t &\leftarrow -\alpha_t \cdot (\frac{\hat{m}_t}{\sqrt{\hat{v}_t + \bar{\epsilon}} + \epsilon}) \\
 * S_t &\leftarrow (m_t, v_t)
 * ```
 *
 * Source: Zaheer et al. 2018, Adaptive Methods for Nonconvex Optimization.
 *
 * @example
 * ```ts
 * import { yogi } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = yogi({ learningRate: 0.1 });
 * const x = Float32Array.of(1, 2, 3);
 * const state = opt.init(x);
 * for (let step = 0; step < 5; step++) opt.step(x, x.map((value) => 2 * value), state);
 * assertEquals(Array.from(x, (value) => value.toFixed(4)), ["0.5085", "1.5034", "2.5021"]);
 * ```
 */
export const yogi: OptimizerFactory<YogiOptions, { m: "leaf"; v: "leaf" }> =
  /* @__PURE__ */ optimizer({
    name: "yogi",
    doc: "Adam with a second moment that cannot fall fast; two state tensors.",
    source: "Zaheer et al. 2018, Adaptive Methods for Nonconvex Optimization",
    hyper: {
      learningRate: required,
      b1: { default: 0.9, domain: "[0, 1)" },
      b2: { default: 0.999, domain: "[0, 1)" },
      eps: { default: 1e-3, domain: "[0, inf)" },
      epsRoot: { default: 0, domain: "[0, inf)" },
      initialAccumulatorValue: { default: 1e-6, domain: "[0, inf)" },
    },
    state: { m: "initialAccumulatorValue", v: "initialAccumulatorValue" },
    step: `
    m = b1*m + (1 - b1)*g
    v = v - (1 - b2)*sign(v - g^2)*g^2
    mhat = 1/(1 - b1^t)*m
    vhat = 1/(1 - b2^t)*v
    u = -learningRate*(mhat/(sqrt(vhat + epsRoot) + eps))
  `,
  });

/** Options of {@linkcode scaleByYogi}. */
export type ScaleByYogiOptions = Omit<YogiOptions, "learningRate">;

/**
 * The direction of {@linkcode yogi}, to be scaled by what follows in a chain. The direction keeps
 * the sign of the gradient: an optimizer subtracts it.
 *
 * ```text
 * m_t &\leftarrow \beta_1 \cdot m_{t-1} + (1 - \beta_1) \cdot g_t \\
 * v_t &\leftarrow v_{t-1} - (1 - \beta_2) \cdot \operatorname{sign} \left( v_{t-1} - g_t^{2} \right) \cdot g_t^{2} \\
 * \hat{m}_t &\leftarrow \frac{1}{1 - \beta_1^{t}} \cdot m_t \\
 * \hat{v}_t &\leftarrow \frac{1}{1 - \beta_2^{t}} \cdot v_t \\
 * u_t &\leftarrow \frac{\hat{m}_t}{\sqrt{\hat{v}_t + \bar{\epsilon}} + \epsilon} \\
 * S_t &\leftarrow (m_t, v_t)
 * ```
 *
 * Source: Zaheer et al. 2018, Adaptive Methods for Nonconvex Optimization.
 *
 * @example
 * ```ts
 * import { scaleByYogi } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = scaleByYogi();
 * let state = opt.init(Float32Array.of(0, 0));
 * let updates = Float32Array.of(0, 0);
 * for (const gradient of [1, 3]) {
 *   [updates, state] = opt.update(Float32Array.of(gradient, -1), state);
 * }
 * assertEquals(Array.from(updates, (value) => value.toFixed(4)), ["0.9173", "-0.9985"]);
 * ```
 */
export const scaleByYogi: OptimizerFactory<ScaleByYogiOptions, { m: "leaf"; v: "leaf" }> =
  /* @__PURE__ */ fixed(yogi, {
    name: "scaleByYogi",
    doc: "The direction of Yogi; two state tensors.",
    source: "Zaheer et al. 2018, Adaptive Methods for Nonconvex Optimization",
  }, { learningRate: -1 });
