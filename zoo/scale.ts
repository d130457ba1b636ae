import { required } from "../dsl/program.ts";
import type { OptimizerFactory } from "../runtime/define.ts";
import { optimizer } from "../runtime/lazy.ts";
import type { HyperValue } from "../runtime/trees/hyperparameters.ts";

/** Options of {@linkcode scale}. */
export interface ScaleOptions {
  /** The factor. */
  stepSize: HyperValue;
}

/**
 * Multiplies updates by a number, or by what a schedule gives.
 *
 * ```text
 * u_t &\leftarrow \mathrm{stepSize} \cdot g_t
 * ```
 *
 * Source: a change of units.
 *
 * @example
 * ```ts
 * import { scale } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = scale({ stepSize: -0.5 });
 * const [updates] = opt.update(Float32Array.of(3), opt.init(Float32Array.of(0)));
 * assertEquals(updates, Float32Array.of(-1.5));
 * ```
 */
export const scale: OptimizerFactory<ScaleOptions> = /* @__PURE__ */ optimizer({
  name: "scale",
  doc: "Multiplies updates by a number.",
  source: "A change of units",
  hyper: { stepSize: required },
  step: "u = stepSize*g",
});

/** Options of {@linkcode scaleBySchedule}. */
export interface ScaleByScheduleOptions {
  /** The factor at each count. */
  stepSizeFn: HyperValue;
}

/**
 * Multiplies updates by what a schedule gives; {@linkcode scale} under Optax's other name.
 *
 * ```text
 * u_t &\leftarrow \mathrm{stepSizeFn} \cdot g_t
 * ```
 *
 * Source: a change of units.
 *
 * @example
 * ```ts
 * import { scaleBySchedule } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = scaleBySchedule({ stepSizeFn: (count) => 2 ** -count });
 * let state = opt.init(Float32Array.of(0));
 * [, state] = opt.update(Float32Array.of(3), state);
 * const [updates] = opt.update(Float32Array.of(3), state);
 * assertEquals(updates, Float32Array.of(1.5));
 * ```
 */
export const scaleBySchedule: OptimizerFactory<ScaleByScheduleOptions> = /* @__PURE__ */ optimizer({
  name: "scaleBySchedule",
  doc: "Multiplies updates by what a schedule gives.",
  source: "A change of units",
  hyper: { stepSizeFn: required },
  step: "u = stepSizeFn*g",
});

/** Options of {@linkcode scaleByLearningRate}. */
export interface ScaleByLearningRateOptions {
  /** Step size α. */
  learningRate: HyperValue;
  /** Whether updates go against the gradient. Default true. */
  flipSign?: boolean;
}

/**
 * Multiplies updates by a learning rate, downhill.
 *
 * ```text
 * u_t &\leftarrow \begin{cases} -\alpha_t & \text{if } \mathrm{flipSign} \\ \alpha_t & \text{otherwise} \end{cases} \cdot g_t
 * ```
 *
 * Source: Cauchy 1847, the method of steepest descent.
 *
 * @example
 * ```ts
 * import { chain, clip, scaleByLearningRate } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = chain(clip({ maxDelta: 1 }), scaleByLearningRate({ learningRate: 0.5 }));
 * const x = Float32Array.of(1);
 * opt.step(x, Float32Array.of(3), opt.init(x));
 * assertEquals(x, Float32Array.of(0.5));
 * ```
 */
export const scaleByLearningRate: OptimizerFactory<ScaleByLearningRateOptions> =
  /* @__PURE__ */ optimizer({
    name: "scaleByLearningRate",
    doc: "Multiplies updates by a learning rate, downhill.",
    source: "Cauchy 1847, the method of steepest descent",
    hyper: { learningRate: required, flipSign: true },
    step: "u = where(flipSign, -learningRate, learningRate)*g",
  });

/**
 * Passes updates through as they are.
 *
 * ```text
 * u_t &\leftarrow g_t
 * ```
 *
 * Source: the neutral transform.
 *
 * @example
 * ```ts
 * import { identity } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = identity();
 * const [updates] = opt.update(Float32Array.of(3), opt.init(Float32Array.of(0)));
 * assertEquals(updates, Float32Array.of(3));
 * ```
 */
export const identity: OptimizerFactory<Record<never, never>> = /* @__PURE__ */ optimizer({
  name: "identity",
  doc: "Passes updates through as they are.",
  source: "The neutral transform",
  step: "u = g",
});
