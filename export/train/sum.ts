/** Sums of the gradients that come back to one value: of many products one, of what they multiply. */
import type { Graph, GraphNode } from "./graph.ts";
import type { Value } from "./value.ts";

/** Fewer are added. */
const FEWEST = 3;

/**
 * The sum of `parts`. Σ AₜᵀBₜ is one product of all A and all B below one another, and a sum of columns
 * sums alike: a weight that every step of a sequence reads has one gradient, and not one a step.
 */
export function summed(parts: readonly Value[], graph: Graph): Value {
  const products = parts.filter((part) => isProduct(graph.makerOf(part)));
  const columns = parts.filter((part) => isColumns(graph.makerOf(part), graph));
  const all = [
    ...parts.filter((part) => !products.includes(part) && !columns.includes(part)),
    ...together(products, graph),
    ...together(columns, graph),
  ];
  return all.reduce((a, b) => graph.emit("Add", [a, b]));
}

/** AᵀB of matrices. */
function isProduct(maker: GraphNode | undefined): boolean {
  if (maker?.op !== "Gemm" || maker.inputs[2] !== undefined) return false;
  const { transA = 0, transB = 0, ...others } = maker.attributes;
  return transA === 1 && transB === 0 && Object.keys(others).length === 0;
}

/** The sum over the rows of a matrix. */
function isColumns(maker: GraphNode | undefined, graph: Graph): boolean {
  if (maker?.op !== "ReduceSum" || maker.attributes.keepdims !== 0) return false;
  const [value, axes] = maker.inputs;
  return value?.shape?.length === 2 && axes !== undefined &&
    graph.makerOf(axes) === undefined && axes.known?.join() === "0";
}

/** One operator in the place of many of the same kind. */
function together(parts: readonly Value[], graph: Graph): readonly Value[] {
  if (parts.length < FEWEST) return parts;
  // The walk has met the last of a sequence first.
  const makers = parts.toReversed().map((part) => graph.makerOf(part)!);
  const { op, attributes, inputs: [, other] } = makers[0];
  const first = below(makers.map(({ inputs }) => inputs[0]!), graph);
  const second = op === "Gemm" ? below(makers.map(({ inputs }) => inputs[1]!), graph) : other;
  return [graph.emit(op, [first, second], attributes)];
}

/** Matrices below one another, which may stand in the graph already. */
function below(values: readonly Value[], graph: Graph): Value {
  const known = graph.nodes.find(({ op, inputs, attributes }) =>
    op === "Concat" && attributes.axis === 0 && inputs.length === values.length &&
    inputs.every((value, i) => value?.name === values[i].name)
  );
  return known?.outputs[0] ?? graph.emit("Concat", values, { axis: 0 });
}
