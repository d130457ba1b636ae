/** How a state goes on: how much of its old value a step keeps, and how many gradients it multiplies. */
import type { Graph } from "../../dsl/graph.ts";
import { foldNodes, type Node } from "../../dsl/node.ts";
import { elementRow, reduceRow } from "../../dsl/ops.ts";
import type { Program } from "../../dsl/program.ts";

/** One way in which a step may form a state: `kept` times the old value, and what is added to that. */
export interface Recurrence {
  /** NaN where it is no constant. */
  readonly kept: number;
  readonly isAdded: boolean;
}

/** More ways than any optimizer has are not told apart. */
const MOST = 32;
const UNKNOWN: readonly Recurrence[] = [{ kept: NaN, isAdded: true }];
const ANEW: readonly Recurrence[] = [{ kept: 0, isAdded: true }];

/**
 * The ways in which a step forms `state`, by what it chooses, where hyperparameters are `numbers`; none if
 * it does not read its old value.
 */
export function recurrencesOf(
  graph: Graph,
  state: string,
  numbers: ReadonlyMap<string, number>,
): readonly Recurrence[] {
  const root = graph.states.get(state)!;
  const known = knownNumbers([root], numbers);
  const ways = foldNodes<readonly Recurrence[] | undefined>([root], (node, src) => {
    if (node.op === "Symbol") return node.arg === state ? [{ kept: 1, isAdded: false }] : undefined;
    if (src.every((each) => each === undefined)) return undefined;
    return distinct(combined(node, src, (i) => known.get(node.src[i])));
  });
  return ways.get(root) ?? [];
}

/** `value` tells an operand that is a known number; operands without the state are undefined. */
function combined(
  { op }: Node,
  src: readonly (readonly Recurrence[] | undefined)[],
  value: (operand: number) => number | undefined,
): readonly Recurrence[] {
  const [a, b, c] = src;
  const scaled = (ways: readonly Recurrence[], by: number | undefined) =>
    ways.map(({ kept, isAdded }) => ({ kept: kept === 0 ? 0 : kept * (by ?? NaN), isAdded }));
  const either = (operands: readonly number[]) =>
    operands.flatMap((i) => src[i] ?? (value(i) === undefined ? ANEW : []));
  switch (op) {
    case "Add":
    case "Sub": {
      const of = (i: number) => src[i] ?? [{ kept: 0, isAdded: value(i) !== 0 }];
      const sign = op === "Add" ? 1 : -1;
      return of(0).flatMap((x) =>
        of(1).map((y) => ({ kept: x.kept + sign * y.kept, isAdded: x.isAdded || y.isAdded }))
      );
    }
    case "Neg":
      return scaled(a!, -1);
    case "Mul":
      if (a === undefined) return scaled(b!, value(0));
      return b === undefined ? scaled(a, value(1)) : unlessKept(src);
    case "Div": {
      const by = value(1);
      return b === undefined ? scaled(a!, by === undefined ? by : 1 / by) : unlessKept(src);
    }
    case "Where": {
      const truth = value(0);
      if (truth !== undefined) return (truth ? b : c) ?? ANEW;
      return [...b ?? ANEW, ...c ?? ANEW];
    }
    case "Max":
    case "Min":
      return either([0, 1]);
    case "Clip":
      return a ?? ANEW;
    // What jumps from one constant to another does not follow small changes.
    case "Sign":
    case "Floor":
    case "Ceil":
      return ANEW;
    default:
      return elementRow(op)?.gives === "truth" ? ANEW : unlessKept(src);
  }
}

/** Anything, but where no operand keeps any of the state. */
function unlessKept(
  src: readonly (readonly Recurrence[] | undefined)[],
): readonly Recurrence[] {
  return src.some((ways) => ways?.some(({ kept }) => kept !== 0)) ? UNKNOWN : ANEW;
}

function distinct(ways: readonly Recurrence[]): readonly Recurrence[] {
  const isSame = (a: Recurrence, b: Recurrence) =>
    Object.is(a.kept, b.kept) && a.isAdded === b.isAdded;
  const each = ways.filter((way, i) => ways.findIndex((other) => isSame(way, other)) === i);
  return each.length > MOST ? UNKNOWN : each;
}

/** The numbers that are known when hyperparameters are. */
function knownNumbers(
  roots: readonly Node[],
  numbers: ReadonlyMap<string, number>,
): ReadonlyMap<Node, number | undefined> {
  return foldNodes<number | undefined>(roots, (node, src) => {
    if (node.op === "Const") return node.arg as number;
    if (node.op === "Zero") return 0;
    if (node.op === "Symbol") return numbers.get(node.arg as string);
    const row = elementRow(node.op);
    if (row === undefined || src.includes(undefined)) return undefined;
    return row.eval(...src as number[]);
  });
}

/** The value of an expression of hyperparameters, or undefined if it is none. */
export function knownNumber(
  node: Node,
  numbers: ReadonlyMap<string, number>,
): number | undefined {
  return knownNumbers([node], numbers).get(node);
}

/** Beyond this, orders are not told apart. */
const HIGHEST = 8;

/**
 * How many factors that come from a gradient the terms of each state have at most: 1 for an average of
 * gradients, 2 for one of their squares. What a term is divided by does not count, since it may well be 1.
 */
export function ordersOf(program: Program, graph: Graph): ReadonlyMap<string, number> {
  let orders = new Map([...graph.states.keys()].map((name) => [name, 0]));
  // Each round knows what the one before has found of other states.
  for (let round = 0; round < 2 + orders.size; round++) {
    const all = foldNodes<number>(
      graph.states.values(),
      (node, src) => Math.min(HIGHEST, orderOf(node, src, program, orders)),
    );
    orders = new Map([...graph.states].map(([name, root]) => [name, all.get(root)!]));
  }
  return orders;
}

function orderOf(
  { op, arg, src: operands }: Node,
  src: readonly number[],
  program: Program,
  orders: ReadonlyMap<string, number>,
): number {
  const [a, b, c] = src;
  switch (op) {
    case "Symbol": {
      const name = arg as string;
      if (name === "g" || program.inputs.get(name) === "element") return 1;
      // What is one number for the tree is as good as a constant to its elements.
      return program.state.get(name)?.over === "tree" ? 0 : orders.get(name) ?? 0;
    }
    case "Add":
    case "Sub":
    case "Min":
    case "Max":
      return Math.max(a, b);
    case "Where":
      return Math.max(b, c);
    case "Mul":
    case "MatMul":
      return a + b;
    case "Sqrt":
      return a / 2;
    case "Cbrt":
      return a / 3;
    case "Pow":
      return operands[1].op === "Const" ? Math.max(0, a * (operands[1].arg as number)) : a;
    case "Div":
    case "Neg":
    case "Abs":
    case "Clip":
    case "Transpose":
      return a;
    default:
      return reduceRow(op) === undefined ? 0 : a;
  }
}
