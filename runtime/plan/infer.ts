/** Infers what each value of a graph varies over within a leaf. */
import { GradusError } from "../../dsl/errors.ts";
import { foldNodes, type Node } from "../../dsl/node.ts";
import type { Sizes } from "../../dsl/matrix.ts";
import { matrixRow, randomRow, reduceRow } from "../../dsl/ops.ts";
import { printSizes, sketchExpression } from "../../dsl/print.ts";
import type { Program, StateDeclaration } from "../../dsl/program.ts";
import {
  allAxes,
  type Extent,
  extentOfParts,
  isMatrix,
  isSized,
  type Part,
  partsOf,
  showExtent,
  type SizedExtent,
  type Varying,
} from "./extent.ts";

/** What planning needs of a program. */
export type Planned = Pick<Program, "name" | "state" | "inputs">;

/** Whether what varies over `inner` fits into what varies over `outer`. */
export function isWithin(inner: Extent, outer: Extent): boolean {
  if (inner === "scalar" || inner === 0 || inner === outer) return true;
  if (outer === "scalar") return false;
  if (isSized(inner) || isSized(outer)) {
    const own = partsOf(outer);
    return partsOf(inner).every((part, axis) => part === "-" || part === own[axis]);
  }
  if (outer === "element") return true;
  return typeof inner === "number" && (inner & ~outer) === 0;
}

/** The extent of what is kept over `over`, of `sizes` if that says so. */
export function overExtent(
  { over, sizes }: Pick<StateDeclaration, "over" | "sizes">,
  rank: number,
): Varying {
  if (over === "element") return "element";
  if (over === "tensor") return 0;
  if (sizes !== undefined) return extentOfParts(sizes.map(({ arg }) => String(arg)) as never);
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
      const state = program.state.get(name);
      if (state?.over === "sizes" && rank !== 2) return refuseRank(name, state);
      return state === undefined || state.over === "tree" ? "scalar" : overExtent(state, rank);
    }
    if (node.op === "Index") return indexExtent(node, rank);
    if (randomRow(node.op) !== undefined) return (node.arg as SizedExtent | null) ?? "element";
    if (matrixRow(node.op) !== undefined) {
      return extentOfMatrix(node, src, rank, `optimizer "${program.name}"`);
    }
    if (reduceRow(node.op) === undefined) {
      return src.reduce((a, b) => joinExtents(a, b, node, src), "scalar");
    }
    if (node.arg === "tensor") return 0;
    const over = node.arg as string;
    const kept = overExtent({ over }, rank) as number;
    const [operand] = src;
    if (isSized(operand)) {
      const axes = over.split(",").map(Number);
      const left = partsOf(operand).map((part, axis) => axes.includes(axis) ? "-" as const : part);
      return extentOfParts(left as unknown as Sizes<Part>);
    }
    return typeof operand === "number" ? kept & operand : kept;
  });

  function refuseRank(name: string, { sizes }: StateDeclaration): never {
    throw new GradusError(
      `Cannot plan optimizer "${program.name}": state \`${name}\`, ${
        printSizes(sizes!)
      }, needs a ` +
        `parameter that is a matrix: ${givenRank(rank)}`,
    );
  }

  function joinExtents(a: Extent, b: Extent, node: Node, src: readonly Extent[]): Extent {
    if (a === b || b === "scalar") return a;
    if (a === "scalar") return b;
    if (isSized(a) || isSized(b)) {
      const [left, right] = [partsOf(a), partsOf(b)];
      const joined = left.map((part, axis) => {
        const other = right[axis];
        if (part === "-" || part === other) return other;
        return other === "-" ? part : refuseShapes(node, src);
      });
      return extentOfParts(joined as unknown as Sizes<Part>);
    }
    if (isWithin(a, b)) return b;
    if (isWithin(b, a)) return a;
    const axes = (a as number) | (b as number);
    return axes === all && rank > 0 ? "element" : axes;
  }

  function refuseShapes(node: Node, src: readonly Extent[]): never {
    throw new GradusError(
      `Cannot plan optimizer "${program.name}": \`${sketchExpression(node)}\` needs ` +
        `operands of one shape: given ` +
        src.filter((each) => each !== "scalar").map(showExtent).join(" and "),
    );
  }
}

/** What an index varies over: one axis. */
function indexExtent({ arg }: Node, rank: number): Varying {
  const [axis, side] = (arg as string).split(" ");
  if (side !== undefined) return axis === "0" ? `${side} x -` as Varying : `- x ${side}` as Varying;
  const own = 1 << Number(axis);
  return own === allAxes(rank) ? "element" : own;
}

function givenRank(rank: number): string {
  return `given one of ${rank} dimension${rank === 1 ? "" : "s"}: ` +
    "`where(rank == 2, a, b)` tells them apart";
}

function extentOfMatrix(
  node: Node,
  given: readonly Extent[],
  rank: number,
  what: string,
): Varying {
  const refuse = (message: string): never => {
    throw new GradusError(`Cannot plan ${what}: \`${sketchExpression(node)}\` ${message}`);
  };
  if (rank !== 2) {
    return refuse(`needs a parameter that is a matrix: ${givenRank(rank)}`);
  }
  const shown = given.map(showExtent).join(" and ");
  // A row or column is turned as a matrix is.
  const isTurned = node.op === "Transpose" && given[0] !== "scalar" && given[0] !== 0;
  if (!isTurned && !given.every(isMatrix)) return refuse(`needs matrices: given ${shown}`);
  const sizes = matrixRow(node.op)!.sizes(...given.map((each) => partsOf(each as Varying)));
  if (sizes !== undefined) return extentOfParts(sizes);
  return refuse(`needs as many columns on its left as rows on its right: given ${shown}`);
}
