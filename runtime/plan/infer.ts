/** Infers what each value of a graph varies over within a leaf. */
import { GradusError } from "../../dsl/errors.ts";
import { foldNodes, type Node } from "../../dsl/node.ts";
import { matrixRow, randomRow, reduceRow } from "../../dsl/ops.ts";
import { sketchExpression } from "../../dsl/print.ts";
import type { Program } from "../../dsl/program.ts";
import {
  allAxes,
  type Extent,
  extentOfSides,
  isMatrix,
  type MatrixExtent,
  showExtent,
  sidesOf,
  type Varying,
} from "./extent.ts";

/** What planning needs of a program. */
export type Planned = Pick<Program, "name" | "state" | "inputs">;

/** Whether what varies over `inner` fits into what varies over `outer`. */
export function isWithin(inner: Extent, outer: Extent): boolean {
  if (inner === "scalar" || inner === 0 || inner === outer) return true;
  if (outer === "element") return typeof inner === "number";
  return typeof inner === "number" && typeof outer === "number" && (inner & ~outer) === 0;
}

/** The extent of what is kept over `over`. */
export function overExtent(over: string, rank: number): Varying {
  if (over === "element") return "element";
  if (over === "tensor") return 0;
  return over.split(",").reduce((kept, axis) => kept & ~(1 << Number(axis)), allAxes(rank));
}

/** The extent of every node under `roots`, in leaves of `rank` axes. */
export function extentsOf(
  roots: readonly Node[],
  program: Planned,
  rank: number,
): Map<Node, Extent> {
  const all = allAxes(rank);
  return foldNodes<Extent>(roots, (node, src) => {
    if (node.op === "Symbol") {
      const name = node.arg as string;
      if (name === "w" || name === "g" || program.inputs.get(name) === "element") return "element";
      const over = program.state.get(name)?.over ?? "tree";
      return over === "tree" ? "scalar" : overExtent(over, rank);
    }
    if (randomRow(node.op) !== undefined) return "element";
    if (matrixRow(node.op) !== undefined) {
      return extentOfMatrix(node, src, rank, `optimizer "${program.name}"`);
    }
    if (reduceRow(node.op) === undefined) {
      return src.reduce((a, b) => joinExtents(a, b, node, src), "scalar");
    }
    if (node.arg === "tensor") return 0;
    const kept = overExtent(node.arg as string, rank) as number;
    if (src[0] === "element" || src[0] === "scalar") return kept;
    return typeof src[0] === "number" ? kept & src[0] : refuseShapes(node, src);
  });

  function joinExtents(a: Extent, b: Extent, node: Node, src: readonly Extent[]): Extent {
    if (a === b || b === "scalar") return a;
    if (a === "scalar") return b;
    if (isWithin(a, b)) return b;
    if (isWithin(b, a)) return a;
    if (typeof a !== "number" || typeof b !== "number") return refuseShapes(node, src);
    return (a | b) === all && rank > 0 ? "element" : a | b;
  }

  function refuseShapes(node: Node, src: readonly Extent[]): never {
    throw new GradusError(
      `Cannot plan optimizer "${program.name}": \`${sketchExpression(node)}\` needs ` +
        (src.length === 1 ? "the parameter's shape, rows x columns" : "operands of one shape") +
        `: given ${src.filter((each) => each !== "scalar").map(showExtent).join(" and ")}`,
    );
  }
}

function extentOfMatrix(
  node: Node,
  given: readonly Extent[],
  rank: number,
  what: string,
): MatrixExtent {
  const refuse = (message: string): never => {
    throw new GradusError(`Cannot plan ${what}: \`${sketchExpression(node)}\` ${message}`);
  };
  if (rank !== 2) {
    return refuse(
      `needs a parameter that is a matrix: given one of ${rank} ` +
        `dimension${rank === 1 ? "" : "s"}: \`where(rank == 2, a, b)\` tells them apart`,
    );
  }
  const shown = given.map(showExtent).join(" and ");
  if (!given.every(isMatrix)) return refuse(`needs matrices: given ${shown}`);
  const sizes = matrixRow(node.op)!.sizes(...given.map(sidesOf));
  if (sizes !== undefined) return extentOfSides(sizes);
  return refuse(`needs as many columns on its left as rows on its right: given ${shown}`);
}
