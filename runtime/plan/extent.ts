/** What values vary over within a leaf, and how large that makes them. */
import type { Sizes } from "../../dsl/matrix.ts";

/** How long a matrix is on one side: as the leaf has rows or columns, or a number. */
export type Side = "rows" | "columns" | `${number}`;

/** One side of what varies over it, or not. */
export type Part = Side | "-";

/**
 * The sizes of a matrix beside a leaf that is one, such as `"rows x rows"`, or of what a reduction has left
 * of such, as in `"- x 8"`. Those that the leaf has itself are `"element"` and its axes.
 */
export type SizedExtent = `${Part} x ${Part}`;

/** What is a matrix, or the elements of a leaf of any rank. */
export type MatrixExtent = "element" | SizedExtent;

/**
 * What a value varies over within a leaf: nothing (it is a number for the whole group), all
 * elements, those of another matrix, or the axes whose bits are set (none for one value a tensor).
 */
export type Extent = "scalar" | MatrixExtent | number;

/** The extent of a value that a loop computes. */
export type Varying = Exclude<Extent, "scalar">;

/** The bits of all axes of a leaf: a number has bits for the 32 that a leaf may have. */
export function allAxes(rank: number): number {
  return (2 ** rank - 1) | 0;
}

/** The axes of a leaf of `rank` axes that a value varies over, in order. */
export function varyingAxes(extent: Extent, rank: number): number[] {
  const all = Array.from({ length: rank }, (_, axis) => axis);
  if (typeof extent === "number") return all.filter((axis) => extent & (1 << axis));
  return isSized(extent) ? all.filter((axis) => partsOf(extent)[axis] !== "-") : all;
}

/** Whether what varies so is of another shape than the leaf and its axes. */
export function isSized(extent: Extent): extent is SizedExtent {
  return typeof extent === "string" && extent !== "scalar" && extent !== "element";
}

/** What varies over a leaf that is a matrix, as what it varies over on either side. */
export function partsOf(extent: Varying): Sizes<Part> {
  if (extent === "element") return ["rows", "columns"];
  if (typeof extent === "number") return [extent & 1 ? "rows" : "-", extent & 2 ? "columns" : "-"];
  return extent.split(" x ") as unknown as Sizes<Part>;
}

/** The extent of what varies over these, in a leaf that is a matrix. */
export function extentOfParts([rows, columns]: Sizes<Part>): Varying {
  const isOwn = (rows === "rows" || rows === "-") && (columns === "columns" || columns === "-");
  if (!isOwn) return `${rows} x ${columns}`;
  const axes = (rows === "-" ? 0 : 1) | (columns === "-" ? 0 : 2);
  return axes === 3 ? "element" : axes;
}

/** Whether what varies so is a matrix, or the elements of a leaf of any rank. */
export function isMatrix(extent: Extent): extent is MatrixExtent {
  return extent === "element" || isSized(extent) && !partsOf(extent).includes("-");
}

/** The length of what varies over `part`, in a leaf of `shape`. */
export function lengthOf(part: Part, shape: readonly number[]): number {
  return part === "-"
    ? 1
    : part === "rows"
    ? shape[0]
    : part === "columns"
    ? shape[1]
    : Number(part);
}

/** The shape of a value within a leaf of `shape`: of size 1 on the axes that it does not vary over. */
export function extentShape(extent: Extent, shape: readonly number[]): readonly number[] {
  if (typeof extent === "number") {
    return shape.map((size, axis) => extent & (1 << axis) ? size : 1);
  }
  return isSized(extent) ? partsOf(extent).map((part) => lengthOf(part, shape)) : shape;
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
  return partsOf(extent).join(" x ").replace("-", "1");
}

/** What a loop over a value goes through: a number of the whole group is the same at every element. */
export function domain(extent: Extent): Varying {
  return extent === "scalar" ? "element" : extent;
}
