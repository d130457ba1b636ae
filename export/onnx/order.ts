/** The order in which nodes are computed. */
import { type Node, postorder } from "../../dsl/node.ts";

/**
 * What is under `roots`, operands first, and nothing under what `isGiven`.
 *
 * Of two operands the one that holds more values at once stands behind the other: ONNX Runtime begins with what
 * stands last, so that nothing waits in memory for what is larger than itself.
 */
export function orderOf(roots: readonly Node[], isGiven: (node: Node) => boolean): Node[] {
  const operands = (node: Node) => isGiven(node) ? [] : node.src;
  // How many values there are at once while a node is computed; Sethi and Ullman 1970.
  const held = new Map<Node, number>();
  const heldBy = (node: Node) => held.get(node)!;
  for (const node of postorder(roots)) {
    const needed = operands(node).map(heldBy).sort((a, b) => b - a);
    const own = needed.length === 0 ? 0 : 1;
    held.set(node, Math.max(own, ...needed.map((count, i) => count === 0 ? 0 : count + i)));
  }
  const order: Node[] = [];
  const seen = new Set<Node>();
  const stack: { node: Node; left: Node[] }[] = [];
  const visit = (node: Node) => {
    if (seen.has(node)) return;
    seen.add(node);
    stack.push({ node, left: operands(node).toSorted((a, b) => heldBy(a) - heldBy(b)) });
  };
  for (const root of roots) {
    visit(root);
    while (stack.length > 0) {
      const { left } = stack[stack.length - 1];
      if (left.length > 0) visit(left.shift()!);
      else order.push(stack.pop()!.node);
    }
  }
  return order;
}
