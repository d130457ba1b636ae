/** Finds what the names of a pattern stand for in an expression. */
import type { Node } from "../node.ts";
import type { Rule } from "./rule.ts";

/** What the names of a rule stand for. */
export type Bindings = ReadonlyMap<string, Node>;

/** Whether a name may stand for an expression. */
export type Admits = (name: string, node: Node) => boolean;

const COMMUTATIVE: ReadonlySet<string> = new Set([
  "Add",
  "Mul",
  "Min",
  "Max",
  "And",
  "Or",
  "Equal",
]);

/** Whether the two operands of an operation may change places without a bit changing. */
export function isCommutative(op: Node["op"]): boolean {
  return COMMUTATIVE.has(op);
}

/** Every way in which the left side of `rule` is `node`. */
export function matches(rule: Rule, node: Node, admits: Admits): Generator<Bindings> {
  return match(rule.pattern, node, new Map(), admits, rule.ordered ?? false);
}

function* match(
  pattern: Node,
  node: Node,
  bound: Bindings,
  admits: Admits,
  ordered: boolean,
): Generator<Bindings> {
  if (pattern.op === "Symbol") {
    const name = pattern.arg as string;
    const known = bound.get(name);
    if (known === node) yield bound;
    else if (known === undefined && admits(name, node)) yield new Map([...bound, [name, node]]);
    return;
  }
  if (pattern.op !== node.op || pattern.arg !== node.arg && !Object.is(pattern.arg, node.arg)) {
    return;
  }
  yield* matchAll(pattern.src, node.src, bound, admits, ordered);
  if (ordered || !isCommutative(pattern.op) || node.src[0] === node.src[1]) return;
  yield* matchAll(pattern.src, [node.src[1], node.src[0]], bound, admits, ordered);
}

function* matchAll(
  patterns: readonly Node[],
  nodes: readonly Node[],
  bound: Bindings,
  admits: Admits,
  ordered: boolean,
): Generator<Bindings> {
  if (patterns.length === 0) {
    yield bound;
    return;
  }
  const [pattern, ...patternsLeft] = patterns;
  const [node, ...nodesLeft] = nodes;
  for (const each of match(pattern, node, bound, admits, ordered)) {
    yield* matchAll(patternsLeft, nodesLeft, each, admits, ordered);
  }
}
