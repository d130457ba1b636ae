/** The order in which nodes are computed. */
import type { Node } from "../../dsl/node.ts";

/** What is under `roots`, operands first, and nothing under what `isGiven`. */
export function orderOf(roots: Iterable<Node>, isGiven: (node: Node) => boolean): Node[] {
  const order: Node[] = [];
  const seen = new Set<Node>();
  const stack: { node: Node; next: number }[] = [];
  const visit = (node: Node) => {
    if (seen.has(node)) return;
    seen.add(node);
    stack.push({ node, next: isGiven(node) ? node.src.length : 0 });
  };
  for (const root of roots) {
    visit(root);
    while (stack.length > 0) {
      const top = stack[stack.length - 1];
      if (top.next < top.node.src.length) visit(top.node.src[top.next++]);
      else order.push(stack.pop()!.node);
    }
  }
  return order;
}
