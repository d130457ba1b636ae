/** The law of spellings: an operation of the op table, spelled by an array library, is what `eval` says. */
import type { ArrayLibrary, Operand } from "../../adapters/library.ts";
import { lowerFor } from "../../dsl/lower.ts";
import { apply, type ElementOpName, foldNodes, symbol } from "../../dsl/node.ts";
import { elementOps } from "../../dsl/ops.ts";
import { edges32, numbers32, ulpsBetween } from "../numbers.ts";

/** How a library departs from the op table, by what it does. */
export interface Departure {
  readonly why: string;
  /** How many units in the last place it may be off by instead. */
  readonly ulp?: number;
  /** How far it may be off, of a number of size 1. */
  readonly ofOne?: number;
  /** Where it may be anything. */
  readonly open?: (operands: readonly number[], value: number) => boolean;
}

const OPERANDS = ["x", "y", "z"];
const RANDOM = 500;

/** All pairs of edges, triples by turns, and random bits, by operand. */
function columns(name: ElementOpName): number[][] {
  const n = edges32.length;
  const at = (i: number) => [i % n, Math.floor(i / n), (i * 7 + Math.floor(i / n)) % n];
  return elementOps[name].takes.map((type, k) =>
    numbers32(n * n + RANDOM, 7 + k).map((x, i) => {
      const value = i < n * n ? edges32[at(i)[k]] : x;
      return type === "truth" ? Number(value > 0) : value;
    })
  );
}

/** Where a spelled or lowered op is not what it should be, the first few. */
export function faultsOf<A>(
  name: ElementOpName,
  library: ArrayLibrary<A>,
  array: (values: Float32Array, isTruth: boolean) => A,
  numbers: (array: A, isTruth: boolean) => ArrayLike<number>,
  departure: Departure | undefined,
): string[] {
  const row = elementOps[name];
  const names = OPERANDS.slice(0, row.takes.length);
  const given = columns(name);
  const whole = apply(name, ...names.map(symbol));
  const root = lowerFor([whole], {
    name: library.name,
    spells: (op) => library.element[op] !== null,
  })(whole);
  const values = foldNodes<Operand<A>>([root], ({ op, arg }, src) => {
    if (op === "Const") return Math.fround(arg as number);
    const k = names.indexOf(arg as string);
    if (op === "Symbol") return array(Float32Array.from(given[k]), row.takes[k] === "truth");
    return library.element[op as ElementOpName]!(...src);
  });
  const made = numbers(values.get(root) as A, row.gives === "truth");
  for (const value of new Set(values.values())) {
    if (typeof value !== "number" && value !== values.get(root)) library.drop(value);
  }
  const { ulp = row.ulp, ofOne = 0, open } = departure ?? {};
  return given[0].flatMap((_, i) => {
    const operands = given.map((column) => column[i]);
    const expected = Math.fround(row.eval(...operands));
    const actual = Number(made[i]);
    if (Object.is(actual, expected) || open?.(operands, expected)) return [];
    const isNear = actual !== expected && (ulpsBetween(actual, expected, "float32") <= ulp ||
      Math.abs(actual - expected) <= ofOne * Math.max(1, Math.abs(expected)));
    const show = (x: number) => Object.is(x, -0) ? "-0" : String(x);
    return isNear
      ? []
      : [`${name}(${operands.map(show)}) is ${show(actual)}, not ${show(expected)}`];
  }).slice(0, 5);
}
