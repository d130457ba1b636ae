/** Projections on balls, spheres and the simplex: of all parameters as one vector. */
import type { OptimizerFactory } from "../../runtime/define.ts";
import { optimizer } from "../../runtime/lazy.ts";
import type { ProjectionOptions } from "./boxes.ts";

const SIZE = { scale: { default: 1, domain: "(0, inf)" } } as const;

/**
 * Scales the parameters to a norm of `scale`. Where they are all 0 they become NaN, since there is no
 * nearest point.
 *
 * ```text
 * argmin_p ‖x - p‖², ‖p‖₂ = scale, x = w + g
 * ```
 *
 * @example
 * ```ts
 * import { project, projectionL2Sphere } from "@gradus/gradus/projections";
 * import { assertEquals } from "@std/assert";
 *
 * const x = Float32Array.of(3, 4);
 * assertEquals(project(x, projectionL2Sphere({ scale: 10 })), Float32Array.of(6, 8));
 * ```
 */
export const projectionL2Sphere: OptimizerFactory<ProjectionOptions> = /* @__PURE__ */ optimizer({
  name: "projectionL2Sphere",
  doc: "Scales the parameters to one norm.",
  source: "Euclidean projection",
  hyper: SIZE,
  step: "x = w + g; u = scale/globalNorm(x)*x - w",
});

/**
 * Scales the parameters down to a norm of `scale` where they exceed it.
 *
 * ```text
 * argmin_p ‖x - p‖², ‖p‖₂ ≤ scale, x = w + g
 * ```
 *
 * @example
 * ```ts
 * import { project, projectionL2Ball } from "@gradus/gradus/projections";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(project(Float32Array.of(3, 4), projectionL2Ball()), Float32Array.of(0.6, 0.8));
 * ```
 */
export const projectionL2Ball: OptimizerFactory<ProjectionOptions> = /* @__PURE__ */ optimizer({
  name: "projectionL2Ball",
  doc: "Scales the parameters down to a norm.",
  source: "Euclidean projection",
  hyper: SIZE,
  step: "x = w + g; n = globalNorm(x); u = where(n > scale, scale/n*x - w, g)",
});

/**
 * Statements that bring `tau` to the threshold above which `y`, whose greatest value is 0, sums to `scale`, by
 * steps of Newton's. The sum is convex and piecewise linear in the threshold, so each step, from below, divides
 * the sum's excess times the number of elements above by 4 at least: 12 + log2(n) of them are enough for n
 * elements of float32, whatever they are.
 */
const THRESHOLD = `
    tau = -scale
    repeat 32 {
      tau = tau + (globalSum(max(y - tau, 0)) - scale)/max(globalSum(where(y > tau, 1, 0)), 1)
    }
`;

/**
 * Brings the parameters to the simplex: none is negative, and together they sum to `scale`.
 *
 * ```text
 * argmin_p ‖x - p‖², p ≥ 0, Σp = scale, x = w + g
 * ```
 *
 * The threshold that is taken off all is found in 32 steps of Newton's, exact to rounding for up to a million
 * elements of float32, and in practice for many more.
 *
 * Source: Michelot 1986, A finite algorithm for finding the projection of a point onto the canonical simplex.
 *
 * @example
 * ```ts
 * import { chain, sgd } from "@gradus/gradus";
 * import { projectionSimplex } from "@gradus/gradus/projections";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = chain(sgd({ learningRate: 1 }), projectionSimplex());
 * const x = Float32Array.of(0.5, 0.5, 0);
 * opt.step(x, Float32Array.of(-0.25, 0.25, 0.5), opt.init(x));
 * assertEquals(x, Float32Array.of(0.75, 0.25, 0));
 * ```
 */
export const projectionSimplex: OptimizerFactory<ProjectionOptions> = /* @__PURE__ */ optimizer({
  name: "projectionSimplex",
  doc: "Brings the parameters to the simplex.",
  source: "Michelot 1986, A finite algorithm for finding the projection of a point onto the " +
    "canonical simplex",
  hyper: SIZE,
  step: `
    x = w + g
    y = x - globalMax(x)
    ${THRESHOLD}
    u = max(y - tau, 0) - w
  `,
});

/**
 * Brings the parameters to magnitudes that sum to `scale`; those that are all 0 stay.
 *
 * ```text
 * argmin_p ‖x - p‖², ‖p‖₁ = scale, x = w + g
 * ```
 *
 * Source: Duchi et al. 2008, Efficient projections onto the l1-ball for learning in high dimensions.
 *
 * @example
 * ```ts
 * import { project, projectionL1Sphere } from "@gradus/gradus/projections";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(project(Float32Array.of(0.25, -0.25), projectionL1Sphere()), Float32Array.of(0.5, -0.5));
 * ```
 */
export const projectionL1Sphere: OptimizerFactory<ProjectionOptions> = /* @__PURE__ */ optimizer({
  name: "projectionL1Sphere",
  doc: "Brings the parameters to magnitudes of one sum.",
  source:
    "Duchi et al. 2008, Efficient projections onto the l1-ball for learning in high dimensions",
  hyper: SIZE,
  step: `
    x = w + g
    y = abs(x) - globalMax(abs(x))
    ${THRESHOLD}
    u = sign(x)*max(y - tau, 0) - w
  `,
});

/**
 * Brings the parameters to magnitudes that sum to `scale` where they exceed it.
 *
 * ```text
 * argmin_p ‖x - p‖², ‖p‖₁ ≤ scale, x = w + g
 * ```
 *
 * Source: Duchi et al. 2008, Efficient projections onto the l1-ball for learning in high dimensions.
 *
 * @example
 * ```ts
 * import { project, projectionL1Ball } from "@gradus/gradus/projections";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(project(Float32Array.of(2.5, -2, 0), projectionL1Ball()), Float32Array.of(0.75, -0.25, 0));
 * ```
 */
export const projectionL1Ball: OptimizerFactory<ProjectionOptions> = /* @__PURE__ */ optimizer({
  name: "projectionL1Ball",
  doc: "Brings the parameters to magnitudes of at most one sum.",
  source:
    "Duchi et al. 2008, Efficient projections onto the l1-ball for learning in high dimensions",
  hyper: SIZE,
  step: `
    x = w + g
    y = abs(x) - globalMax(abs(x))
    ${THRESHOLD}
    u = where(globalSum(abs(x)) > scale, sign(x)*max(y - tau, 0) - w, g)
  `,
});
