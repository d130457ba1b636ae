/** Projections that limit each element by itself. */
import { required } from "../../dsl/program.ts";
import type { OptimizerFactory } from "../../runtime/define.ts";
import { optimizer } from "../../runtime/lazy.ts";
import type { HyperValue } from "../../runtime/trees/hyperparameters.ts";

/** Options of projections on a set that has a size. */
export interface ProjectionOptions {
  /** The size of the set: its radius, its edge, or what its elements sum to. Default 1. */
  scale?: HyperValue;
}

/** Options of {@linkcode projectionBox}. */
export interface ProjectionBoxOptions {
  /** The least value: a number, a schedule or a tree of them over the parameters. */
  lower: HyperValue;
  /** The greatest value, likewise. */
  upper: HyperValue;
}

/**
 * Keeps parameters from becoming negative.
 *
 * ```text
 * argmin_p ‖x - p‖², p ≥ 0, x = w + g
 * ```
 *
 * @example
 * ```ts
 * import { project, projectionNonNegative } from "@gradus/gradus/projections";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(project(Float32Array.of(-1, 2), projectionNonNegative()), Float32Array.of(0, 2));
 * ```
 */
export const projectionNonNegative: OptimizerFactory<Record<never, never>> =
  /* @__PURE__ */ optimizer({
    name: "projectionNonNegative",
    doc: "Keeps parameters from becoming negative.",
    source: "Bertsekas 1976, On the Goldstein-Levitin-Polyak gradient projection method",
    step: "u = where(w + g < 0, -w, g)",
  });

/**
 * Keeps parameters between `lower` and `upper`; where `lower` is the larger one, they become `upper`.
 *
 * ```text
 * argmin_p ‖x - p‖², lower ≤ p ≤ upper, x = w + g
 * ```
 *
 * @example
 * ```ts
 * import { chain, sgd } from "@gradus/gradus";
 * import { projectionBox } from "@gradus/gradus/projections";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = chain(sgd({ learningRate: 1 }), projectionBox({ lower: -1, upper: 2 }));
 * const x = Float32Array.of(0, 0, 0);
 * opt.step(x, Float32Array.of(5, -1, -5), opt.init(x));
 * assertEquals(x, Float32Array.of(-1, 1, 2));
 * ```
 */
export const projectionBox: OptimizerFactory<ProjectionBoxOptions> = /* @__PURE__ */ optimizer({
  name: "projectionBox",
  doc: "Keeps parameters between two values.",
  source: "Bertsekas 1976, On the Goldstein-Levitin-Polyak gradient projection method",
  hyper: { lower: required, upper: required },
  step: `
    x = w + g
    u = where(max(x, lower) > upper, upper - w, where(x < lower, lower - w, g))
  `,
});

/**
 * Keeps parameters between 0 and `scale`.
 *
 * ```text
 * argmin_p ‖x - p‖², 0 ≤ p ≤ scale, x = w + g
 * ```
 *
 * @example
 * ```ts
 * import { project, projectionHypercube } from "@gradus/gradus/projections";
 * import { assertEquals } from "@std/assert";
 *
 * const x = Float32Array.of(-1, 0.5, 3);
 * assertEquals(project(x, projectionHypercube()), Float32Array.of(0, 0.5, 1));
 * ```
 */
export const projectionHypercube: OptimizerFactory<ProjectionOptions> = /* @__PURE__ */ optimizer({
  name: "projectionHypercube",
  doc: "Keeps parameters between 0 and a value.",
  source: "Bertsekas 1976, On the Goldstein-Levitin-Polyak gradient projection method",
  hyper: { scale: { default: 1, domain: "[0, inf]" } },
  step: "x = w + g; u = where(x < 0, -w, where(x > scale, scale - w, g))",
});

/**
 * Keeps the magnitude of each parameter at most `scale`.
 *
 * ```text
 * argmin_p ‖x - p‖², ‖p‖_∞ ≤ scale, x = w + g
 * ```
 *
 * @example
 * ```ts
 * import { project, projectionLinfBall } from "@gradus/gradus/projections";
 * import { assertEquals } from "@std/assert";
 *
 * const x = Float32Array.of(-4, 0.5, 3);
 * assertEquals(project(x, projectionLinfBall({ scale: 2 })), Float32Array.of(-2, 0.5, 2));
 * ```
 */
export const projectionLinfBall: OptimizerFactory<ProjectionOptions> = /* @__PURE__ */ optimizer({
  name: "projectionLinfBall",
  doc: "Keeps the magnitude of each parameter below a value.",
  source: "Bertsekas 1976, On the Goldstein-Levitin-Polyak gradient projection method",
  hyper: { scale: { default: 1, domain: "[0, inf]" } },
  step: "x = w + g; u = where(x < -scale, -scale - w, where(x > scale, scale - w, g))",
});
