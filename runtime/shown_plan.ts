/** Graphs and plans as text. */
import { apply, type Node, symbol, withSources } from "../dsl/node.ts";
import { reduceOps } from "../dsl/ops.ts";
import { printExpression } from "../dsl/print.ts";
import { isSized, showExtent as showSizes, type Varying } from "./plan/extent.ts";
import type { Plan } from "./plan/plan.ts";
import type { Product } from "./plan/products.ts";
import { MASTER } from "./trees/master.ts";

/** Values by number, so that a line shows one operation and not all it rests on. */
export type Names = ReadonlyMap<Node, string>;

function nameOf(node: Node, names: Names): string {
  return names.get(node) ?? printExpression(node);
}

/** The values of a graph, each with how often it changes. */
export function showGraph(rate: ReadonlyMap<Node, string>, names: Names): string {
  const lines = [...rate].filter(([{ op }]) => op !== "Const" && op !== "Zero");
  return lines.map(([node, changes]) => `${changes.padEnd(8)}${showNode(node, names)}`).join("\n");
}

function showNode(node: Node, names: Names): string {
  const name = names.get(node);
  if (name === undefined) return printExpression(node);
  const operands = node.src.map((operand) =>
    names.has(operand) ? symbol(names.get(operand)!) : operand
  );
  return `${name} = ${printExpression(withSources(node, operands))}`;
}

/** The loops and products of a plan, phase by phase. */
export function showLoops(plan: Plan, names: Names): string {
  return plan.phases.map((phase, i) =>
    [
      `phase ${i + 1} of ${plan.phases.length}`,
      ...phase.flatMap((loop) => [
        `  over ${showExtent(loop.extent)}: ${loop.nodes.length} operations`,
        ...loop.nodes.map((node) => `    ${showNode(node, names)}`),
        ...loop.accumulations.map(({ op, operand, into }) =>
          `    accumulates the ${
            "global" in into ? `tree's ${reduceOps[op].call} (%${into.global})` : reduceOps[op].call
          } of ${nameOf(operand, names)}`
        ),
        ...loop.stored.map((node) => `    keeps ${nameOf(node, names)}`),
        ...loop.outputs.map(({ target, node }) =>
          `    writes ${WRITTEN.get(target) ?? target} = ${nameOf(node, names)}`
        ),
      ]),
      ...plan.products[i].map((product) => `  ${showProduct(product, names)}`),
    ].join("\n")
  ).join("\n");
}

const WRITTEN: ReadonlyMap<string, string> = new Map([["", "w"], ["w", MASTER]]);

function showProduct({ node, factors }: Product, names: Names): string {
  const operands = factors.map(({ node, isTransposed }) => {
    const operand = symbol(nameOf(node, names));
    return isTransposed ? apply("Transpose", operand) : operand;
  });
  return `${nameOf(node, names)} = ${printExpression(withSources(node, operands))}`;
}

function showExtent(extent: Varying): string {
  if (extent === "element") return "elements";
  if (isSized(extent)) return showSizes(extent);
  if (extent === 0) return "tensors";
  const axes = Array.from({ length: 32 }, (_, axis) => axis).filter((a) => extent & (1 << a));
  return `axes ${axes.join(", ")}`;
}
