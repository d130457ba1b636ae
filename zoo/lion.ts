import { required } from "../dsl/program.ts";
import {
  type MuDTypeOption,
  namesOf,
  type OptimizerFactory,
  resolving,
} from "../runtime/define.ts";
import { fixed, optimizer } from "../runtime/lazy.ts";
import type { HyperValue } from "../runtime/trees/hyperparameters.ts";
import type { StateKinds } from "../runtime/trees/typed.ts";
import { requireChoice } from "../runtime/options.ts";
import { type LionOptions, plainLion } from "./lion_k.ts";
import { refinedLion, smoothLion } from "./smooth_lion.ts";

/** Options of {@linkcode lion}. */
export interface LionModeOptions extends LionOptions {
  /**
   * What is done with the interpolated momentum: `"hard"`, its sign; `"smooth"`, a hyperbolic tangent
   * ({@linkcode smoothLion}); `"refined"`, clipping to ±1 ({@linkcode refinedLion}). Default `"hard"`.
   */
  mode?: "hard" | "smooth" | "refined";
  /** How steep the tangent of `"smooth"` is; nothing to the other modes. Default 1. */
  smoothBeta?: HyperValue;
}

/**
 * Lion: the sign of an interpolated momentum, with one state tensor `m`.
 *
 * ```text
 * c_t &\leftarrow \beta_1 \cdot m_{t-1} + (1 - \beta_1) \cdot g_t \\
 * u_t &\leftarrow -\alpha_t \cdot (\operatorname{sign} \left( c_t \right) + \lambda \cdot \theta_{t-1}) \\
 * m_t &\leftarrow \beta_2 \cdot m_{t-1} + (1 - \beta_2) \cdot g_t \\
 * S_t &\leftarrow (m_t)
 * ```
 *
 * Source: Chen et al. 2023, Symbolic Discovery of Optimization Algorithms, arXiv 2302.06675.
 *
 * @example
 * ```ts
 * import { lion } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = lion({ learningRate: 0.003 });
 * const x = Float32Array.of(1, 2, 3);
 * const state = opt.init(x);
 * const losses: string[] = [];
 * for (let step = 0; step < 5; step++) {
 *   opt.step(x, x.map((value) => 2 * value), state);
 *   losses.push(x.reduce((sum, value) => sum + value * value, 0).toExponential(2));
 * }
 * assertEquals(losses, ["1.40e+1", "1.39e+1", "1.39e+1", "1.39e+1", "1.38e+1"]);
 * ```
 */
export const lion: OptimizerFactory<LionModeOptions, { m: "leaf" }> = /* @__PURE__ */ withModes({
  hard: plainLion,
  smooth: smoothLion,
  refined: refinedLion,
});

/** The optimizer of the option `mode`; `smoothBeta` is an option of `"smooth"` alone. */
function withModes<O extends Partial<LionModeOptions>, S extends StateKinds>(
  modes: Readonly<Record<"hard" | "smooth" | "refined", OptimizerFactory<never>>>,
): OptimizerFactory<O, S> {
  return resolving<O, S>(
    () => modes.hard.program,
    ({ mode = "hard", smoothBeta, ...options }, doing) => {
      requireChoice("mode", mode, Object.keys(modes), doing);
      return modes[mode]((mode === "smooth" ? { ...options, smoothBeta } : options) as never);
    },
    (program) => [...namesOf(program), "mode", "smoothBeta"],
  );
}

/** Options of {@linkcode scaleByLion}. */
export type ScaleByLionOptions = Pick<
  LionModeOptions,
  "b1" | "b2" | keyof MuDTypeOption | "mode" | "smoothBeta"
>;

