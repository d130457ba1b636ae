/** What values vary over within a leaf, and how large that makes them. */
import type { Sizes } from "../../dsl/ops.ts";

/** The sizes of a matrix that a leaf of r rows and c columns gives rise to; its own are `"element"`. */
export type MatrixExtent = "element" | "cr" | "rr" | "cc";

/**
 * What a value varies over within a leaf: nothing (it is a number for the whole group), all
 * elements, those of another matrix, or the axes whose bits are set (none for one value a tensor).
 */
export type Extent = "scalar" | MatrixExtent | number;

/** The extent of a value that a loop computes. */
export type Varying = Exclude<Extent, "scalar">;

type Side = "r" | "c";

/** The bits of all axes of a leaf: a number has bits for the 32 that a leaf may have. */
export function allAxes(rank: number): number {
  return (2 ** rank - 1) | 0;
}

/** The axes of a leaf of `rank` axes that a value varies over, in order. */
export function varyingAxes(extent: Extent, rank: number): number[] {
  const all = Array.from({ length: rank }, (_, axis) => axis);
  return typeof extent === "number" ? all.filter((axis) => extent & (1 << axis)) : all;
}

/** The rows and columns of a matrix, as sides of the leaf. */
export function sidesOf(extent: MatrixExtent): Sizes<Side> {
  const [rows, columns] = extent === "element" ? "rc" : extent;
  return [rows as Side, columns as Side];
}

/** The extent of a matrix with these rows and columns. */
export function extentOfSides([rows, columns]: Sizes<Side>): MatrixExtent {
  return rows === columns ? `${rows}${columns}` as MatrixExtent : rows === "r" ? "element" : "cr";
}

/** Whether what varies so is a matrix, or the elements of a leaf of any rank. */
export function isMatrix(extent: Extent): extent is MatrixExtent {
  return typeof extent === "string" && extent !== "scalar";
}

/** The shape of a value within a leaf of `shape`: of size 1 on the axes that it does not vary over. */
export function extentShape(extent: Extent, shape: readonly number[]): readonly number[] {
  if (typeof extent === "number") {
    return shape.map((size, axis) => extent & (1 << axis) ? size : 1);
  }
  if (extent === "scalar" || extent === "element") return shape;
  return sidesOf(extent).map((side) => shape[side === "r" ? 0 : 1]);
}

/** The number of elements of a value within a leaf; those of a number for all are the leaf's. */
export function extentSize(extent: Extent, shape: readonly number[]): number {
  return extentShape(extent, shape).reduce((a, b) => a * b, 1);
}

/** An extent as a message shows it. */
export function showExtent(extent: Extent): string {
  if (extent === "scalar") return "a number";
  if (extent === 0) return "one value a tensor";
  if (typeof extent === "number") return "one value a row or column";
  return sidesOf(extent).map((side) => side === "r" ? "rows" : "columns").join(" x ");
}
