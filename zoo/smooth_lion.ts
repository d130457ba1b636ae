import { factoryOf, type OptimizerFactory } from "../runtime/define.ts";
import type { HyperValue } from "../runtime/trees/hyperparameters.ts";
import { type LionOptions, programOfLionK } from "./lion_k.ts";

/** Options of {@linkcode smoothLion}. */
export interface SmoothLionOptions extends LionOptions {
  /** How steep the hyperbolic tangent is; as it grows, Lion's sign comes of it. Default 1. */
  smoothBeta?: HyperValue;
}

/**
 * Lion with a hyperbolic tangent for the sign: Optax's mode `smooth`. One state tensor `m`.
 *
 * ```text
 * c_t &\leftarrow \beta_1 \cdot m_{t-1} + (1 - \beta_1) \cdot g_t \\
 * u_t &\leftarrow -\alpha_t \cdot (\tanh \left( \mathrm{smoothBeta} \cdot c_t \right) + \lambda \cdot \theta_{t-1}) \\
 * m_t &\leftarrow \beta_2 \cdot m_{t-1} + (1 - \beta_2) \cdot g_t \\
 * S_t &\leftarrow (m_t)
 * ```
 *
 * Source: Chen et al. 2023, Lion Secretly Solves Constrained Optimization: As Lyapunov Predicts, arXiv
 * 2310.05898, with 𝒦(c) = Σ log cosh(βc)/β.
 *
 * @example
 * ```ts
 * import { smoothLion } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const scale = smoothLion({ learningRate: -1, b1: 0.5, weightDecay: 0, smoothBeta: 2 });
 * const gradients = Float64Array.of(0.2, -2);
 * const [updates] = scale.update(gradients, scale.init(gradients), gradients);
 * const expected = [Math.tanh(0.2), Math.tanh(-2)];
 * assertEquals(Array.from(updates, (value) => value.toFixed(9)), expected.map((value) => value.toFixed(9)));
 * ```
 */
export const smoothLion: OptimizerFactory<SmoothLionOptions, { m: "leaf" }> =
  /* @__PURE__ */ factoryOf(() =>
    programOfLionK(
      {
        name: "smoothLion",
        doc: "Hyperbolic tangent of an interpolated momentum; one state tensor.",
        gradient: "tanh(smoothBeta*c)",
        hyper: { smoothBeta: { default: 1, domain: "(0, inf)" } },
      },
    )
  );

/**
 * Lion with a sign that is linear where the momentum is less than 1: Optax's mode `refined`. One state
 * tensor `m`.
 *
 * ```text
 * c_t &\leftarrow \beta_1 \cdot m_{t-1} + (1 - \beta_1) \cdot g_t \\
 * u_t &\leftarrow -\alpha_t \cdot (\operatorname{clip} \left( c_t, -1, 1 \right) + \lambda \cdot \theta_{t-1}) \\
 * m_t &\leftarrow \beta_2 \cdot m_{t-1} + (1 - \beta_2) \cdot g_t \\
 * S_t &\leftarrow (m_t)
 * ```
 *
 * Source: Chen et al. 2023, Lion Secretly Solves Constrained Optimization: As Lyapunov Predicts, arXiv
 * 2310.05898, with Huber's function for 𝒦.
 *
 * @example
 * ```ts
 * import { refinedLion } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = refinedLion({ learningRate: 1, b1: 0.5, weightDecay: 0 });
 * const x = Float32Array.of(0, 0, 0);
 * opt.step(x, Float32Array.of(0.5, -1, 100), opt.init(x));
 * assertEquals(x, Float32Array.of(-0.25, 0.5, -1));
 * ```
 */
export const refinedLion: OptimizerFactory<LionOptions, { m: "leaf" }> = /* @__PURE__ */ factoryOf(
  () =>
    programOfLionK({
      name: "refinedLion",
      doc: "Interpolated momentum, clipped to its sign; one state tensor.",
      gradient: "clip(c, -1, 1)",
    }),
);
