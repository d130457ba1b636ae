/** Leaves that are seen as matrices in a graph: brought into one array of all their matrices, and back. */
import type { MatrixView } from "../../runtime/trees/view.ts";
import { node, type NodeInit } from "./proto.ts";

/** Where nodes are written. */
export interface MatricesScope {
  fresh(wanted: string): string;
  list(values: readonly number[]): string;
  readonly nodes: NodeInit[];
}

/** An array that a leaf brings or takes, by its shape there, and whether its elements are those of the leaf. */
export interface OfLeaf {
  readonly shape: readonly number[];
  readonly isLikeLeaf: boolean;
}

/** The matrices of an array, one after the other. */
export function intoMatrices(
  scope: MatricesScope,
  view: MatrixView,
  { shape, isLikeLeaf }: OfLeaf,
  value: string,
): string {
  const order = isLikeLeaf ? view.order : undefined;
  let seen = value;
  if (order !== undefined) {
    seen = scope.fresh(`${value} in order`);
    scope.nodes.push(node("Transpose", [value], seen, { perm: order }));
  }
  const made = scope.fresh(`${value} as matrices`);
  const sizes = isLikeLeaf ? view.shape : shape.slice(view.batch.length);
  scope.nodes.push(node("Reshape", [seen, scope.list([view.count, ...sizes])], made));
  return made;
}

/** Makes `output`, an array of a leaf, of its matrices. */
export function outOfMatrices(
  scope: MatricesScope,
  { order }: MatrixView,
  { shape, isLikeLeaf }: OfLeaf,
  matrices: string,
  output: string,
): void {
  if (order === undefined || !isLikeLeaf) {
    scope.nodes.push(node("Reshape", [matrices, scope.list(shape)], output));
    return;
  }
  const seen = scope.fresh(`${output} in order`);
  const inOrder = order.map((axis) => shape[axis]);
  scope.nodes.push(node("Reshape", [matrices, scope.list(inOrder)], seen));
  const back = order.map((_, axis) => order.indexOf(axis));
  scope.nodes.push(node("Transpose", [seen], output, { perm: back }));
}
