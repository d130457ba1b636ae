import { required } from "../dsl/program.ts";
import type { MaskOption, OptimizerFactory } from "../runtime/define.ts";
import { fixed, optimizer } from "../runtime/lazy.ts";
import { type LikeOption, withTorch } from "./like.ts";
import type { HyperValue } from "../runtime/trees/hyperparameters.ts";

/** Options of {@linkcode adagrad}. */
export interface AdagradOptions extends LikeOption {
  /** Step size α. */
  learningRate: HyperValue;
  /** What the sum of squares begins with. Default 0.1. */
  initialAccumulatorValue?: HyperValue;
  /** Added inside the square root. Default 1e-7. */
  eps?: HyperValue;
  /** Whether ε is added inside the square root, or outside it, as PyTorch does. Default true. */
  epsInSqrt?: boolean;
}

/**
 * AdaGrad: each element is divided by the root of the sum of its squared gradients, the one state
 * tensor `s`. An element all of whose gradients were 0 stays, whatever ε is.
 *
 * ```text
 * s_t &\leftarrow s_{t-1} + g_t^{2} \\
 * u_t &\leftarrow -\alpha_t \cdot \begin{cases} 0 & \text{if } s_t = 0 \\ \frac{g_t}{\begin{cases} \sqrt{s_t + \epsilon} & \text{if } \mathrm{epsInSqrt} \\ \sqrt{s_t} + \epsilon & \text{otherwise} \end{cases}} & \text{otherwise} \end{cases} \\
 * S_t &\leftarrow (s_t)
 * ```
 *
 * Source: Duchi et al. 2011, Adaptive Subgradient Methods for Online Learning and Stochastic
 * Optimization.
 *
 * @example
 * ```ts
 * import { adagrad } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = adagrad({ learningRate: 1 });
 * const x = Float32Array.of(1, 2, 3);
 * const state = opt.init(x);
 * const losses: string[] = [];
 * for (let step = 0; step < 5; step++) {
 *   opt.step(x, x.map((value) => 2 * value), state);
 *   losses.push(x.reduce((sum, value) => sum + value * value, 0).toPrecision(3));
 * }
 * assertEquals(losses, ["5.01", "2.40", "1.25", "0.686", "0.385"]);
 * ```
 */
export const adagrad: OptimizerFactory<AdagradOptions, { s: "leaf" }> = /* @__PURE__ */ withTorch(
  /* @__PURE__ */ optimizer({
    name: "adagrad",
    doc: "Divides by the root of the sum of squared gradients; one state tensor.",
    source:
      "Duchi et al. 2011, Adaptive Subgradient Methods for Online Learning and Stochastic Optimization",
    hyper: {
      learningRate: required,
      initialAccumulatorValue: { default: 0.1, domain: "[0, inf)" },
      eps: { default: 1e-7, domain: "[0, inf)" },
      epsInSqrt: true,
    },
    state: { s: "initialAccumulatorValue" },
    step: `
    s = s + g^2
    u = -learningRate*where(s == 0, 0, g/where(epsInSqrt, sqrt(s + eps), sqrt(s) + eps))
  `,
  }),
  { initialAccumulatorValue: 0, eps: 1e-10, epsInSqrt: false },
);

/** Options of {@linkcode scaleByRss}. */
export type ScaleByRssOptions = Omit<AdagradOptions, "learningRate" | "like">;

/**
 * The gradient over the root of the sum of squares so far: the direction of {@linkcode adagrad}.
 *
 * ```text
 * s_t &\leftarrow s_{t-1} + g_t^{2} \\
 * u_t &\leftarrow \begin{cases} 0 & \text{if } s_t = 0 \\ \frac{g_t}{\begin{cases} \sqrt{s_t + \epsilon} & \text{if } \mathrm{epsInSqrt} \\ \sqrt{s_t} + \epsilon & \text{otherwise} \end{cases}} & \text{otherwise} \end{cases} \\
 * S_t &\leftarrow (s_t)
 * ```
 *
 * Source: Duchi et al. 2011, Adaptive Subgradient Methods for Online Learning and Stochastic
 * Optimization.
 *
 * @example
 * ```ts
 * import { scaleByRss } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const scale = scaleByRss({ initialAccumulatorValue: 16, eps: 0 });
 * const gradients = Float32Array.of(3);
 * const [updates] = scale.update(gradients, scale.init(gradients));
 * assertEquals(updates, Float32Array.of(0.6));
 * ```
 */
export const scaleByRss: OptimizerFactory<ScaleByRssOptions, { s: "leaf" }> = /* @__PURE__ */ fixed(
  adagrad,
  { name: "scaleByRss", doc: "The gradient over the root of the sum of squares so far." },
  { learningRate: -1 },
);

