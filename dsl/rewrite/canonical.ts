/** Forms of expressions in which what is equal is the same node. */
import { apply, constant, COUNT, foldNodes, type Node, withSources, ZERO } from "../node.ts";
import { elementRow } from "../ops.ts";
import { simplified } from "../simplify.ts";
import { isCommutative } from "./match.ts";

/**
 * `root` with constants folded and the operands of commutative operations in one order. Two nodes that
 * have the same one give the same bits.
 */
export function exactForm(root: Node): Node {
  return foldNodes<Node>([root], (node, src) => {
    const next = simplified(node, src);
    return isCommutative(next.op) ? withSources(next, [...next.src].sort(byId)) : next;
  }).get(root)!;
}

/** A product of powers and its coefficient. */
interface Term {
  readonly coefficient: number;
  readonly powers: ReadonlyMap<Node, number>;
}
/** A sum of terms by what they multiply. */
type Sum = ReadonlyMap<string, Term>;

// Past this many terms a product is not multiplied out.
const MOST_TERMS = 64;
// Constants that agree to as many digits are taken to be the same.
const DIGITS = 12;

/**
 * `root` as a sum of products, and so are the operands of every operation that is none. Two nodes that
 * have the same one are equal as real numbers, up to rounding of their constants.
 */
export function relaxedForm(root: Node): Node {
  return toNode(foldNodes<Sum>([root], sumOf).get(root)!);
}

function sumOf(node: Node, src: readonly Sum[]): Sum {
  const [a, b] = src;
  if (node === ZERO) return new Map();
  switch (node.op) {
    case "Const":
      return Number.isFinite(node.arg) ? number(node.arg as number) : atom(node);
    case "Symbol":
      return node.arg === "t" ? add(number(1), atom(COUNT), 1) : atom(node);
    case "Add":
      return add(a, b, 1);
    case "Sub":
      return add(a, b, -1);
    case "Neg":
      return add(new Map(), a, -1);
    case "Mul":
      return multiply(a, b);
    case "Div":
      return multiply(a, power(b, -1));
    case "Pow": {
      const exponent = numberOf(b);
      const isWhole = exponent !== undefined && Number.isInteger(exponent);
      if (isWhole && Math.abs(exponent) <= 8) return power(a, exponent);
      break;
    }
    case "Sign": {
      // Its operand is known but for a positive factor.
      const lead = [...sorted(a)][0]?.coefficient ?? 1;
      const scaled = scale(a, 1 / Math.abs(lead));
      const isFlipped = lead < 0;
      const sign = atom(apply("Sign", toNode(isFlipped ? scale(scaled, -1) : scaled)));
      return isFlipped ? scale(sign, -1) : sign;
    }
    case "Greater":
    case "GreaterOrEqual": {
      const op = node.op === "Greater" ? "Less" : "LessOrEqual";
      return atom(apply(op, toNode(b), toNode(a)));
    }
  }
  const operands = src.map(toNode);
  const isFolded = elementRow(node.op) !== undefined &&
    operands.every(({ op }) => op === "Const");
  if (isFolded) return sumOf(simplified(node, operands), []);
  const next = isCommutative(node.op) ? [...operands].sort(byId) : operands;
  return atom(withSources(node, next));
}

function number(value: number): Sum {
  return value === 0 ? new Map() : new Map([["", { coefficient: value, powers: new Map() }]]);
}

function atom(node: Node): Sum {
  return new Map([[`${node.id}^1`, { coefficient: 1, powers: new Map([[node, 1]]) }]]);
}

function numberOf(sum: Sum): number | undefined {
  if (sum.size === 0) return 0;
  return sum.size === 1 ? sum.get("")?.coefficient : undefined;
}

function add(a: Sum, b: Sum, sign: 1 | -1): Sum {
  const sum = new Map(a);
  for (const [key, { coefficient, powers }] of b) {
    const known = sum.get(key)?.coefficient ?? 0;
    const total = known + sign * coefficient;
    // What is left by rounding of terms that cancel.
    if (Math.abs(total) <= Math.abs(coefficient) * 10 ** -DIGITS) sum.delete(key);
    else sum.set(key, { coefficient: total, powers });
  }
  return sum;
}

function scale(sum: Sum, factor: number): Sum {
  return new Map([...sum].map(([key, { coefficient, powers }]) => [
    key,
    { coefficient: coefficient * factor, powers },
  ]));
}

function multiply(a: Sum, b: Sum): Sum {
  if (a.size * b.size > MOST_TERMS) {
    if (a.size > 1 && b.size > 1) return multiply(atom(toNode(a)), atom(toNode(b)));
    return a.size > 1 ? multiply(atom(toNode(a)), b) : multiply(a, atom(toNode(b)));
  }
  let product: Sum = new Map();
  for (const left of a.values()) {
    for (const right of b.values()) product = add(product, termSum(joined(left, right)), 1);
  }
  return product;
}

function joined(a: Term, b: Term): Term {
  const powers = new Map(a.powers);
  for (const [node, exponent] of b.powers) {
    const total = (powers.get(node) ?? 0) + exponent;
    if (total === 0) powers.delete(node);
    else powers.set(node, total);
  }
  return { coefficient: a.coefficient * b.coefficient, powers };
}

function termSum(term: Term): Sum {
  return new Map([[keyOf(term), term]]);
}

function keyOf({ powers }: Term): string {
  return [...powers].sort(([a], [b]) => byId(a, b))
    .map(([node, exponent]) => `${node.id}^${exponent}`).join(" ");
}

function power(sum: Sum, exponent: number): Sum {
  if (exponent === 0) return number(1);
  if (sum.size === 1) {
    const [{ coefficient, powers }] = sum.values();
    const raised = [...powers].map(([node, each]) => [node, each * exponent] as const);
    return termSum({ coefficient: coefficient ** exponent, powers: new Map(raised) });
  }
  if (exponent > 0) {
    let product = sum;
    for (let i = 1; i < exponent; i++) product = multiply(product, sum);
    return product;
  }
  if (sum.size === 0) return atom(apply("Div", constant(1), constant(0)));
  // One over a sum: of the sum whose first coefficient is 1.
  const [{ coefficient }] = sorted(sum);
  const base = toNode(scale(sum, 1 / coefficient));
  return termSum({ coefficient: coefficient ** exponent, powers: new Map([[base, exponent]]) });
}

function sorted(sum: Sum): Term[] {
  return [...sum].sort(([a], [b]) => a < b ? -1 : 1).map(([, term]) => term);
}

function toNode(sum: Sum): Node {
  const terms = sorted(sum).map(({ coefficient, powers }) => {
    const factors = [...powers].sort(([a], [b]) => byId(a, b)).map(([node, exponent]) =>
      exponent === 1 ? node : apply("Pow", node, constant(exponent))
    );
    const shown = Number(coefficient.toPrecision(DIGITS));
    const all = shown === 1 && factors.length > 0 ? factors : [constant(shown), ...factors];
    return all.reduce((product, factor) => apply("Mul", product, factor));
  });
  return terms.length === 0
    ? constant(0)
    : terms.reduce((total, term) => apply("Add", total, term));
}

function byId(a: Node, b: Node): number {
  return a.id - b.id;
}
