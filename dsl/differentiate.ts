/** Gradients of expressions, by reverse mode: each operation's own gradient stands in the op table. */
import { GradusError } from "./errors.ts";
import {
  apply,
  constant,
  type ElementOpName,
  foldNodes,
  type Node,
  type Over,
  postorder,
  reduce,
  replaceSymbols,
  symbol,
  ZERO,
} from "./node.ts";
import { elementRow, matrixRow, reduceRow } from "./ops.ts";
import { parseExpression } from "./parse.ts";
import type { Scope } from "./reader.ts";
import { sketchExpression } from "./print.ts";
import { SHAPE_SYMBOLS } from "./scope.ts";
import { simplified } from "./simplify.ts";

/** Options of {@linkcode differentiate}. */
export interface DifferentiateOptions {
  /** The symbols that are one number, such as hyperparameters; any other has a value for each element. */
  readonly numbers?: Iterable<string>;
}

/** How many values a node has: one an element, one for axes that were reduced, or a number. */
type Width = "element" | "number" | Over;

/**
 * The gradient of `root`, or of the sum of its elements if it has many, with respect to each of `symbols`: for a symbol with a
 * value for each element, an expression of as many; for one that is a number, the sum over the tensor.
 *
 * Each operation adds to the gradients of its operands what its row of the op table says. Where two values are
 * the same extreme, each has its share. Random numbers do not depend on anything.
 *
 * @example
 * ```ts
 * import { differentiate, printExpression } from "@gradus/gradus/derive";
 * import { optimizer } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const { program } = optimizer({ name: "cubed", step: "u = w^3 + 2*g" });
 * const { w, g } = differentiate(program.statements[0].value, ["w", "g"]);
 * assertEquals(printExpression(w), "3*(w*w)");
 * assertEquals(printExpression(g), "2");
 * ```
 *
 * @returns By symbol, its gradient; the number 0 for a symbol that `root` does not depend on.
 * @throws {GradusError} if something depends on a reduction over the whole tree, of which only a part is known here.
 */
export function differentiate<S extends string>(
  root: Node,
  symbols: readonly S[],
  { numbers = [] }: DifferentiateOptions = {},
): Record<S, Node> {
  const isNumber = new Set<string>([...numbers, "t", "count", ...SHAPE_SYMBOLS.keys()]);
  const widths = (node: Node) =>
    foldNodes<Width>([node], (node, src) => widthOf(node, src, isNumber)).get(node)!;
  const gradients = new Map<Node, Node>([[root, constant(1)]]);
  for (const node of postorder([root]).reverse()) {
    const gradient = gradients.get(node) ?? ZERO;
    if (gradient === ZERO) continue;
    const parts = partsOf(node, gradient);
    node.src.forEach((operand, i) => {
      const part = parts[i];
      if (part === ZERO) return;
      const before = gradients.get(operand) ?? ZERO;
      const summed = summedTo(part, node, widths(operand), widths);
      gradients.set(operand, built("Add", before, summed));
    });
  }
  return Object.fromEntries(symbols.map((name) => {
    const gradient = gradients.get(symbol(name)) ?? ZERO;
    return [name, gradient === ZERO ? constant(0) : gradient];
  })) as Record<S, Node>;
}

/** What a node whose gradient is known adds to the gradients of its operands. */
function partsOf(node: Node, gradient: Node): Node[] {
  const [a, b, c] = node.src;
  const row = elementRow(node.op);
  if (row !== undefined) {
    return row.gradient.map((text) =>
      text === null || text === "0" ? ZERO : gradientOf(text, { a, b, c, y: node, g: gradient })
    );
  }
  const reduction = reduceRow(node.op);
  if (reduction !== undefined) {
    const over = node.arg as Over;
    if (over === "tree") {
      throw new GradusError(
        `Cannot differentiate: a reduction over the whole tree depends on other parameters too: given ` +
          `\`${sketchExpression(node)}\``,
      );
    }
    const equal = apply("Where", apply("Equal", a, node), constant(1), constant(0));
    const n = over === "tensor" ? symbol("size") : reduce("ReduceSum", onesOf(a), over);
    const k = reduce("ReduceSum", equal, over);
    return [gradientOf(reduction.gradient, { a, y: node, g: gradient, n, k })];
  }
  if (matrixRow(node.op) !== undefined) {
    if (node.op === "QR") {
      throw new GradusError(
        `Cannot differentiate: there is no gradient of \`${
          sketchExpression(node)
        }\`, the factor of a matrix`,
      );
    }
    const g = apply("Mul", gradient, onesOf(node));
    if (node.op === "Transpose") return [apply("Transpose", g)];
    return [
      apply("MatMul", g, apply("Transpose", b)),
      apply("MatMul", apply("Transpose", a), g),
    ];
  }
  return node.src.map(() => ZERO);
}

const texts = new Map<string, Node>();
const NAMES: Scope = {
  // Only the first operand of `where` is truth, and it is so in its own row alone.
  read: () => "number",
  assign: (_name, _type, fail) => fail("a gradient assigns nothing"),
};

/** A gradient in the language, of the operands `values`. */
export function gradientOf(text: string, values: Readonly<Record<string, Node>>): Node {
  let parsed = texts.get(text);
  if (parsed === undefined) {
    const scope = /where\(a,/.test(text) ? { ...NAMES, read: truthOfA } : NAMES;
    texts.set(text, parsed = parseExpression(text, scope, "a gradient"));
  }
  const replaced = replaceSymbols(parsed, new Map(Object.entries(values)));
  return foldNodes<Node>([replaced], (node, src) => simplified(node, src)).get(replaced)!;
}

function truthOfA(name: string) {
  return name === "a" ? "truth" as const : "number" as const;
}

/** A gradient of `node` as an operand of width `to` takes it: summed over where the operand is one value. */
function summedTo(gradient: Node, node: Node, to: Width, widthOf: (node: Node) => Width): Node {
  const from = widthOf(node);
  if (from === to || to === "element" || from === "number") return gradient;
  const over = to === "number" ? "tensor" : to;
  const own = widthOf(gradient);
  if (own === "number" && from === "element" && over === "tensor") {
    return built("Mul", gradient, symbol("size"));
  }
  const spread = own === from ? gradient : apply("Mul", gradient, onesOf(node));
  return reduce("ReduceSum", spread, over);
}

/** 1 for each element, or NaN; made so that it is no constant, since nothing of constants is reduced. */
function onesOf(node: Node): Node {
  return apply("Add", apply("Min", apply("Abs", node), constant(0)), constant(1));
}

function widthOf(
  { op, arg }: Node,
  src: readonly Width[],
  isNumber: ReadonlySet<string>,
): Width {
  if (op === "Const" || op === "Zero") return "number";
  if (op === "Symbol") return isNumber.has(arg as string) ? "number" : "element";
  if (reduceRow(op) !== undefined) return arg as Over;
  if (elementRow(op) === undefined) return "element";
  // Of rows and columns together there is a value for each element.
  const wide = src.filter((width) => width !== "number" && width !== "tensor");
  if (wide.length > 0) return wide.every((width) => width === wide[0]) ? wide[0] : "element";
  return src.includes("tensor") ? "tensor" : "number";
}

function built(op: ElementOpName, ...src: Node[]): Node {
  return simplified(apply(op, ...src), src);
}
