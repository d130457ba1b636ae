/** A step as what it computes, with no order and no locals but their names: what rules are applied to. */
import { isAtMost, mayBeMatrix, rates } from "../graph.ts";
import { foldNodes, type Node, postorder, replaceSymbols, symbol, withSources } from "../node.ts";
import { matrixRow, reduceRow } from "../ops.ts";
import type { Program } from "../program.ts";

/** A step without statements. All else is a program's. */
export interface Form extends Omit<Program, "statements"> {
  /** `u` and the next value of each state in terms of the old ones, in the order they are written. */
  readonly outputs: ReadonlyMap<string, Node>;
  /** What locals are called. */
  readonly names: ReadonlyMap<Node, string>;
}

/** The form of a program: nothing is simplified, so that every operation written is still there. */
export function formOf(program: Program): Form {
  const values = new Map<string, Node>();
  const names = new Map<Node, string>();
  const order = new Map<string, number>();
  program.statements.forEach(({ target, value }, i) => {
    const node = replaceSymbols(value, values);
    values.set(target, node);
    if (node.src.length > 0 && !names.has(node)) names.set(node, target);
    order.set(target, i);
  });
  const outputs = ["u", ...program.state.keys()]
    .map((name): [string, Node] => [name, values.get(name) ?? symbol(name)])
    .sort(([a], [b]) => (order.get(a) ?? -1) - (order.get(b) ?? -1));
  const { statements: _, ...notes } = program;
  const form = { ...notes, outputs: new Map(outputs), names };
  return mapForm(form, withSources);
}

/** `form` with every node changed, operands first; what a local is called goes along. */
export function mapForm(form: Form, change: (node: Node, src: Node[]) => Node): Form {
  const roots = [...form.outputs.values()];
  const changed = foldNodes<Node>([...roots, ...form.names.keys()], change);
  const outputs = new Map([...form.outputs].map(([name, node]) => [name, changed.get(node)!]));
  const isReached = new Set(postorder(outputs.values()));
  const names = new Map<Node, string>();
  for (const [node, name] of form.names) {
    const next = changed.get(node)!;
    // Operations that have become one keep the first name that either had.
    const isFree = next.src.length > 0 && isReached.has(next) && !names.has(next);
    if (isFree) names.set(next, name);
  }
  return { ...form, outputs, names };
}

/** `form` with `from` replaced by `to` wherever it stands. */
export function replaceNode(form: Form, from: Node, to: Node): Form {
  return mapForm(form, (node, src) => node === from ? to : withSources(node, src));
}

/** Whether a form is still a program: what is reduced or multiplied as a matrix must not be one number. */
export function isSound(form: Form): boolean {
  const program = { ...form, statements: [] };
  const rate = rates([...form.outputs.values()], program);
  for (const node of rate.keys()) {
    const { op, src } = node;
    if (reduceRow(op) !== undefined && isAtMost(rate.get(src[0])!, "step")) return false;
    if (matrixRow(op) === undefined) continue;
    if (!src.every((operand) => mayBeMatrix(node, operand, rate.get(operand)!, program))) {
      return false;
    }
  }
  return true;
}
