/** Rewrites a graph into the ops that a target can spell. */
import { GradusError } from "./errors.ts";
import { foldNodes, type Node, withSources } from "./node.ts";
import { type ElementOp, elementRow } from "./ops.ts";
import { sketchExpression } from "./print.ts";

/** What generated code or a graph is written in: a column of the op table. */
export type Target = "js" | "wasm" | "wgsl" | "onnx";

/**
 * `roots` by ops that `target` spells. What neither it nor a lowering spells is refused by name, or, if
 * it `isOptional`, left as it is.
 */
export function lower(
  roots: readonly Node[],
  target: Target,
  isOptional: boolean = false,
): (root: Node) => Node {
  const done = foldNodes<Node>(roots, (node, src) => {
    const row = elementRow(node.op);
    const same = withSources(node, src);
    if (row === undefined || spells(row, target)) return same;
    if (row.lower === null && isOptional) return same;
    if (row.lower === null) {
      throw new GradusError(
        `Cannot write ${node.op} for ${target}: it has neither a spelling nor a lowering there: ` +
          `needed by \`${sketchExpression(node)}\``,
      );
    }
    const simpler = row.lower(...src);
    return lower([simpler], target, isOptional)(simpler);
  });
  return (root) => done.get(root)!;
}

function spells(row: ElementOp, target: Target): boolean {
  return row[target] !== null;
}
