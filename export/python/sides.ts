/** Gives places along axes and random numbers of matrices the shapes that they are used in, as expressions. */
import { type Graph, mapGraph, rootsOf } from "../../dsl/graph.ts";
import {
  constant,
  foldNodes,
  index,
  type Node,
  type Over,
  postorder,
  reduce,
  type ReduceOpName,
  symbol,
  withSources,
} from "../../dsl/node.ts";
import { matrixRow, reduceRow } from "../../dsl/ops.ts";
import type { Program } from "../../dsl/program.ts";
import type { Sizes } from "../../dsl/matrix.ts";
import { settleShapes } from "../../runtime/plan/shapes.ts";

/** Whether a form is of matrices: then what has no shape of its own may be of another than the parameter's. */
function isOfMatrices({ state }: Program, graph: Graph, live: ReadonlySet<string>): boolean {
  return [...live].some((name) => state.get(name)!.sizes !== undefined) ||
    postorder(rootsOf(graph)).some(({ op }) => matrixRow(op) !== undefined);
}

/** `graph` with every shape told, where it is of matrices; sides that are worked out are named by a key. */
export function settleSides(program: Program, graph: Graph, live: ReadonlySet<string>): Graph {
  if (!isOfMatrices(program, graph, live)) return graph;
  const state = new Map([...program.state].map(([name, declared]) => {
    const { sizes } = declared;
    return [name, sizes === undefined ? declared : { ...declared, sizes: keyed(sizes) }];
  }));
  // Axes of matrices are counted from the first.
  const counted = foldNodes<Node>(rootsOf(graph), (node, src) => {
    const isOverAxes = node.op === "Index" || reduceRow(node.op) !== undefined;
    if (!isOverAxes || !/^-?\d+(,-?\d+)*$/.test(String(node.arg))) return withSources(node, src);
    const axes = String(node.arg).split(",").map((axis) =>
      Number(axis) < 0 ? Number(axis) + 2 : Number(axis)
    );
    return node.op === "Index"
      ? index(axes[0])
      : reduce(node.op as ReduceOpName, src[0], axes.join(",") as Over);
  });
  return settleShapes({ ...program, state }, mapGraph(graph, (node) => counted.get(node)!));
}

function keyed([rows, columns]: Sizes<Node>): Sizes<Node> {
  return [symbol(keyOf(rows)), symbol(keyOf(columns))];
}

function keyOf(size: Node): string {
  return size.op === "Symbol" || size.op === "Const" ? String(size.arg) : `node${size.id}`;
}

/** How long a side is, by what stands for it among the shapes that were told. */
export function sideNode({ state }: Program, side: string): Node {
  const own = [...state.values()].flatMap(({ sizes }) => sizes ?? []).find((size) =>
    keyOf(size) === side
  );
  return own ?? (/^\d/.test(side) ? constant(Number(side)) : symbol(side));
}
