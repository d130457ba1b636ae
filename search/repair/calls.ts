/** Calls of a space's functions on lists of numbers: what they give, and what an argument should be. */
import { type Node, postorder } from "../../dsl/node.ts";
import { elementRow } from "../../dsl/ops.ts";
import type { ElementOpName } from "../../dsl/node.ts";
import type { SearchFunction } from "../programs/functions.ts";
import { type Inverse, inverses, ofSquare } from "./inverses.ts";

/** A list of numbers, or one number for all of a list. */
export type Numbers = Float64Array | number;

/** Whether a function works on each element by itself. */
export function isElementwise({ expression }: SearchFunction): boolean {
  return postorder([expression]).every(({ op }) =>
    op === "Symbol" || op === "Const" || elementRow(op) !== undefined
  );
}

/** One number of a list. */
const at = (numbers: Numbers, i: number): number =>
  typeof numbers === "number" ? numbers : numbers[i];

/** The values of all operations of a function, each rounded to float32. */
function valuesOf(given: SearchFunction, args: readonly Numbers[]): Map<Node, Numbers> {
  const values = new Map<Node, Numbers>();
  for (const node of postorder([given.expression])) {
    const { op, arg, src } = node;
    if (op === "Const") values.set(node, arg as number);
    else if (op === "Symbol") {
      values.set(node, args[given.parameters.findIndex(({ name }) => name === arg)]);
    } else values.set(node, applied(op as ElementOpName, src.map((each) => values.get(each)!)));
  }
  return values;
}

function applied(op: ElementOpName, operands: readonly Numbers[]): Numbers {
  const row = elementRow(op)!;
  const [a, b = 0, c] = operands;
  const lists = operands.filter((each) => typeof each !== "number");
  // One number for all is of the step, whose arithmetic is float64.
  if (lists.length === 0) return row.eval(...operands as number[]);
  return Float64Array.from(
    lists[0],
    (_, i) =>
      Math.fround(
        c === undefined
          ? row.eval(Math.fround(at(a, i)), Math.fround(at(b, i)))
          : row.eval(...operands.map((each) => Math.fround(at(each, i)))),
      ),
  );
}

/** What a function of elements gives. */
export function called(given: SearchFunction, args: readonly Numbers[]): Numbers {
  return valuesOf(given, args).get(given.expression)!;
}

/** The operations from a function's result down to a parameter, each with the inverse that leads on. */
interface Way {
  readonly node: Node;
  readonly operand: number;
  readonly inverse: Inverse;
}

const ways = new WeakMap<SearchFunction, (readonly Way[] | undefined)[]>();

/** The way to a parameter, or undefined if too much is lost on it. */
function wayTo(given: SearchFunction, parameter: number): readonly Way[] | undefined {
  let all = ways.get(given);
  if (all === undefined) {
    all = given.parameters.map(({ name }) => walk(given.expression, name));
    ways.set(given, all);
  }
  return all[parameter];
}

function walk(root: Node, name: string): readonly Way[] | undefined {
  const readers = new Set<Node>();
  for (const node of postorder([root])) {
    const isParameter = node.op === "Symbol" && node.arg === name;
    if (isParameter || node.src.some((each) => readers.has(each))) readers.add(node);
  }
  if (!readers.has(root)) return undefined;
  const way: Way[] = [];
  let node = root;
  while (node.op !== "Symbol") {
    const { op, src } = node;
    const places = src.flatMap((each, k) => readers.has(each) ? [k] : []);
    const isSquare = op === "Mul" && src[0] === src[1];
    const inverse = isSquare ? ofSquare : inverses[op as ElementOpName]?.[places[0]];
    if (!inverse || (places.length > 1 && !isSquare)) return undefined;
    way.push({ node, operand: places[0], inverse });
    node = src[places[0]];
  }
  return way;
}

/** Whether it can be told what an argument must be for a function to give what it should. */
export function isInvertible(given: SearchFunction, parameter: number): boolean {
  return isElementwise(given) && wayTo(given, parameter) !== undefined;
}

/** What an argument must be for a function to give `desired`, the other arguments being what they are. */
export function inverted(
  given: SearchFunction,
  parameter: number,
  desired: Float64Array,
  args: readonly Numbers[],
): Float64Array {
  const values = valuesOf(given, args);
  const result = desired.slice();
  for (const { node, operand, inverse } of wayTo(given, parameter)!) {
    const present = values.get(node.src[operand])!;
    const other = node.src.length > 1 ? values.get(node.src[1 - operand])! : 0;
    for (let i = 0; i < result.length; i++) {
      const x = inverse(result[i], at(present, i), at(other, i));
      result[i] = Number.isFinite(x) ? x : NaN;
    }
  }
  return result;
}
