import { required } from "../dsl/program.ts";
import type { MaskOption, MuDTypeOption, OptimizerFactory } from "../runtime/define.ts";
import { fixed, optimizer } from "../runtime/lazy.ts";
import { type LikeOption, withTorch } from "./like.ts";
import type { HyperValue } from "../runtime/trees/hyperparameters.ts";

/** Options of {@linkcode adamax}. */
export interface AdamaxOptions extends MuDTypeOption, LikeOption {
  /** Step size α. */
  learningRate: HyperValue;
  /** Decay β1 of the first moment. Default 0.9. */
  b1?: HyperValue;
  /** Decay β2 of the largest magnitude. Default 0.999. */
  b2?: HyperValue;
  /** Added to the magnitude of each gradient. Default 1e-8. */
  eps?: HyperValue;
}

/** Options of {@linkcode adamaxw}. */
export interface AdamaxWOptions extends Omit<AdamaxOptions, "like">, MaskOption {
  /** Decoupled weight decay λ, multiplied by the learning rate. Default 1e-4. */
  weightDecay?: HyperValue;
}

/**
 * AdaMaxW: {@linkcode adamax} with decoupled weight decay.
 *
 * ```text
 * m_t &\leftarrow \beta_1 \cdot m_{t-1} + (1 - \beta_1) \cdot g_t \\
 * v_t &\leftarrow \max \left( \beta_2 \cdot v_{t-1}, \left| g_t \right| + \epsilon \right) \\
 * u_t &\leftarrow -\alpha_t \cdot (\frac{\frac{1}{1 - \beta_1^{t}} \cdot m_t}{v_t} + \lambda \cdot \theta_{t-1}) \\
 * S_t &\leftarrow (m_t, v_t)
 * ```
 *
 * Source: Loshchilov and Hutter 2019, Decoupled Weight Decay Regularization, arXiv 1711.05101.
 *
 * @example
 * ```ts
 * import { adamaxw } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = adamaxw({ learningRate: 0.1 });
 * const x = Float32Array.of(1, 2, 3);
 * const state = opt.init(x);
 * for (let step = 0; step < 5; step++) opt.step(x, x.map((value) => 2 * value), state);
 * assertEquals(Array.from(x, (value) => value.toFixed(4)), ["0.5515", "1.5257", "2.5168"]);
 * ```
 */
export const adamaxw: OptimizerFactory<AdamaxWOptions, { m: "leaf"; v: "leaf" }> =
  /* @__PURE__ */ optimizer({
    name: "adamaxw",
    doc: "Adam by a decaying largest magnitude, with decoupled weight decay; two state tensors.",
    source: "Loshchilov and Hutter 2019, Decoupled Weight Decay Regularization, arXiv 1711.05101",
    hyper: {
      learningRate: required,
      b1: { default: 0.9, domain: "[0, 1)" },
      b2: { default: 0.999, domain: "[0, 1)" },
      eps: { default: 1e-8, domain: "[0, inf)" },
      weightDecay: 1e-4,
    },
    state: { m: 0, v: 0 },
    step: `
    m = b1*m + (1 - b1)*g
    v = max(b2*v, abs(g) + eps)
    u = -learningRate*(1/(1 - b1^t)*m/v + weightDecay*w)
  `,
  });

/**
 * AdaMax: Adam with the infinity norm, a decaying largest magnitude `v`, in place of the second
 * moment. The paper has no ε: a gradient that has been 0 from the first would divide 0 by 0.
 *
 * ```text
 * m_t &\leftarrow \beta_1 \cdot m_{t-1} + (1 - \beta_1) \cdot g_t \\
 * v_t &\leftarrow \max \left( \beta_2 \cdot v_{t-1}, \left| g_t \right| + \epsilon \right) \\
 * u_t &\leftarrow -\alpha_t \cdot (\frac{\frac{1}{1 - \beta_1^{t}} \cdot m_t}{v_t}) \\
 * S_t &\leftarrow (m_t, v_t)
 * ```
 *
 * Source: Kingma and Ba 2015, Adam: A Method for Stochastic Optimization, arXiv 1412.6980.
 *
 * @example
 * ```ts
 * import { adamax } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = adamax({ learningRate: 0.1 });
 * const x = Float32Array.of(1, 2, 3);
 * const state = opt.init(x);
 * for (let step = 0; step < 5; step++) opt.step(x, x.map((value) => 2 * value), state);
 * assertEquals(Array.from(x, (value) => value.toFixed(4)), ["0.5516", "1.5258", "2.5170"]);
 * ```
 */
export const adamax: OptimizerFactory<AdamaxOptions, { m: "leaf"; v: "leaf" }> =
  /* @__PURE__ */ withTorch(/* @__PURE__ */ fixed(adamaxw, {
    name: "adamax",
    doc: "Adam by a decaying largest magnitude; two state tensors.",
    source: "Kingma and Ba 2015, Adam: A Method for Stochastic Optimization, arXiv 1412.6980",
  }, { weightDecay: 0 }));

/** Options of {@linkcode scaleByAdamax}. */
export type ScaleByAdamaxOptions = Omit<AdamaxOptions, "learningRate" | "like">;

/**
 * The direction of {@linkcode adamax}, to be scaled by what follows in a chain. The direction keeps
 * the sign of the gradient: an optimizer subtracts it.
 *
 * ```text
 * m_t &\leftarrow \beta_1 \cdot m_{t-1} + (1 - \beta_1) \cdot g_t \\
 * v_t &\leftarrow \max \left( \beta_2 \cdot v_{t-1}, \left| g_t \right| + \epsilon \right) \\
 * u_t &\leftarrow \frac{\frac{1}{1 - \beta_1^{t}} \cdot m_t}{v_t} \\
 * S_t &\leftarrow (m_t, v_t)
 * ```
 *
 * Source: Kingma and Ba 2015, Adam: A Method for Stochastic Optimization, arXiv 1412.6980.
 *
 * @example
 * ```ts
 * import { scaleByAdamax } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = scaleByAdamax();
 * let state = opt.init(Float32Array.of(0, 0));
 * let updates = Float32Array.of(0, 0);
 * for (const gradient of [1, 3]) {
 *   [updates, state] = opt.update(Float32Array.of(gradient, -1), state);
 * }
 * assertEquals(Array.from(updates, (value) => value.toFixed(4)), ["0.6842", "-1.0000"]);
 * ```
 */
export const scaleByAdamax: OptimizerFactory<ScaleByAdamaxOptions, { m: "leaf"; v: "leaf" }> =
  /* @__PURE__ */ fixed(
    adamaxw,
    {
      name: "scaleByAdamax",
      doc: "The direction of AdaMax; two state tensors.",
      source: "Kingma and Ba 2015, Adam: A Method for Stochastic Optimization, arXiv 1412.6980",
    },
    { learningRate: -1, weightDecay: 0 },
  );
