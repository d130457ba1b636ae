/** What axes a program's reductions and states mean in tensors of one form. */
import { axesByExtent, axesOf, isAxes, isByExtent } from "../../dsl/axes.ts";
import { GradusError } from "../../dsl/errors.ts";
import { type Graph, mapGraph, rootsOf, type Structural } from "../../dsl/graph.ts";
import {
  apply,
  foldNodes,
  index,
  type Node,
  type Over,
  postorder,
  reduce,
  type ReduceOpName,
  symbolsIn,
  withSources,
} from "../../dsl/node.ts";
import { matrixRow, reduceRow } from "../../dsl/ops.ts";
import type { Program, StateDeclaration } from "../../dsl/program.ts";
import { allAxes } from "./extent.ts";
import type { Planned } from "./infer.ts";
import { settleShapes } from "./shapes.ts";
import { sizeNode, sizesOf } from "./sizes.ts";

/**
 * What a program looks at of a shape: its axes by extent, or in turn where the program tells them by
 * number only, or nothing. Leaves of which that is the same can be computed alike.
 */
export function axesSeen(
  program: Program,
  roots: readonly Node[],
): (shape: readonly number[]) => number[] {
  const nodes = postorder(roots);
  const overs = [
    ...[...program.state.values()].map(({ over }) => over),
    ...nodes.filter(isReduction).map(({ arg }) => arg as string),
  ];
  if (overs.some(isByExtent)) return axesByExtent;
  const hasMatrices = overs.includes("sizes") ||
    nodes.some(({ op }) => op === "Index" || matrixRow(op) !== undefined);
  return hasMatrices || overs.some(isAxes) ? (shape) => shape.map((_, axis) => axis) : () => [];
}

/** The axes that remain when those listed in `over` are reduced, as a bit set. */
export function keptAxes(over: string, byExtent: readonly number[], what: string): number {
  const reduced = axesOf(over, byExtent, (item, needed): never => {
    throw new GradusError(
      `Cannot plan ${what}: axis ${item} needs a tensor of ${needed} or more dimensions: ` +
        `given one of ${byExtent.length}`,
    );
  });
  return byExtent.reduce((kept, axis) => reduced.has(axis) ? kept : kept | 1 << axis, 0);
}

/**
 * A program and its graph in tensors whose axes by extent are `byExtent`: every list of axes is of
 * numbers from 0, some and not all. A reduction over all axes is the tensor's; one over none is its
 * operand, as the norm of one number is its absolute value. States that are not `live` stay as they are.
 * Those of their own sizes have the ones that they come to by what is known, `structural`; so has what takes
 * the shape that it is used in.
 */
export function settleAxes(
  program: Planned,
  graph: Graph,
  live: ReadonlySet<string>,
  byExtent: readonly number[],
  structural: Structural,
): { program: Planned; graph: Graph } {
  const rank = byExtent.length;
  const what = `optimizer "${program.name}"`;
  const settled = (over: string): string => {
    if (!isAxes(over)) return over;
    const kept = keptAxes(over, byExtent, what);
    if (kept === allAxes(rank)) return "element";
    const reduced = Array.from({ length: rank }, (_, axis) => axis).filter((axis) =>
      (kept & 1 << axis) === 0
    );
    return kept === 0 ? "tensor" : reduced.join();
  };
  const read = symbolsIn(rootsOf(graph));
  const isKept = (name: string) => {
    const { over } = program.state.get(name)!;
    if (over === "sizes") return rank === 2 && (live.has(name) || read.has(name));
    return live.has(name) || !isAxes(over);
  };
  const settledState = (name: string, { init, over }: StateDeclaration): StateDeclaration => {
    if (over !== "sizes") return { init, over: settled(over) };
    const [rows, columns] = sizesOf(program, name, structural);
    return { init, over, sizes: [sizeNode(rows), sizeNode(columns)] };
  };
  const states = new Map([...graph.states].filter(([name]) => isKept(name)));
  const nodes = foldNodes<Node>(rootsOf({ ...graph, states }), (node, src) => {
    if (node.op === "Index") return index(settledAxis(node.arg as string));
    if (!isReduction(node)) return withSources(node, src);
    const op = node.op as ReduceOpName;
    const over = settled(node.arg as string);
    if (over !== "element") return reduce(op, src[0], over as Over);
    return op === "ReduceL2" ? apply("Abs", src[0]) : src[0];
  });
  const planned = {
    ...program,
    state: new Map(
      [...program.state].map(([name, declaration]) => [
        name,
        isKept(name) ? settledState(name, declaration) : declaration,
      ]),
    ),
  };
  const over = mapGraph(graph, (root) => nodes.get(root) ?? root);
  if (rank !== 2) return { program: planned, graph: over };
  const kept = { ...over, states: new Map([...over.states].filter(([name]) => isKept(name))) };
  return { program: planned, graph: settleShapes(planned, kept) };

  function settledAxis(axis: string): number {
    const number = Number(axis) < 0 ? Number(axis) + rank : Number(axis);
    if (number >= 0 && number < rank) return number;
    throw new GradusError(
      `Cannot plan ${what}: \`index(axis=${axis})\` needs a tensor of ${
        Number(axis) < 0 ? -axis : number + 1
      } or more dimensions: given one of ${rank}`,
    );
  }
}

function isReduction(node: Node): boolean {
  return reduceRow(node.op) !== undefined;
}
