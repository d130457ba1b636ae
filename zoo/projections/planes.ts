/** Projections on lines and planes, which an input says: a tree like the parameters. */
import { required } from "../../dsl/program.ts";
import type { OptimizerFactory } from "../../runtime/define.ts";
import { optimizer } from "../../runtime/lazy.ts";
import type { HyperValue } from "../../runtime/trees/hyperparameters.ts";

/** Options of {@linkcode projectionHyperplane} and {@linkcode projectionHalfspace}. */
export interface ProjectionPlaneOptions {
  /** The product of a point of the plane with its normal `a`. */
  b: HyperValue;
}

/**
 * Brings the parameters, as one vector, to the line through 0 along the input `a`.
 *
 * ```text
 * ⟨x, a⟩/⟨a, a⟩·a, x = w + g
 * ```
 *
 * @example
 * ```ts
 * import { project, projectionVector } from "@gradus/gradus/projections";
 * import { assertEquals } from "@std/assert";
 *
 * const a = Float32Array.of(0, 2);
 * assertEquals(project(Float32Array.of(3, 5), projectionVector(), { a }), Float32Array.of(0, 5));
 * ```
 */
export const projectionVector: OptimizerFactory<Record<never, never>> = /* @__PURE__ */ optimizer({
  name: "projectionVector",
  doc: "Brings the parameters to a line through 0.",
  source: "Euclidean projection",
  inputs: { a: "element" },
  step: "u = globalSum((w + g)*a)/globalSum(a*a)*a - w",
});

/**
 * Brings the parameters, as one vector, to the plane whose normal is the input `a`.
 *
 * ```text
 * argmin_p ‖x - p‖², ⟨a, p⟩ = b, x = w + g
 * ```
 *
 * @example
 * ```ts
 * import { project, projectionHyperplane } from "@gradus/gradus/projections";
 * import { assertEquals } from "@std/assert";
 *
 * const a = Float32Array.of(0, 2);
 * const onPlane = project(Float32Array.of(3, 5), projectionHyperplane({ b: 2 }), { a });
 * assertEquals(onPlane, Float32Array.of(3, 1));
 * ```
 */
export const projectionHyperplane: OptimizerFactory<ProjectionPlaneOptions> =
  /* @__PURE__ */ optimizer({
    name: "projectionHyperplane",
    doc: "Brings the parameters to a plane.",
    source: "Euclidean projection",
    hyper: { b: required },
    inputs: { a: "element" },
    step: "u = g + (b - globalSum((w + g)*a))/globalSum(a*a)*a",
  });

/**
 * Keeps the parameters, as one vector, on that side of a plane where ⟨a, p⟩ ≤ b; `a` is an input.
 *
 * ```text
 * argmin_p ‖x - p‖², ⟨a, p⟩ ≤ b, x = w + g
 * ```
 *
 * @example
 * ```ts
 * import { project, projectionHalfspace } from "@gradus/gradus/projections";
 * import { assertEquals } from "@std/assert";
 *
 * const [below, a] = [projectionHalfspace({ b: 2 }), Float32Array.of(0, 2)];
 * assertEquals(project(Float32Array.of(3, 5), below, { a }), Float32Array.of(3, 1));
 * assertEquals(project(Float32Array.of(3, -5), below, { a }), Float32Array.of(3, -5));
 * ```
 */
export const projectionHalfspace: OptimizerFactory<ProjectionPlaneOptions> =
  /* @__PURE__ */ optimizer({
    name: "projectionHalfspace",
    doc: "Keeps the parameters on one side of a plane.",
    source: "Euclidean projection",
    hyper: { b: required },
    inputs: { a: "element" },
    step: "u = g + min((b - globalSum((w + g)*a))/globalSum(a*a), 0)*a",
  });