/** Options of {@linkcode adadelta}. */
export interface AdadeltaOptions extends MaskOption, LikeOption {
  /** Step size α: the paper has none. Default 1. */
  learningRate?: HyperValue;
  /** Decay ρ of both averages of squares. Default 0.9. */
  rho?: HyperValue;
  /** Added inside both square roots. Default 1e-6. */
  eps?: HyperValue;
  /** Weight decay λ, added to the gradient before all else. Default 0. */
  weightDecay?: HyperValue;
}

/**
 * AdaDelta: steps as large as the steps before over the root of the averaged squared gradients; two
 * state tensors, `v` of squared gradients and `s` of squared steps. Without a learning rate it takes
 * the paper's steps, where Optax's ascend.
 *
 * ```text
 * g_t &\leftarrow g_t + \lambda \cdot \theta_{t-1} \\
 * v_t &\leftarrow \rho \cdot v_{t-1} + (1 - \rho) \cdot g_t^{2} \\
 * x_t &\leftarrow \frac{\sqrt{s_{t-1} + \epsilon}}{\sqrt{v_t + \epsilon}} \cdot g_t \\
 * s_t &\leftarrow \rho \cdot s_{t-1} + (1 - \rho) \cdot x_t^{2} \\
 * u_t &\leftarrow -\alpha_t \cdot x_t \\
 * S_t &\leftarrow (v_t, s_t)
 * ```
 *
 * Source: Zeiler 2012, ADADELTA: An Adaptive Learning Rate Method, arXiv 1212.5701.
 *
 * @example
 * ```ts
 * import { adadelta } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = adadelta({ learningRate: 10 });
 * const x = Float32Array.of(1, 2, 3);
 * const state = opt.init(x);
 * const losses: string[] = [];
 * for (let step = 0; step < 5; step++) {
 *   opt.step(x, x.map((value) => 2 * value), state);
 *   losses.push(x.reduce((sum, value) => sum + value * value, 0).toPrecision(3));
 * }
 * assertEquals(losses, ["13.6", "13.2", "12.9", "12.5", "12.1"]);
 * ```
 */
export const adadelta: OptimizerFactory<AdadeltaOptions, { v: "leaf"; s: "leaf" }> =
  /* @__PURE__ */ withTorch(/* @__PURE__ */ optimizer({
    name: "adadelta",
    doc: "Scales by the ratio of averaged squared steps and gradients; two state tensors.",
    source: "Zeiler 2012, ADADELTA: An Adaptive Learning Rate Method, arXiv 1212.5701",
    hyper: {
      learningRate: 1,
      rho: { default: 0.9, domain: "[0, 1]" },
      eps: { default: 1e-6, domain: "[0, inf)" },
      weightDecay: 0,
    },
    state: { v: 0, s: 0 },
    step: `
    g = g + weightDecay*w
    v = rho*v + (1 - rho)*g^2
    x = sqrt(s + eps)/sqrt(v + eps)*g
    s = rho*s + (1 - rho)*x^2
    u = -learningRate*x
  `,
  }));

/** Options of {@linkcode scaleByAdadelta}. */
export type ScaleByAdadeltaOptions = Pick<AdadeltaOptions, "rho" | "eps">;

/**
 * The gradient by the ratio of averaged steps and gradients: the direction of
 * {@linkcode adadelta}.
 *
 * ```text
 * v_t &\leftarrow \rho \cdot v_{t-1} + (1 - \rho) \cdot g_t^{2} \\
 * x_t &\leftarrow \frac{\sqrt{s_{t-1} + \epsilon}}{\sqrt{v_t + \epsilon}} \cdot g_t \\
 * s_t &\leftarrow \rho \cdot s_{t-1} + (1 - \rho) \cdot x_t^{2} \\
 * u_t &\leftarrow x_t \\
 * S_t &\leftarrow (v_t, s_t)
 * ```
 *
 * Source: Zeiler 2012, ADADELTA: An Adaptive Learning Rate Method, arXiv 1212.5701.
 *
 * @example
 * ```ts
 * import { scaleByAdadelta } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const scale = scaleByAdadelta({ rho: 0.75, eps: 0.25 });
 * const gradients = Float64Array.of(Math.sqrt(3));
 * const [updates] = scale.update(gradients, scale.init(gradients));
 * assertEquals(updates[0].toFixed(9), (Math.sqrt(3) / 2).toFixed(9));
 * ```
 */
export const scaleByAdadelta: OptimizerFactory<ScaleByAdadeltaOptions, { v: "leaf"; s: "leaf" }> =
  /* @__PURE__ */ fixed(
    adadelta,
    { name: "scaleByAdadelta", doc: "The gradient by the ratio of averaged steps and gradients." },
    { learningRate: -1, weightDecay: 0 },
  );
