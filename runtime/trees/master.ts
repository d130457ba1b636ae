/**
 * Float32 master copies of short parameters. A step too small for a short type would be rounded away,
 * every time: it is added to the master, and the parameter is the master rounded.
 */
import { isShort, load } from "./dtype.ts";
import type { Layout } from "./layout.ts";
import { asLeaf, type LeafInfo, mirror, wrap } from "./leaf.ts";

/** The name of the tree of master copies in a state. */
export const MASTER = "master";

/** The shape of a master copy; where the parameter is not short, that of an empty array. */
export function masterShape({ dtype, shape }: LeafInfo): readonly number[] {
  return isShort(dtype) ? shape : [0];
}

/**
 * Updates from the results of a step: of a short parameter these are the parameters `after` it, and the
 * update is what to add to those `before`. Added to them and rounded it gives the very parameters
 * unless one shrinks more than 2^12-fold (float16) or 2^15-fold (bfloat16) at once; what it misses then, the next update makes good.
 */
export function updatesFrom(layout: Layout, before: unknown, after: unknown): unknown {
  const [olds, news] = [before, after].map((tree) =>
    layout.leavesOf(tree, "parameters", "", asLeaf)
  );
  return layout.build(layout.leaves.map((info, i) => {
    const [from, to] = [olds[i].data, news[i].data];
    if (!isShort(info.dtype)) return wrap(info, to);
    const leaf = mirror(info, "float32", info.shape);
    const { data } = asLeaf(leaf, info.path, "")!;
    for (let j = 0; j < data.length; j++) {
      const [old, now] = [load(info.dtype, from, j), load(info.dtype, to, j)];
      // To what stays -0 is added, which changes no bit: an infinite number less itself is none.
      data[j] = Object.is(old, now) ? -0 : now - old;
    }
    return leaf;
  }));
}
