/** Adds updates to parameters. */
import { asLeaf, mirror } from "./leaves.ts";
import { Layout } from "./trees.ts";

/**
 * `params` plus `updates`, rounded to the parameters' type: a new tree.
 *
 * @example
 * ```ts
 * import { applyUpdates } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const params = { w: Float32Array.of(1, 2) };
 * const after = applyUpdates(params, { w: Float32Array.of(0.5, -0.5) });
 * assertEquals(after, { w: Float32Array.of(1.5, 1.5) });
 * ```
 */
export function applyUpdates<P extends object>(params: P, updates: P): P {
  const doing = "Cannot apply updates";
  const layout = Layout.of(params, doing);
  const [before, change] = [
    layout.alignLike(params, "parameters", doing),
    layout.alignLike(updates, "updates", doing),
  ];
  return layout.build(layout.leaves.map((info, i) => {
    const leaf = mirror(info, info.dtype, info.shape);
    const { data } = asLeaf(leaf, info.path, doing)!;
    for (let j = 0; j < data.length; j++) data[j] = before[i][j] + change[i][j];
    return leaf;
  })) as P;
}
