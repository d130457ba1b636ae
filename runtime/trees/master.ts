/**
 * Float32 master copies of short parameters. A step too small for a short type would be rounded away,
 * every time: it is added to the master, and the parameter is the master rounded.
 */
import { asLeaf, type LeafInfo, mirror, wrap } from "./leaf.ts";
import { beside } from "./resident.ts";
import { isShort, load, type NumberArray } from "./dtype.ts";
import type { Layout } from "./layout.ts";

/** The name of the tree of master copies in a state. */
export const MASTER = "master";

/** Whether a state of such parameters has master copies. */
export function hasMaster({ leaves }: Layout): boolean {
  return leaves.some(({ dtype }) => isShort(dtype));
}

/** A tree for master copies; where the parameter is not short, an empty array. */
export function allocateMaster(layout: Layout): unknown {
  return layout.build(layout.leaves.map(allocateLeaf));
}

/** The master copies of the parameters in `arrays`, in the memory that those are in. */
export function initialMaster(layout: Layout, arrays: readonly NumberArray[]): unknown {
  return layout.build(layout.leaves.map((info, i) => {
    const leaf = allocateLeaf(info);
    const { data } = asLeaf(leaf, info.path, "")!;
    for (let j = 0; j < data.length; j++) data[j] = load(info.dtype, arrays[i], j);
    return beside(leaf, info, arrays[i]);
  }));
}

/** The arrays of a tree of master copies, checked. */
export function alignMaster(layout: Layout, tree: unknown, doing: string): NumberArray[] {
  return layout.align(tree, `the state's \`${MASTER}\``, doing, () => ["float32"], masterShape);
}

/**
 * Updates from the results of a step: of a short parameter these are the parameters `after` it, and the
 * update is what to add to those `before`. Added to them and rounded it gives the very parameters
 * unless one shrinks more than 2^12-fold (float16) or 2^15-fold (bfloat16) at once; what it misses then, the next update makes good.
 */
export function updatesFrom(layout: Layout, before: unknown, after: unknown): unknown {
  const [olds, news] = [before, after].map((tree) => layout.leavesOf(tree, "parameters", ""));
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

function allocateLeaf(info: LeafInfo): unknown {
  return mirror(info, "float32", masterShape(info));
}

function masterShape({ dtype, shape }: LeafInfo): readonly number[] {
  return isShort(dtype) ? shape : [0];
}
