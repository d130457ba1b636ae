/** Leaves seen as matrices, taken apart by hand: their elements by plain loops over all indices. */
import {
  type DimensionNumbers,
  type Match,
  type Matrices,
  muon,
  type Optimizer,
  optimizer,
  required,
} from "../../mod.ts";

/** One way of seeing a shape, and what comes of it. */
export interface Seen {
  readonly shape: readonly number[];
  readonly matrices: Exclude<Matrices, boolean>;
  /** The axes that tell matrices apart, and those of rows and columns, the slowest first. */
  readonly axes: readonly [
    batch: readonly number[],
    rows: readonly number[],
    columns: readonly number[],
  ];
}

const by = (
  reductionAxis: DimensionNumbers["reductionAxis"],
  outputAxis: DimensionNumbers["outputAxis"],
): DimensionNumbers => ({ reductionAxis, outputAxis });

/** Words, dimension numbers that leave the order of elements as it is, and some that do not. */
export const SEEN: readonly Seen[] = [
  { shape: [2, 3, 5, 4], matrices: "last two", axes: [[0, 1], [2], [3]] },
  { shape: [2, 1, 5, 4], matrices: "flatten", axes: [[], [0, 1, 2], [3]] },
  { shape: [3, 3, 3], matrices: by(0, 1), axes: [[2], [0], [1]] },
  { shape: [2, 3, 4, 5], matrices: by(2, [0, 3]), axes: [[1], [2], [0, 3]] },
  { shape: [3, 2, 4], matrices: by([2, 0], 1), axes: [[], [2, 0], [1]] },
  { shape: [2, 3, 4], matrices: by(-3, -1), axes: [[1], [0], [2]] },
  { shape: [4, 6], matrices: by(1, 0), axes: [[], [1], [0]] },
  { shape: [1, 6], matrices: by(1, 0), axes: [[], [1], [0]] },
  { shape: [2, 3, 4], matrices: { outputAxis: 2 }, axes: [[1], [0], [2]] },
];

/** The place in the leaf of each element of the matrices, one after the other. */
export function places({ shape, axes }: Seen): number[] {
  const order = axes.flat();
  const size = shape.reduce((a, b) => a * b, 1);
  return Array.from({ length: size }, (_, i) => {
    const index = new Map<number, number>();
    for (const axis of order.toReversed()) {
      index.set(axis, i % shape[axis]);
      i = Math.floor(i / shape[axis]);
    }
    return shape.reduce((place, extent, axis) => place * extent + index.get(axis)!, 0);
  });
}

/** The number of matrices, and their rows and columns. */
export function sizes({ shape, axes }: Seen): number[] {
  return axes.map((each) => each.reduce((size, axis) => size * shape[axis], 1));
}

type Numbers = Float32Array | Float64Array | Uint16Array;

/** The matrices of an array: the elements at `at`, or its own order, in so many parts. */
export function apart<A extends Numbers>(array: A, count: number, at?: readonly number[]): A[] {
  const ordered = at === undefined ? array.slice() : array.slice().map((_, i) => array[at[i]]);
  const each = array.length / count;
  return Array.from({ length: count }, (_, k) => ordered.slice(k * each, (k + 1) * each) as A);
}

/** Sees matrices by their rows: a state a row, one a matrix, both sizes and products. */
const byRows = optimizer({
  name: "byRows",
  hyper: { learningRate: required, matrices: true },
  state: { v: { over: 1 }, s: { over: "tensor" }, m: 0 },
  step: `
    v = 0.5*v + mean(g*g, axis=1)
    s = 0.5*s + norm(g)
    m = 0.5*m + g
    x = where(rows > columns, m@(transpose(m)@m), m/columns)
    u = -learningRate*where(matrices & rank == 2, x/(sqrt(v) + s + 1) + globalNorm(g)*w, g)
  `,
});

/** The same without products, so that WebAssembly runs it all. */
const withoutProducts = optimizer({
  name: "withoutProducts",
  hyper: { learningRate: required, matrices: true },
  state: { v: { over: 1 }, s: { over: "tensor" } },
  step: `
    v = 0.5*v + mean(g*g, axis=1)
    s = 0.5*s + norm(g)
    u = -learningRate*where(matrices & rank == 2, g/(sqrt(v) + s + 1) + globalNorm(g)*w, g)
  `,
});

const IDENTITY = "where(index(axis=0) == index(axis=1), 1, 0)";

/** States of sizes of their own, one that begins as an identity, and what is computed every second step. */
const bySides = optimizer({
  name: "bySides",
  hyper: { learningRate: required, matrices: true },
  state: {
    L: { shape: "rows x rows" },
    R: { shape: "columns x columns", init: IDENTITY },
    k: { shape: "rows x 2" },
  },
  step: `
    L = 0.5*L + g@transpose(g)
    R = every(2, R@(transpose(g)@g + ${IDENTITY})/norm(R), R)
    k = 0.5*k + index(axis=0)*(1 + index(axis=1)) + mean(g, axis=1)
    x = (L@g@R)/(1 + norm(L)*norm(R)) + sum(k, axis=1)
    u = -learningRate*where(matrices & rank == 2, x, g)
  `,
});

/** How leaves are seen, as an option. */
export type Option = Matrices | Match<Matrices> | Readonly<Record<string, Matrices>>;

/** Optimizers of matrices, which are seen as `matrices` says. */
export const MAKERS: Readonly<Record<string, (matrices?: Option) => Optimizer>> = {
  muon: (matrices) => muon({ learningRate: 0.1, weightDecay: 0.1, matrices }),
  byRows: (matrices) => byRows({ learningRate: 0.1, matrices }),
  bySides: (matrices) => bySides({ learningRate: 0.1, matrices }),
  withoutProducts: (matrices) => withoutProducts({ learningRate: 0.1, matrices }),
};
