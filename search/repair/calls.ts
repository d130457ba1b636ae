/** Calls of a space's functions on lists of numbers: what they give, and what an argument should be. */
import { type ElementOpName, type Node, postorder } from "../../dsl/node.ts";
import { elementRow } from "../../dsl/ops.ts";
import type { SearchFunction } from "../programs/functions.ts";
import { type Inverse, inverses, ofSquare } from "./inverses.ts";

/** A list of numbers, or one number for all of a list. */
export type Numbers = Float64Array | number;

/** A function's operations, operands before their users. */
interface Steps {
  readonly nodes: readonly Node[];
  /** For each its operands' places in `nodes`. */
  readonly operands: readonly (readonly number[])[];
  /** For each the parameter that it is, or -1. */
  readonly parameters: readonly number[];
  /** For each parameter the way to it from the result, or undefined if too much is lost on it. */
  readonly ways: readonly (readonly Way[] | undefined)[];
}

/** An operation on the way from a result to a parameter. */
interface Way {
  readonly inverse: Inverse;
  /** The places of the operand that leads on, and of the other, or -1. */
  readonly operand: number;
  readonly other: number;
}

const known = new WeakMap<SearchFunction, Steps>();

function stepsOf(given: SearchFunction): Steps {
  let steps = known.get(given);
  if (steps === undefined) {
    const nodes = postorder([given.expression]);
    const operands = nodes.map(({ src }) => src.map((each) => nodes.indexOf(each)));
    steps = {
      nodes,
      operands,
      parameters: nodes.map(({ op, arg }) =>
        op === "Symbol" ? given.parameters.findIndex(({ name }) => name === arg) : -1
      ),
      ways: given.parameters.map(({ name }) => wayTo(nodes, operands, name)),
    };
    known.set(given, steps);
  }
  return steps;
}

function wayTo(
  nodes: readonly Node[],
  operands: readonly (readonly number[])[],
  name: string,
): readonly Way[] | undefined {
  const readers = new Set<number>();
  nodes.forEach(({ op, arg }, i) => {
    const isParameter = op === "Symbol" && arg === name;
    if (isParameter || operands[i].some((each) => readers.has(each))) readers.add(i);
  });
  const way: Way[] = [];
  let at = nodes.length - 1;
  if (!readers.has(at)) return undefined;
  while (nodes[at].op !== "Symbol") {
    const own = operands[at];
    const places = own.flatMap((each, k) => readers.has(each) ? [k] : []);
    const isSquare = nodes[at].op === "Mul" && own[0] === own[1];
    const inverse = isSquare ? ofSquare : inverses[nodes[at].op as ElementOpName]?.[places[0]];
    if (!inverse || (places.length > 1 && !isSquare)) return undefined;
    way.push({ inverse, operand: own[places[0]], other: own[1 - places[0]] ?? -1 });
    at = own[places[0]];
  }
  return way;
}

/** Whether a function works on each element by itself. */
export function isElementwise(given: SearchFunction): boolean {
  return stepsOf(given).nodes.every(({ op }) =>
    op === "Symbol" || op === "Const" || elementRow(op) !== undefined
  );
}

/** Whether it can be told what an argument must be for a function to give what it should. */
export function isInvertible(given: SearchFunction, parameter: number): boolean {
  return isElementwise(given) && stepsOf(given).ways[parameter] !== undefined;
}

/** The values of all operations of a function, each rounded to float32. */
function valuesOf(given: SearchFunction, args: readonly Numbers[]): Numbers[] {
  const { nodes, operands, parameters } = stepsOf(given);
  const values: Numbers[] = [];
  nodes.forEach(({ op, arg }, i) => {
    values.push(
      op === "Const"
        ? arg as number
        : parameters[i] >= 0
        ? args[parameters[i]]
        : applied(op as ElementOpName, operands[i].map((each) => values[each])),
    );
  });
  return values;
}

function applied(op: ElementOpName, operands: readonly Numbers[]): Numbers {
  const row = elementRow(op)!;
  const list = operands.find((each) => typeof each !== "number") as Float64Array | undefined;
  // One number for all is of the step, whose arithmetic is float64.
  if (list === undefined) return row.eval(...operands as number[]);
  const { fround } = Math;
  const result = new Float64Array(list.length);
  const [a, b, ...rest] = operands.map((each) => listOf(each, list.length));
  for (let i = 0; i < result.length; i++) {
    result[i] = fround(
      b === undefined
        ? row.eval(fround(a[i]))
        : rest.length === 0
        ? row.eval(fround(a[i]), fround(b[i]))
        : row.eval(...[a, b, ...rest].map((each) => fround(each[i]))),
    );
  }
  return result;
}

/** A list, of the number itself where it is one for all. */
function listOf(numbers: Numbers, length: number): Float64Array {
  return typeof numbers === "number" ? new Float64Array(length).fill(numbers) : numbers;
}

/** What a function of elements gives. */
export function called(given: SearchFunction, args: readonly Numbers[]): Numbers {
  return valuesOf(given, args).at(-1)!;
}

/**
 * What an argument must be for a function to give `desired`, the other arguments being what they are; NaN where
 * nothing does it.
 */
export function inverted(
  given: SearchFunction,
  parameter: number,
  desired: Float64Array,
  args: readonly Numbers[],
): Float64Array {
  const values = valuesOf(given, args);
  const { length } = desired;
  const result = desired.slice();
  for (const { inverse, operand, other } of stepsOf(given).ways[parameter]!) {
    const present = listOf(values[operand], length);
    const others = listOf(other < 0 ? 0 : values[other], length);
    for (let i = 0; i < length; i++) {
      const x = inverse(result[i], present[i], others[i]);
      result[i] = x - x === 0 ? x : NaN;
    }
  }
  return result;
}
