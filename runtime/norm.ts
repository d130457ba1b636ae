/** The norm of a tree, as a step has it. */
import { reduceOps } from "../dsl/ops.ts";
import { GlobalTotal } from "./backends/backend.ts";
import { accumulateBlocks } from "./backends/interpreter/run.ts";
import { isShort, load, type NumberArray } from "./trees/dtype.ts";
import { Layout } from "./trees/layout.ts";
import { asLeaf } from "./trees/leaf.ts";

/**
 * The norm of all arrays of a tree together, √(Σ x²): the number that `globalNorm(g)` is in a program, with the
 * same bits.
 *
 * @example
 * ```ts
 * import { globalNorm } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(globalNorm({ a: Float32Array.of(3), b: Float32Array.of(4) }), 5);
 * ```
 *
 * @throws {GradusError} if `tree` is no tree of arrays.
 */
export function globalNorm(tree: object): number {
  const doing = "Cannot compute the norm of a tree";
  const layout = Layout.of(tree, doing, asLeaf);
  const total = new GlobalTotal("ReduceL2");
  layout.alignLike(tree, "arrays", doing, asLeaf).forEach((array, i) => {
    const { dtype } = layout.leaves[i];
    const values = isShort(dtype)
      ? Float32Array.from({ length: array.length }, (_, j) => load(dtype, array, j))
      : array as NumberArray;
    total.add(accumulateBlocks(reduceOps.ReduceL2, values), values.length);
  });
  return total.finish();
}
