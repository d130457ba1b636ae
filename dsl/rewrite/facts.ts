/** What is known of values before anything runs: which intervals they lie in, and so which guards hold. */
import { GradusError } from "../errors.ts";
import type { Node } from "../node.ts";
import { elementRow, indexOp, type Interval, matrixRow, randomRow, reduceRow } from "../ops.ts";
import { parseStatements } from "../parse.ts";
import type { Scope } from "../reader.ts";

/** Intervals of symbols. */
export type Facts = ReadonlyMap<string, Interval>;

const EVERYTHING: Interval = [-Infinity, Infinity];
// An end that is excluded: the next number there is.
const LEAST = Number.MIN_VALUE;
const BELOW_ONE = 1 - 2 ** -53;

/** What the language itself says of its symbols. */
export const LANGUAGE_FACTS: readonly string[] = [
  "t >= 1",
  "count >= 0",
  "rank >= 0",
  "rows >= 1",
  "columns >= 1",
  "size >= 1",
];

/** What the names of hyperparameters promise, as the literature uses them. */
export const USUAL_FACTS: readonly string[] = [
  "learningRate > 0",
  "eps > 0",
  "epsRoot >= 0",
  "weightDecay >= 0",
  ...["b1", "b2", "b3", "beta", "beta1", "beta2", "decay", "momentum"].map((name) =>
    `0 < ${name} & ${name} < 1`
  ),
];

/**
 * Reads facts such as `0 < b1 & b1 < 1`: comparisons of a symbol with a number, joined by `&`; several
 * of one symbol hold together.
 *
 * @throws {GradusError} if one is anything else.
 */
export function readFacts(texts: readonly string[]): Facts {
  const facts = new Map<string, Interval>();
  for (const text of texts) {
    const refuse = (): never => {
      throw new GradusError(
        `Cannot read a fact: it must compare symbols with numbers, such as "0 < b1 & b1 < 1": ` +
          `given ${JSON.stringify(text.slice(0, 100))}`,
      );
    };
    const take = (node: Node): void => {
      if (node.op === "And") return node.src.forEach(take);
      const [a, b] = node.src;
      const flipped = FLIPPED.get(node.op);
      if (flipped === undefined) return refuse();
      if (a.op === "Symbol" && b.op === "Const") add(a.arg as string, node.op, b.arg as number);
      else if (a.op === "Const" && b.op === "Symbol") {
        add(b.arg as string, flipped, a.arg as number);
      } else refuse();
    };
    take(parseStatements(`fact = ${text}`, SCOPE, "a fact")[0].value);
  }
  return facts;

  function add(name: string, op: string, bound: number): void {
    const [lo, hi] = facts.get(name) ?? EVERYTHING;
    if (op === "Greater") facts.set(name, [Math.max(lo, above(bound)), hi]);
    else if (op === "GreaterOrEqual") facts.set(name, [Math.max(lo, bound), hi]);
    else if (op === "Less") facts.set(name, [lo, Math.min(hi, -above(-bound))]);
    else if (op === "LessOrEqual") facts.set(name, [lo, Math.min(hi, bound)]);
    else facts.set(name, [Math.max(lo, bound), Math.min(hi, bound)]);
  }
}

const FLIPPED: ReadonlyMap<string, string> = new Map([
  ["Less", "Greater"],
  ["LessOrEqual", "GreaterOrEqual"],
  ["Greater", "Less"],
  ["GreaterOrEqual", "LessOrEqual"],
  ["Equal", "Equal"],
]);
const SCOPE: Scope = { read: () => "number", assign: () => {} };

function above(x: number): number {
  if (x === 0) return LEAST;
  if (x === -1) return -BELOW_ONE;
  return x + Math.abs(x) * 2 ** -52;
}

// A node's interval never changes under the same facts, and rules ask for it again and again.
const intervals = new WeakMap<Facts, WeakMap<Node, Interval>>();

/** The interval that `root` lies in for certain, of real numbers. */
export function intervalOf(root: Node, facts: Facts): Interval {
  const known = intervals.get(facts) ?? new WeakMap<Node, Interval>();
  intervals.set(facts, known);
  const stack = [root];
  for (let node = stack.at(-1); node !== undefined; node = stack.at(-1)) {
    const missing = node.src.filter((operand) => !known.has(operand));
    if (missing.length > 0) {
      stack.push(...missing);
      continue;
    }
    stack.pop();
    if (!known.has(node)) {
      known.set(node, intervalFrom(node, node.src.map((operand) => known.get(operand)!), facts));
    }
  }
  return known.get(root)!;
}

function intervalFrom(node: Node, src: readonly Interval[], facts: Facts): Interval {
  if (node.op === "Const") {
    const value = node.arg as number;
    return Number.isNaN(value) ? EVERYTHING : [value, value];
  }
  if (node.op === "Symbol") return facts.get(node.arg as string) ?? EVERYTHING;
  if (node.op === "Zero") return [0, 0];
  if (node.op === "Index") return indexOp.range;
  const random = randomRow(node.op);
  if (random !== undefined) return random.range;
  const row = elementRow(node.op) ?? matrixRow(node.op) ?? reduceRow(node.op)!;
  return apart(node, src, (row.range as (...operands: Interval[]) => Interval)(...src));
}

/**
 * A real number that is not 0 stays so where its float64 interval has run into 0: a product of two
 * positive numbers is positive however small they are. And a square is no product of two numbers.
 */
function apart({ op, src: operands }: Node, src: readonly Interval[], range: Interval): Interval {
  const [a, b] = src;
  const isPositive = ([lo]: Interval) => lo > 0;
  const isNegative = ([, hi]: Interval) => hi < 0;
  const isSquare = op === "Mul" && operands[0] === operands[1];
  switch (op) {
    case "Mul":
    case "Div":
      if (isPositive(a) && isPositive(b) || isNegative(a) && isNegative(b)) return positive(range);
      if (isPositive(a) && isNegative(b) || isNegative(a) && isPositive(b)) {
        return [range[0], Math.min(range[1], -LEAST)];
      }
      return isSquare ? [Math.max(0, range[0]), range[1]] : range;
    case "Add":
      return isPositive(a) && b[0] >= 0 || a[0] >= 0 && isPositive(b) ? positive(range) : range;
    case "Pow":
      return isPositive(a) ? positive(range) : range;
    case "Exp":
      return positive(range);
    case "Sqrt":
    case "ReduceMax":
    case "ReduceMin":
      return isPositive(a) ? positive(range) : range;
    default:
      return range;
  }
}

function positive([lo, hi]: Interval): Interval {
  return [Math.max(lo, LEAST), hi];
}

/** Whether a condition holds for certain. */
export function holds(condition: Node, facts: Facts): boolean {
  const { op, src } = condition;
  if (op === "And") return src.every((each) => holds(each, facts));
  if (op === "Or") return src.some((each) => holds(each, facts));
  if (op === "Const") return condition.arg === 1;
  if (!FLIPPED.has(op)) return false;
  const [[aLo, aHi], [bLo, bHi]] = src.map((operand) => intervalOf(operand, facts));
  switch (op) {
    case "Less":
      return aHi < bLo;
    case "LessOrEqual":
      return aHi <= bLo;
    case "Greater":
      return aLo > bHi;
    case "GreaterOrEqual":
      return aLo >= bHi;
    default:
      return aLo === aHi && bLo === bHi && aLo === bLo;
  }
}
