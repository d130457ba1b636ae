/** What axes a program's reductions and states mean in tensors of one form. */
import { axesByExtent, axesOf, isAxes, isByExtent } from "../../dsl/axes.ts";
import { GradusError } from "../../dsl/errors.ts";
import { type Graph, mapGraph, rootsOf } from "../../dsl/graph.ts";
import {
  apply,
  foldNodes,
  type Node,
  type Over,
  postorder,
  reduce,
  type ReduceOpName,
  withSources,
} from "../../dsl/node.ts";
import { matrixRow, reduceRow } from "../../dsl/ops.ts";
import type { Program } from "../../dsl/program.ts";
import { allAxes } from "./extent.ts";
import type { Planned } from "./infer.ts";

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
  const hasMatrices = nodes.some(({ op }) => matrixRow(op) !== undefined);
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
 */
export function settleAxes(
  program: Planned,
  graph: Graph,
  live: ReadonlySet<string>,
  byExtent: readonly number[],
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
  const isKept = (name: string) => live.has(name) || !isAxes(program.state.get(name)!.over);
  const states = new Map([...graph.states].filter(([name]) => isKept(name)));
  const nodes = foldNodes<Node>(rootsOf({ ...graph, states }), (node, src) => {
    if (!isReduction(node)) return withSources(node, src);
    const op = node.op as ReduceOpName;
    const over = settled(node.arg as string);
    if (over !== "element") return reduce(op, src[0], over as Over);
    return op === "ReduceL2" ? apply("Abs", src[0]) : src[0];
  });
  return {
    program: {
      ...program,
      state: new Map(
        [...program.state].map(([name, declaration]) => [
          name,
          isKept(name) ? { ...declaration, over: settled(declaration.over) } : declaration,
        ]),
      ),
    },
    graph: mapGraph(graph, (root) => nodes.get(root) ?? root),
  };
}

function isReduction(node: Node): boolean {
  return reduceRow(node.op) !== undefined;
}
