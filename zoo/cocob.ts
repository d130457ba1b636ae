import type { MaskOption, OptimizerFactory } from "../runtime/define.ts";
import { fixed, optimizer } from "../runtime/lazy.ts";
import type { HyperValue } from "../runtime/trees/hyperparameters.ts";

/** Options of {@linkcode scaleByCocob}. */
export interface ScaleByCocobOptions {
  /** How many times the largest gradient bounds the first bets. Default 100. */
  alpha?: HyperValue;
  /** What the largest gradient begins with. Default 1e-8. */
  eps?: HyperValue;
}

/** Options of {@linkcode cocob}. */
export interface CocobOptions extends ScaleByCocobOptions, MaskOption {
  /** What gradients are multiplied by: the paper has none. Default 1. */
  learningRate?: HyperValue;
  /** Weight decay λ, added to the gradient before all else. Default 0. */
  weightDecay?: HyperValue;
}

/**
 * COCOB-Backprop: no step size; each element bets on its gradient, and its winnings say how far it
 * goes from where it began. Five state tensors: largest gradient `L`, sum of magnitudes `G`, reward
 * `R`, sum of descents `C` and first parameter `w0`.
 *
 * ```text
 * g_t &\leftarrow \alpha_t \cdot (g_t + \lambda \cdot \theta_{t-1}) \\
 * L_t &\leftarrow \max \left( L_{t-1}, \left| g_t \right| \right) \\
 * G_t &\leftarrow G_{t-1} + \left| g_t \right| \\
 * R_t &\leftarrow \max \left( R_{t-1} - g_t \cdot (\theta_{t-1} - w_{0,t-1}), 0 \right) \\
 * C_t &\leftarrow C_{t-1} - g_t \\
 * u_t &\leftarrow w_{0,t-1} + \frac{C_t}{L_t \cdot \max \left( G_t + L_t, \alpha \cdot L_t \right)} \cdot (L_t + R_t) - \theta_{t-1} \\
 * S_t &\leftarrow (L_t, G_t, R_t, C_t, w_{0,t-1})
 * ```
 *
 * Source: Orabona and Tommasi 2017, Training Deep Networks without Learning Rates Through Coin
 * Betting, arXiv 1705.07795.
 *
 * @example
 * ```ts
 * import { cocob } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = cocob();
 * const x = Float32Array.of(1, 2, 3);
 * const state = opt.init(x);
 * for (let step = 0; step < 300; step++) opt.step(x, x.map((value) => 2 * value), state);
 * assertEquals(x.reduce((sum, value) => sum + value * value, 0) < 0.1, true);
 * ```
 */
export const cocob: OptimizerFactory<
  CocobOptions,
  { L: "leaf"; G: "leaf"; R: "leaf"; C: "leaf"; w0: "leaf" }
> = /* @__PURE__ */ optimizer({
  name: "cocob",
  doc: "Coin betting, without a step size; five state tensors.",
  source: "Orabona and Tommasi 2017, Training Deep Networks without Learning Rates Through Coin " +
    "Betting, arXiv 1705.07795",
  hyper: {
    learningRate: 1,
    alpha: { default: 100, domain: "[0, inf)" },
    eps: { default: 1e-8, domain: "[0, inf)" },
    weightDecay: 0,
  },
  state: { L: "eps", G: 0, R: 0, C: 0, w0: "w" },
  step: `
    g = learningRate*(g + weightDecay*w)
    L = max(L, abs(g))
    G = G + abs(g)
    R = max(R - g*(w - w0), 0)
    C = C - g
    u = w0 + C/(L*max(G + L, alpha*L))*(L + R) - w
  `,
});

/**
 * The steps of {@linkcode cocob}, which go down the gradient already.
 *
 * ```text
 * L_t &\leftarrow \max \left( L_{t-1}, \left| g_t \right| \right) \\
 * G_t &\leftarrow G_{t-1} + \left| g_t \right| \\
 * R_t &\leftarrow \max \left( R_{t-1} - g_t \cdot (\theta_{t-1} - w_{0,t-1}), 0 \right) \\
 * C_t &\leftarrow C_{t-1} - g_t \\
 * u_t &\leftarrow w_{0,t-1} + \frac{C_t}{L_t \cdot \max \left( G_t + L_t, \alpha \cdot L_t \right)} \cdot (L_t + R_t) - \theta_{t-1} \\
 * S_t &\leftarrow (L_t, G_t, R_t, C_t, w_{0,t-1})
 * ```
 *
 * Source: Orabona and Tommasi 2017, Training Deep Networks without Learning Rates Through Coin
 * Betting, arXiv 1705.07795.
 *
 * @example
 * ```ts
 * import { scaleByCocob } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const scale = scaleByCocob({ alpha: 2 });
 * const x = Float32Array.of(1);
 * const [updates] = scale.update(Float32Array.of(4), scale.init(x), x);
 * assertEquals(updates, Float32Array.of(-0.5));
 * ```
 */
export const scaleByCocob: OptimizerFactory<
  ScaleByCocobOptions,
  { L: "leaf"; G: "leaf"; R: "leaf"; C: "leaf"; w0: "leaf" }
> = /* @__PURE__ */ fixed(
  cocob,
  { name: "scaleByCocob", doc: "The steps of COCOB." },
  { learningRate: 1, weightDecay: 0 },
);
