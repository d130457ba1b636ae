/** What expressions are made of: interned nodes, how they are made and walked. */
import type { AxisName } from "./axes.ts";
import { Interned } from "./intern.ts";

/** Element-wise operations, by their ONNX names where ONNX has them. */
export type ElementOpName =
  | ("Add" | "Sub" | "Mul" | "Div" | "Pow" | "Neg" | "Abs" | "Sign" | "Sqrt" | "Cbrt" | "Exp")
  | ("Log" | "Sin" | "Cos" | "Tan" | "Asin" | "Acos" | "Atan" | "Sinh" | "Cosh" | "Tanh")
  | ("Floor" | "Ceil" | "Min" | "Max" | "Clip" | "Where" | "IsNaN" | "And" | "Or" | "Not")
  | ("Less" | "LessOrEqual" | "Greater" | "GreaterOrEqual" | "Equal");

/** Reductions, by their ONNX names. */
export type ReduceOpName = "ReduceSum" | "ReduceMean" | "ReduceMax" | "ReduceMin" | "ReduceL2";

/** Distributions of random numbers. */
export type RandomOpName = "Normal" | "Uniform";

/** Operations on matrices, by their ONNX names where ONNX has them. */
export type MatrixOpName = "MatMul" | "Transpose" | "QR";

/**
 * A node of an expression: an operation on other nodes. Immutable and interned: two nodes of equal
 * structure are the same object, so `===` is equality and sharing costs nothing.
 */
export interface Node {
  /**
   * A row of the op table, or one of four leaves: `Const` (its `arg` is the number), `Symbol` (its `arg`
   * is the name), `Index` (the places along the axis that is its `arg`) and `Zero`, a term that is absent:
   * unlike the number 0, it removes whatever it multiplies from the program, infinities included.
   */
  readonly op:
    | (ElementOpName | MatrixOpName | RandomOpName | ReduceOpName)
    | ("Const" | "Symbol" | "Index" | "Zero");
  /** The operands. */
  readonly src: readonly Node[];
  /**
   * A constant's number, a symbol's name, a reduction's range (see {@linkcode Over}), the axis of an index.
   * Where planning has found that an index or random numbers are of another shape than the parameter's, that
   * stands here too.
   */
  readonly arg: number | string | null;
  /** A number of its own, never used again. */
  readonly id: number;
}

/** What a reduction ranges over: a whole tensor, the whole tree, or a list of axes such as `"0,2:"`. */
export type Over =
  | "tensor"
  | "tree"
  | AxisName
  | `${number}`
  | `${string}:${string}`
  | `${string},${string}`;

const interned = new Interned<Node>();
let nextId = 0;

function intern(op: Node["op"], src: readonly Node[], arg: Node["arg"]): Node {
  let key: string = op;
  for (const node of src) key += ` ${node.id}`;
  if (typeof arg === "number") key += `#${Object.is(arg, -0) ? "-0" : arg}`;
  else if (arg !== null) key += `:${arg}`;
  return interned.get(key, () => ({ op, src: Object.freeze(src), arg, id: nextId++ }));
}

/** The number `value`; -0 and NaN are constants of their own. */
export const constant = (value: number): Node => intern("Const", [], value);

/** The symbol `name`. */
export const symbol = (name: string): Node => intern("Symbol", [], name);

/** The structurally absent term. */
export const ZERO: Node = intern("Zero", [], null);

/** The operation `op` on `src`: element-wise or on matrices. */
export const apply = (op: ElementOpName | MatrixOpName, ...src: Node[]): Node =>
  intern(op, src, null);

/** The reduction `op` of `node` over a tensor, the tree, or axes. */
export const reduce = (op: ReduceOpName, node: Node, over: Over): Node => intern(op, [node], over);

/** The parameter. */
export const PARAMETER: Node = symbol("w");

/** The steps so far, by which random numbers are counted unless something else is said. */
export const COUNT: Node = symbol("count");

/** Random numbers of the distribution `op`, one an element: a function of `seed` and `counter`. */
export const random = (op: RandomOpName, seed: Node, counter: Node = COUNT): Node =>
  intern(op, [seed, counter], null);

/** Places along an axis: 0, 1, 2 and so on. `side` is how long it is if that is not the parameter's. */
export const index = (axis: string | number, side?: string): Node =>
  intern("Index", [], side === undefined ? String(axis) : `${axis} ${side}`);

/** Random numbers of another shape than the parameter's. */
export const shaped = ({ op, src }: Node, shape: string): Node => intern(op, src, shape);

/** The same operation on other operands. */
export function withSources(node: Node, src: readonly Node[]): Node {
  return src.every((s, i) => s === node.src[i]) ? node : intern(node.op, src, node.arg);
}

/** Every node reachable from `roots`, operands before their users, each once. Never recurses. */
export function postorder(roots: Iterable<Node>): Node[] {
  const order: Node[] = [];
  const seen = new Set<Node>();
  const stack: { node: Node; next: number }[] = [];
  for (const root of roots) {
    if (seen.has(root)) continue;
    seen.add(root);
    stack.push({ node: root, next: 0 });
    while (stack.length > 0) {
      const top = stack[stack.length - 1];
      if (top.next === top.node.src.length) {
        order.push(top.node);
        stack.pop();
        continue;
      }
      const child = top.node.src[top.next++];
      if (!seen.has(child)) {
        seen.add(child);
        stack.push({ node: child, next: 0 });
      }
    }
  }
  return order;
}

/** Values for every node reachable from `roots`, each computed from the node and its operands' values. */
export function foldNodes<T>(
  roots: Iterable<Node>,
  visit: (node: Node, src: T[]) => T,
): Map<Node, T> {
  const values = new Map<Node, T>();
  for (const node of postorder(roots)) {
    values.set(node, visit(node, node.src.map((s) => values.get(s)!)));
  }
  return values;
}

/** `root` with symbols replaced. */
export function replaceSymbols(root: Node, values: ReadonlyMap<string, Node>): Node {
  return foldNodes<Node>(
    [root],
    (node, src) =>
      node.op === "Symbol" ? values.get(node.arg as string) ?? node : withSources(node, src),
  ).get(root)!;
}

/** The symbols that are read by `roots`. */
export function symbolsIn(roots: Iterable<Node>): Set<string> {
  return new Set(
    postorder(roots).flatMap(({ op, arg }) => op === "Symbol" ? [arg as string] : []),
  );
}