/**
 * The sign of an interpolated momentum, or what the mode makes of it: the direction of
 * {@linkcode lion}, which takes no parameters in any mode.
 *
 * ```text
 * c_t &\leftarrow \beta_1 \cdot m_{t-1} + (1 - \beta_1) \cdot g_t \\
 * u_t &\leftarrow \operatorname{sign} \left( c_t \right) \\
 * m_t &\leftarrow \beta_2 \cdot m_{t-1} + (1 - \beta_2) \cdot g_t \\
 * S_t &\leftarrow (m_t)
 * ```
 *
 * Source: Chen et al. 2023, Symbolic Discovery of Optimization Algorithms, arXiv 2302.06675.
 *
 * @example
 * ```ts
 * import { scaleByLion } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const scale = scaleByLion({ b1: 0.5 });
 * const gradients = Float32Array.of(0.2, -2, 0);
 * const [updates] = scale.update(gradients, scale.init(gradients));
 * assertEquals(updates, Float32Array.of(1, -1, 0));
 * ```
 */
export const scaleByLion: OptimizerFactory<ScaleByLionOptions, { m: "leaf" }> =
  /* @__PURE__ */ withModes({
    hard: /* @__PURE__ */ direction(plainLion, "scaleByLion", "Sign of an interpolated momentum."),
    smooth: /* @__PURE__ */ direction(
      smoothLion,
      "scaleBySmoothLion",
      "Hyperbolic tangent of an interpolated momentum.",
    ),
    refined: /* @__PURE__ */ direction(
      refinedLion,
      "scaleByRefinedLion",
      "Interpolated momentum, clipped to its sign.",
    ),
  });

/** The direction of a Lion: no parameter is read. */
function direction(
  inner: OptimizerFactory<never>,
  name: string,
  doc: string,
): OptimizerFactory<never> {
  return fixed<never>(inner, { name, doc }, { learningRate: -1, weightDecay: 0 });
}

/**
 * Cautious Lion: Lion that moves only the elements whose direction agrees with the gradient, and those
 * the further the fewer they are in their tensor; one state tensor `m`. Defaults are Lion's.
 *
 * ```text
 * c_t &\leftarrow \beta_1 \cdot m_{t-1} + (1 - \beta_1) \cdot g_t \\
 * s_t &\leftarrow \operatorname{sign} \left( c_t \right) \\
 * \phi_t &\leftarrow \begin{cases} 1 & \text{if } s_t \cdot g_t > 0 \\ 0 & \text{otherwise} \end{cases} \\
 * u_t &\leftarrow -\alpha_t \cdot (\frac{\mathrm{size}}{\operatorname{sum} \left( \phi_t \right) + 1} \cdot \phi_t \cdot s_t + \lambda \cdot \theta_{t-1}) \\
 * m_t &\leftarrow \beta_2 \cdot m_{t-1} + (1 - \beta_2) \cdot g_t \\
 * S_t &\leftarrow (m_t)
 * ```
 *
 * Source: Liang et al. 2024, Cautious Optimizers: Improving Training with One Line of Code, arXiv
 * 2411.16085.
 *
 * @example
 * ```ts
 * import { cautiousLion } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = cautiousLion({ learningRate: 0.25, weightDecay: 0 });
 * const x = Float32Array.of(1, 1, 1);
 * const state = opt.init(x);
 * opt.step(x, Float32Array.of(1, 1, 1), state); // all agree: 3/(3 + 1)
 * assertEquals(x, Float32Array.of(0.8125, 0.8125, 0.8125));
 * opt.step(x, Float32Array.of(-0.01, 1, 0), state); // one agrees: 3/(1 + 1)
 * assertEquals(x, Float32Array.of(0.8125, 0.4375, 0.8125));
 * ```
 */
export const cautiousLion: OptimizerFactory<LionOptions, { m: "leaf" }> = /* @__PURE__ */ optimizer(
  {
    name: "cautiousLion",
    doc: "Lion where its direction agrees with the gradient; one state tensor.",
    source: "Liang et al. 2024, Cautious Optimizers: Improving Training with One Line of Code, " +
      "arXiv 2411.16085",
    hyper: {
      learningRate: required,
      b1: { default: 0.9, domain: "[0, 1)" },
      b2: { default: 0.99, domain: "[0, 1)" },
      weightDecay: 1e-3,
    },
    state: { m: 0 },
    step: `
    c = b1*m + (1 - b1)*g
    s = sign(c)
    phi = where(s*g > 0, 1, 0)
    u = -learningRate*(size/(sum(phi) + 1)*phi*s + weightDecay*w)
    m = b2*m + (1 - b2)*g
  `,
  },
);
