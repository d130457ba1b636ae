/** How a leaf of more than two axes is seen as matrices: which axes are rows, columns, or tell matrices apart. */
import { GradusError, shown } from "../../dsl/errors.ts";
import { sizeOf, spellPath } from "./leaf.ts";

/**
 * The axes that are the rows and the columns of the matrices in a leaf; each by its number, from the end where
 * that is below 0, or a list of such, the first the slowest. All other axes tell matrices apart. As Optax's
 * `MuonDimensionNumbers`: what a layer sums over are rows, what it gives are columns.
 */
export interface DimensionNumbers {
  /** The axes that are rows. Default 0. */
  readonly reductionAxis?: number | readonly number[];
  /** The axes that are columns. Default 1. */
  readonly outputAxis?: number | readonly number[];
}

/**
 * What of a leaf is a matrix: `true`, the leaf where it has two axes; `"last two"`, each slice of its last two
 * axes; `"flatten"`, one matrix whose columns are the last axis and whose rows are all others;
 * {@linkcode DimensionNumbers}; `false`, nothing. Of fewer than two axes none is, but by dimension numbers,
 * which are refused there.
 */
export type Matrices = boolean | "last two" | "flatten" | DimensionNumbers;

/** The matrices in a leaf. */
export interface MatrixView {
  /** How many there are. */
  readonly count: number;
  /** The rows and columns of each. */
  readonly shape: readonly [rows: number, columns: number];
  /** The extents of the axes that tell them apart. */
  readonly batch: readonly number[];
  /** The axes that are their rows and columns. */
  readonly axes: Required<DimensionNumbers>;
  /**
   * The axes of the leaf in the order in which its elements are those of the matrices, one after the other;
   * undefined where they already are.
   */
  readonly order: readonly number[] | undefined;
}

const WORDS: readonly unknown[] = ["last two", "flatten"];
const isAxes = (value: unknown): boolean =>
  value === undefined || Number.isInteger(value) ||
  (Array.isArray(value) && value.every((axis) => Number.isInteger(axis)));

/** Whether something says how a leaf is seen as matrices, truth values aside. */
export function isMatrices(node: unknown): node is Exclude<Matrices, boolean> {
  if (WORDS.includes(node)) return true;
  if (typeof node !== "object" || node === null || Array.isArray(node)) return false;
  const keys = Object.keys(node);
  const { reductionAxis, outputAxis } = node as DimensionNumbers;
  return keys.length > 0 && keys.every((key) => ["reductionAxis", "outputAxis"].includes(key)) &&
    isAxes(reductionAxis) && isAxes(outputAxis);
}

/**
 * The matrices in a leaf of `shape`; undefined where the leaf is one matrix as it is, has too few axes for the
 * words, or has no elements.
 */
export function viewOf(
  matrices: Exclude<Matrices, boolean>,
  shape: readonly number[],
  path: string,
  doing: string,
): MatrixView | undefined {
  const rank = shape.length;
  if (typeof matrices === "string") {
    if (rank <= 2) return undefined;
    const last = matrices === "last two" ? rank - 2 : 0;
    const axes = shape.map((_, axis) => axis);
    return ofAxes(axes.slice(0, last), axes.slice(last, -1), axes.slice(-1), shape);
  }
  const { reductionAxis = 0, outputAxis = 1 } = matrices;
  const refuse = (must: string): never => {
    throw new GradusError(
      `${doing}: dimension numbers for ${spellPath(path)} must ${must}: given ${
        shown(reductionAxis)
      } ` +
        `and ${shown(outputAxis)} for a shape of [${shape.join(", ")}]`,
    );
  };
  const [rows, columns] = [reductionAxis, outputAxis].map((given) => {
    const list = [given].flat() as number[];
    if (list.length === 0) refuse("name an axis for rows and one for columns");
    return list.map((axis) => {
      if (axis < -rank || axis >= rank) refuse("be of axes that it has");
      return axis < 0 ? axis + rank : axis;
    });
  });
  const named = [...rows, ...columns];
  if (new Set(named).size < named.length) refuse("name each axis once");
  const batch = shape.flatMap((_, axis) => named.includes(axis) ? [] : [axis]);
  const isLeaf = rank === 2 && rows[0] === 0;
  return isLeaf ? undefined : ofAxes(batch, rows, columns, shape);
}

function ofAxes(
  batch: readonly number[],
  rows: readonly number[],
  columns: readonly number[],
  shape: readonly number[],
): MatrixView | undefined {
  if (sizeOf(shape) === 0) return undefined;
  const sizes = (axes: readonly number[]) => axes.map((axis) => shape[axis]);
  const order = [...batch, ...rows, ...columns];
  const moving = order.filter((axis) => shape[axis] > 1);
  return {
    count: sizeOf(sizes(batch)),
    shape: [sizeOf(sizes(rows)), sizeOf(sizes(columns))],
    batch: sizes(batch),
    axes: { reductionAxis: rows, outputAxis: columns },
    order: moving.every((axis, i) => i === 0 || moving[i - 1] < axis) ? undefined : order,
  };
}

/** Where each element of the matrices, in their order, is in the leaf. */
export function placesIn({ order }: MatrixView, shape: readonly number[]): Uint32Array | undefined {
  if (order === undefined) return undefined;
  const strides = shape.map((_, axis) => sizeOf(shape.slice(axis + 1)));
  let places = Uint32Array.of(0);
  for (const axis of order) {
    const [size, stride] = [shape[axis], strides[axis]];
    const next = new Uint32Array(places.length * size);
    places.forEach((place, i) => {
      for (let k = 0; k < size; k++) next[i * size + k] = place + k * stride;
    });
    places = next;
  }
  return places;
}

/** A view as explanations and messages show it. */
export function showView(
  { count, shape: [rows, columns] }: Pick<MatrixView, "count" | "shape">,
): string {
  const each = `${rows} x ${columns}`;
  return count === 1 ? `a matrix of ${each}` : `${count} matrices of ${each}`;
}
