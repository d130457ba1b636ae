/** A projection as a function of a tree. */
import { applyUpdates } from "../../runtime/apply.ts";
import type { Optimizer } from "../../runtime/optimizer.ts";
import { asLeaf, mirror } from "../../runtime/trees/leaf.ts";
import { Layout } from "../../runtime/trees/layout.ts";

/**
 * The nearest point of a set: a new tree like `tree`, which stays as it is. `projection` says which set;
 * `inputs` are those that its program takes, such as the normal `a` of a plane.
 *
 * @example
 * ```ts
 * import { project, projectionSimplex } from "@gradus/gradus/projections";
 * import { assertEquals } from "@std/assert";
 *
 * const tree = { w: Float32Array.of(2.5, 2), b: Float32Array.of(-1) };
 * assertEquals(project(tree, projectionSimplex()), {
 *   w: Float32Array.of(0.75, 0.25),
 *   b: Float32Array.of(0),
 * });
 * ```
 *
 * @throws {GradusError} if `tree` is no tree of arrays, or an input is missing or does not fit.
 */
export function project<P extends object>(
  tree: P,
  projection: Optimizer,
  inputs?: Readonly<Record<string, unknown>>,
): P {
  const layout = Layout.of(tree, "Cannot project", asLeaf);
  const origin = layout.build(
    layout.leaves.map((info) => mirror(info, info.dtype, info.shape)),
  ) as P;
  // From the origin, the way to the nearest point of 0 + x is that point.
  const [way] = projection.update(tree, projection.init(origin), origin, inputs);
  return applyUpdates(origin, way);
}
