/** Adds updates to parameters. */
import { asLeaf, mirror } from "./trees/leaf.ts";
import { arithmeticOf, load, store } from "./trees/dtype.ts";
import { Layout } from "./trees/layout.ts";

/**
 * `params` plus `updates`, rounded to the parameters' type: a new tree. Updates of parameters that are
 * stored in 16 bits may be float32, as an optimizer gives them, or in 16 bits.
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
  const layout = Layout.of(params, doing, asLeaf);
  const [before, change] = [
    layout.alignLike(params, "parameters", doing, asLeaf),
    layout.alignWidened(updates, "updates", doing, asLeaf),
  ];
  return layout.build(layout.leaves.map((info, i) => {
    const leaf = mirror(info, info.dtype, info.shape);
    const { data } = asLeaf(leaf, info.path, doing)!;
    const { dtype } = info;
    const added = change[i] instanceof Uint16Array ? dtype : arithmeticOf(dtype);
    for (let j = 0; j < data.length; j++) {
      store(dtype, data, j, load(dtype, before[i], j) + load(added, change[i], j));
    }
    return leaf;
  })) as P;
}
