/**
 * States that count what gradients decide, such as the steps that were finite: whole numbers where numbers
 * are float32, which by ones counts to 2^24 only, and powers by them as float32 forms them well.
 */
import {
  elaborate,
  globalIndex,
  type Graph,
  isAtMost,
  mapGraph,
  rates,
  rootsOf,
  steppedBy,
} from "../../dsl/graph.ts";
import {
  apply,
  constant,
  foldNodes,
  type Node,
  postorder,
  symbol,
  withSources,
} from "../../dsl/node.ts";
import { elementRow } from "../../dsl/ops.ts";
import type { Program } from "../../dsl/program.ts";
import { simplified } from "../../dsl/simplify.ts";

/** The states kept once for the tree that rest on gradients: their numbers are known after a step only. */
export function statesOfData(program: Program): ReadonlySet<string> {
  const found = new Set<string>();
  const { states } = elaborate(steppedBy(program));
  const trees = [...states].filter(([name]) => program.state.get(name)!.over === "tree");
  for (let before = -1; before < found.size;) {
    before = found.size;
    for (const [name, node] of trees) {
      const isOfData = postorder([node]).some(({ op, arg }) =>
        op === "Symbol" && (globalIndex(arg as string) !== undefined || found.has(arg as string))
      );
      if (isOfData) found.add(name);
    }
  }
  return found;
}

const LARGEST = 2 ** 31 - 1;

/** Some states that count. */
export class Counts {
  readonly names: ReadonlySet<string>;
  readonly #isWhole = new Map<Node, boolean>();

  constructor(names: ReadonlySet<string>) {
    this.names = names;
  }

  /**
   * Those of `states`, each by its next number, that begin at a whole number and grow by such; and `others`,
   * which are known to count.
   */
  static among(
    states: ReadonlyMap<string, Node>,
    { state }: Program,
    others: readonly string[] = [],
  ): Counts {
    const begins = [...states.keys()].filter((name) => isWholeConstant(state.get(name)!.init));
    for (let names = new Set([...begins, ...others]);;) {
      const counts = new Counts(names);
      const left = [...names].filter((name) => {
        const next = states.get(name);
        return next === undefined || counts.isWhole(next);
      });
      if (left.length === names.size) return counts;
      names = new Set(left);
    }
  }

  /** Whether a number is made of counts by steps that keep it whole. */
  isWhole(root: Node): boolean {
    for (const node of postorder([root])) {
      if (!this.#isWhole.has(node)) this.#isWhole.set(node, this.#isWholeBy(node));
    }
    return this.#isWhole.get(root)!;
  }

  /** Whether a comparison is of such numbers, which is decided exactly. */
  isOfWhole({ op, src }: Node): boolean {
    const row = elementRow(op);
    return row?.gives === "truth" && row.takes[0] === "number" && this.#areWhole(src);
  }

  #isWholeBy({ op, arg, src }: Node): boolean {
    if (op === "Symbol") return this.names.has(arg as string);
    if (op === "Add" || op === "Sub") return this.#areWhole(src);
    return op === "Where" && this.#areWhole(src.slice(1));
  }

  /** Whether some are whole and the others whole constants. */
  #areWhole(nodes: readonly Node[]): boolean {
    const isWhole = (node: Node) =>
      node.op === "Const" ? isWholeConstant(node) : this.isWhole(node);
    return nodes.every(isWhole) && nodes.some(({ op }) => op !== "Const");
  }
}

/** The counts of a program that rest on gradients. */
export function countsOf(given: Program): Counts {
  const program = steppedBy(given);
  let counts = known.get(program);
  if (counts === undefined) {
    const { states } = elaborate(program);
    const ofData = [...statesOfData(program)].map((name) => [name, states.get(name)!] as const);
    known.set(program, counts = Counts.among(new Map(ofData), program));
  }
  return counts;
}

const known = new WeakMap<Program, Counts>();

function isWholeConstant({ op, arg }: Node): boolean {
  const value = arg as number;
  return op === "Const" && Number.isInteger(value) && Math.abs(value) <= LARGEST &&
    !Object.is(value, -0);
}

/**
 * `roots` with powers by counts as float32 forms them: b^n is 2^(n·log₂ b), where the logarithm `isKnown`
 * before the step, in float64; and 1 - b^n, near 0, the continued fraction of -expm1. Good to 1e-6.
 */
export function powersByCounts(
  roots: readonly Node[],
  counts: Counts,
  isKnown: (node: Node) => boolean,
): (root: Node) => Node {
  if (counts.names.size === 0) return (root) => root;
  const isPower = ({ op, src: [base, exponent] }: Node) =>
    op === "Pow" && counts.isWhole(exponent) && isKnown(base);
  const done = foldNodes<Node>(roots, (node, src) => {
    if (isPower(node)) return power(node, ({ whole }) => whole);
    const isRest = node.op === "Sub" && node.src[0] === ONE && isPower(node.src[1]);
    return isRest ? power(node.src[1], ({ rest }) => rest) : withSources(node, src);
  });
  return (root) => done.get(root)!;
}

/** `graph` where numbers that rest on gradients are float32. */
export function formedInFloat32(program: Program, graph: Graph): Graph {
  const ofData = statesOfData(program);
  const isKnown = (node: Node) =>
    postorder([node]).every(({ op, arg }) => {
      const name = arg as string;
      if (op !== "Symbol") return op === "Const" || elementRow(op) !== undefined;
      return globalIndex(name) === undefined && !ofData.has(name) &&
        isAtMost(rates([symbol(name)], program).get(symbol(name))!, "step");
    });
  return mapGraph(graph, powersByCounts(rootsOf(graph), countsOf(program), isKnown));
}

const ONE = constant(1);
const LN2 = constant(Math.LN2);
const made = (...[op, ...src]: Parameters<typeof apply>): Node =>
  simplified(apply(op, ...src), src);

/** A power, or 1 less it, where its base is more than 0. */
function power(
  node: Node,
  choose: (forms: { readonly whole: Node; readonly rest: Node }) => Node,
): Node {
  const [base, exponent] = node.src;
  const bits = made("Mul", exponent, made("Div", made("Log", base), LN2));
  const whole = made("Pow", constant(2), bits);
  // expm1(y) = y/(h·coth h - h), h = y/2, by Lambert's continued fraction of h·coth h.
  const y = made("Mul", bits, LN2);
  const half = made("Mul", y, constant(0.5));
  const square = made("Mul", half, half);
  const fraction = [5, 3, 1].reduce(
    (below, odd) => made("Add", constant(odd), made("Div", square, below)),
    constant(7),
  );
  const small = made("Neg", made("Div", y, made("Sub", fraction, half)));
  const isSmall = made("Less", made("Abs", y), ONE);
  const rest = made("Where", isSmall, small, made("Sub", ONE, whole));
  const isPositive = made("Greater", base, constant(0));
  return made(
    "Where",
    isPositive,
    choose({ whole, rest }),
    choose({ whole: node, rest: made("Sub", ONE, node) }),
  );
}
