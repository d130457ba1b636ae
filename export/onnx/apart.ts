/** Takes what changes once a step out of what changes with every element. */
import { constant, foldNodes, type Node, postorder, symbol, withSources } from "../../dsl/node.ts";
import { elementRow } from "../../dsl/ops.ts";
import type { Extent } from "../../runtime/plan/extent.ts";

/** Whether a symbol stands for a number that changes once a step. */
export function isScalarSymbol({ op, arg }: Node): boolean {
  return op === "Symbol" && (arg as string).startsWith("$");
}

/** Whether a number is the truth of a condition. */
export function isTruth(node: Node): boolean {
  return elementRow(node.op)?.gives === "truth";
}

/**
 * Puts a symbol in the place of every number that changes once a step, and leaves out what such a number
 * decides for good: the branch that is not chosen, and a factor of 1.
 */
export function scalarsApart(
  roots: readonly Node[],
  extents: ReadonlyMap<Node, Extent>,
  bind: (scalar: Node) => Node,
): { scalars: ReadonlyMap<string, Node>; apart: (node: Node) => Node } {
  const scalars = new Map<string, Node>();
  const symbols = new Map<Node, Node>();
  const isScalar = (node: Node) => extents.get(node) === "scalar";
  const isNumber = (node: Node) => isScalar(node) && node.op !== "Const";
  const symbolOf = (node: Node): Node => {
    if (!symbols.has(node)) {
      const name = `$${symbols.size}`;
      symbols.set(node, symbol(name));
      scalars.set(name, node);
    }
    return symbols.get(node)!;
  };
  const left = new Map<Node, number>();
  for (const node of postorder(roots)) {
    if (isScalar(node)) continue;
    const k = onlyOperand(node, (operand) => isScalar(operand) ? bind(operand) : operand);
    // Another extent, or a number that is rounded here, is not the same value.
    if (k !== undefined && extents.get(node.src[k]) === extents.get(node)) left.set(node, k);
  }
  const done = foldNodes<Node>(roots, (node, src) => {
    if (isScalar(node)) return node;
    const k = left.get(node);
    // Symbols are made for what is left only.
    return k === undefined ? withSources(node, src) : src[k];
  });
  const separated = foldNodes<Node>(
    roots.map((root) => done.get(root)!),
    (node, src) =>
      isScalar(node)
        ? node
        : withSources(node, node.src.map((each, i) => isNumber(each) ? symbolOf(each) : src[i])),
  );
  const apart = (node: Node) => isNumber(node) ? symbolOf(node) : separated.get(done.get(node)!)!;
  return { scalars, apart };
}

/** Which operand a node is, whatever the others are. */
function onlyOperand({ op, src }: Node, valueOf: (operand: Node) => Node): number | undefined {
  if (op === "Where") {
    const { op, arg } = valueOf(src[0]);
    return op === "Const" ? arg ? 1 : 2 : undefined;
  }
  if (op !== "Mul") return undefined;
  const k = src.findIndex((each) => valueOf(each) === ONE);
  return k < 0 ? undefined : 1 - k;
}

const ONE = constant(1);
