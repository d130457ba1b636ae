/**
 * Plans what a step does to whole matrices. A product needs all of its factors before it can begin, as a
 * reduction does, and leaves an array: it ends a phase, and both factors and results are kept in
 * temporaries of the leaf.
 */
import type { MatrixOpName, Node } from "../../dsl/node.ts";
import type { Sizes } from "../../dsl/matrix.ts";
import { matrixRow, reduceRow } from "../../dsl/ops.ts";
import { type Extent, partsOf, type Varying } from "./extent.ts";

/** A factor of a product: an input of the leaf or a temporary, and whether it is read transposed. */
export interface Factor {
  readonly node: Node;
  readonly isTransposed: boolean;
}

/** An operation on matrices, done when the loops of its phase are. */
export interface Product {
  readonly op: MatrixOpName;
  readonly node: Node;
  readonly factors: readonly Factor[];
}

/** The matrices that a graph keeps between its loops. */
export interface Matrices {
  /** What follows the loops of each phase that any follow. */
  readonly products: ReadonlyMap<number, readonly Product[]>;
  /** The phase whose loops compute each factor that is no input and no product. */
  readonly computed: ReadonlyMap<Node, number>;
}

/** What a matrix op reads: a product reads what is under a transpose the other way round. */
export function factorsOf(node: Node): readonly Factor[] {
  const isProduct = node.op === "MatMul";
  return node.src.map((operand) =>
    isProduct && operand.op === "Transpose"
      ? { node: operand.src[0], isTransposed: true }
      : { node: operand, isTransposed: false }
  );
}

/** Finds the matrices among `nodes`, of which `roots` are wanted in the end; operands come first. */
export function matricesOf(
  nodes: readonly Node[],
  roots: ReadonlySet<Node>,
  levels: ReadonlyMap<Node, number>,
): Matrices {
  // A transpose that only products read is never made.
  const isRead = new Set(roots);
  for (const node of nodes) {
    for (const operand of node.src) if (node.op !== "MatMul") isRead.add(operand);
  }
  const made = nodes.filter((node) =>
    matrixRow(node.op) !== undefined && (node.op !== "Transpose" || isRead.has(node))
  );
  const products = new Map<number, Product[]>();
  const computed = new Map<Node, number>();
  for (const node of made) {
    const phase = levels.get(node)! - 1;
    const factors = factorsOf(node);
    if (!products.has(phase)) products.set(phase, []);
    products.get(phase)!.push({ op: node.op as MatrixOpName, node, factors });
    for (const { node: factor } of factors) {
      const isMade = matrixRow(factor.op) !== undefined || reduceRow(factor.op) !== undefined;
      if (factor.op === "Symbol" || isMade) continue;
      computed.set(factor, levels.get(factor)!);
    }
  }
  return { products, computed };
}

/** A matrix as a product reads it: row after row, or transposed. */
export interface Operand {
  readonly data: Float32Array | Float64Array;
  /** Its rows and columns as it is stored. */
  readonly sizes: Sizes<number>;
  readonly isTransposed: boolean;
}

/**
 * Writes the product of two operands that fit: for each element a sum of float64 products from the first
 * to the last, starting from 0, rounded as it is written.
 */
export type Multiply = (left: Operand, right: Operand, out: Operand["data"]) => void;

/** What is done to whole matrices where loops run in JavaScript. */
export interface MatrixRoutines {
  readonly multiply: Multiply;
  /** Writes the first factor of a matrix, which is read as it is stored. */
  readonly orthonormalize: (matrix: Operand, out: Operand["data"]) => void;
}

/** The rows and columns of an operand as it is read, and how far apart its elements are on either. */
export function readSizes({ sizes: [rows, columns], isTransposed }: Operand): {
  readonly rows: number;
  readonly columns: number;
  readonly rowStride: number;
  readonly columnStride: number;
} {
  return isTransposed
    ? { rows: columns, columns: rows, rowStride: 1, columnStride: columns }
    : { rows, columns, rowStride: columns, columnStride: 1 };
}

/** Places for temporaries. */
export interface Places {
  /** The place of each temporary. */
  readonly placeOf: ReadonlyMap<Node, number>;
  /** The extent of what each place holds. */
  readonly extents: readonly Varying[];
}

/**
 * Places temporaries where earlier ones of the same size are done with; `reads` is what the loops of each
 * phase read.
 */
export function placed(
  matrices: Matrices,
  reads: readonly (readonly Node[])[],
  extents: ReadonlyMap<Node, Extent>,
): Places {
  const placeOf = new Map<Node, number>();
  const places: { readonly extent: Varying; busyUntil: number }[] = [];
  const sizeOf = (extent: Varying) => [...partsOf(extent)].sort().join();
  for (const { node, written, lastRead } of usesOf(matrices, reads)) {
    const extent = extents.get(node) as Varying;
    let at = places.findIndex((place) =>
      place.busyUntil < written && sizeOf(place.extent) === sizeOf(extent)
    );
    if (at < 0) at = places.push({ extent, busyUntil: lastRead }) - 1;
    places[at].busyUntil = lastRead;
    placeOf.set(node, at);
  }
  return { placeOf, extents: places.map(({ extent }) => extent) };
}

/** When a temporary is written and read: the loops of a phase are one time, its products the next. */
interface Use {
  readonly node: Node;
  readonly written: number;
  readonly lastRead: number;
}

function usesOf({ products, computed }: Matrices, reads: readonly (readonly Node[])[]): Use[] {
  const written = new Map<Node, number>();
  computed.forEach((phase, node) => written.set(node, 2 * phase));
  const lastRead = new Map<Node, number>();
  reads.forEach((nodes, phase) => {
    for (const node of nodes) lastRead.set(node, 2 * phase);
    for (const { node, factors } of products.get(phase) ?? []) {
      written.set(node, 2 * phase + 1);
      for (const factor of factors) lastRead.set(factor.node, 2 * phase + 1);
    }
  });
  return [...written]
    .map(([node, time]) => ({ node, written: time, lastRead: lastRead.get(node) ?? time }))
    .sort((a, b) => a.written - b.written);
}
