/** A mask by the extents of leaves alone, so that what asks no leaf, such as a printed file, can say it too. */
import type { Mask, MaskTree } from "./hyperparameters.ts";
import { Layout } from "./layout.ts";
import { asShape } from "./leaf.ts";

const leasts = new WeakMap<object, number>();

/** A mask of the leaves whose second largest extent is at least `least`. */
export function extentMask(least: number, doing: string): Mask {
  const mask = (params: object) => {
    const layout = Layout.of(params, doing, asShape);
    const isLong = (shape: readonly number[]) =>
      (shape.toSorted((a, b) => a - b).at(-2) ?? 0) >= least;
    return layout.build(layout.leaves.map(({ shape }) => isLong(shape))) as MaskTree;
  };
  leasts.set(mask, least);
  return mask as Mask;
}

/** How long the second largest extent is at least where `mask` is true, if it is one by extents. */
export function leastExtentOf(mask: unknown): number | undefined {
  return typeof mask === "function" ? leasts.get(mask) : undefined;
}
