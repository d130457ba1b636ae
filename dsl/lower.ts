/** Rewrites a graph into the ops that a target can spell. */
import { GradusError } from "./errors.ts";
import { type ElementOpName, foldNodes, type Node, withSources } from "./node.ts";
import { type ElementOp, elementOps, elementRow } from "./ops.ts";
import { sketchExpression } from "./print.ts";

/** What generated code or a graph is written in: a column of the op table. */
export type Target = "js" | "wasm" | "wgsl" | "onnx";

/** What a target can spell. */
export interface Speller {
  /** What messages call it. */
  readonly name: string;
  spells(op: ElementOpName): boolean;
  /** Whether what is to be done at a node is left as it is. Default: nothing is. */
  leaves?(node: Node): boolean;
}

/**
 * `roots` by ops that `target` spells. What neither it nor a lowering spells is refused by name, or, if
 * it `isOptional`, left as it is.
 */
export function lower(
  roots: readonly Node[],
  target: Target,
  isOptional: boolean = false,
): (root: Node) => Node {
  return lowerFor(
    roots,
    {
      name: target,
      spells: (op) => elementOps[op][target] !== null,
      leaves: isOptional ? ({ op }) => elementRow(op)?.lower === null : undefined,
    },
  );
}

/** The same for what a `speller` spells. */
export function lowerFor(roots: readonly Node[], speller: Speller): (root: Node) => Node {
  const done = foldNodes<Node>(roots, (node, src) => {
    const row = elementRow(node.op);
    const same = withSources(node, src);
    if (row === undefined || speller.spells(node.op as ElementOpName)) return same;
    if (speller.leaves?.(node)) return same;
    const simpler = lowering(row, node, speller)(...src);
    return lowerFor([simpler], speller)(simpler);
  });
  return (root) => done.get(root)!;
}

function lowering(
  row: ElementOp,
  node: Node,
  { name }: Speller,
): NonNullable<ElementOp["lower"]> {
  if (row.lower !== null) return row.lower;
  throw new GradusError(
    `Cannot write ${node.op} for ${name}: it has neither a spelling nor a lowering there: ` +
      `needed by \`${sketchExpression(node)}\``,
  );
}
