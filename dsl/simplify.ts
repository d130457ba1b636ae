/**
 * Builds nodes with what is certain already done: constants folded, neutral operations dropped and
 * structurally absent terms taken out. Each rule keeps every bit, NaN and -0 included.
 */
import { apply, constant, foldNodes, type Node, withSources, ZERO } from "./node.ts";
import { elementRow, matrixRow, randomRow, reduceRow } from "./ops.ts";

/** `node` on simplified operands. */
export function simplified(node: Node, src: readonly Node[]): Node {
  if (reduceRow(node.op) !== undefined) return src[0] === ZERO ? ZERO : withSources(node, src);
  // Random numbers are never folded: a seed that is structurally 0 is the number 0.
  if (randomRow(node.op) !== undefined) return withSources(node, src.map(settle));
  if (matrixRow(node.op) !== undefined) {
    if (src.includes(ZERO)) return ZERO;
    const isTwice = node.op === "Transpose" && src[0].op === "Transpose";
    return isTwice ? src[0].src[0] : withSources(node, src);
  }
  const row = elementRow(node.op);
  if (row === undefined) return node;
  const [a, b, c] = src;
  if (src.includes(ZERO)) {
    switch (node.op) {
      case "Add":
        return a === ZERO ? b : a;
      case "Sub":
        return b === ZERO ? a : simplified(apply("Neg", b), [b]);
      case "Mul":
      case "Neg":
      case "Abs":
      case "Sign":
      case "Sqrt":
        return ZERO;
      case "Div":
        if (a === ZERO) return ZERO;
    }
    if (node.op === "Where" && b === c) return b;
    const settled = src.map(settle);
    return simplified(withSources(node, settled), settled);
  }
  if (src.every(({ op }) => op === "Const")) {
    return constant(row.eval(...src.map(({ arg }) => arg as number)));
  }
  switch (node.op) {
    case "Where":
      if (a.op === "Const") return a.arg ? b : c;
      if (b === c) return b;
      break;
    case "And":
    case "Or": {
      // A condition that is known decides, or leaves it to the other.
      const [known, other] = a.op === "Const" ? [a, b] : [b, a];
      if (known.op === "Const") return Boolean(known.arg) === (node.op === "Or") ? known : other;
      break;
    }
    case "Mul":
      if (isNumber(a, 1)) return b;
      if (isNumber(b, 1)) return a;
      break;
    case "Div":
      if (isNumber(b, 1)) return a;
      break;
    case "Sub":
      if (isNumber(b, 0)) return a;
      break;
    case "Neg":
      if (a.op === "Neg") return a.src[0];
      break;
    case "Pow":
      // Both sides are the exact square rounded once.
      if (isNumber(b, 2)) return apply("Mul", a, a);
      if (isNumber(b, 1)) return a;
      break;
  }
  return withSources(node, src);
}

/** `roots` with every symbol replaced by what `values` says of its name, and simplified. */
export function substitute(roots: readonly Node[], values: (name: string) => Node | undefined) {
  const done = foldNodes<Node>(
    roots,
    (node, src) =>
      node.op === "Symbol" ? values(node.arg as string) ?? node : simplified(node, src),
  );
  return (root: Node): Node => done.get(root)!;
}

/** A structurally absent value as the number it is where a number is needed. */
export function settle(node: Node): Node {
  return node === ZERO ? constant(0) : node;
}

function isNumber(node: Node, value: number): boolean {
  return node.op === "Const" && Object.is(node.arg, value);
}
