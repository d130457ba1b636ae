/** What every row of the op table must obey, as functions of a row, so that wrong rows can be tried. */
import fc from "fast-check";
import { apply, type ElementOpName, foldNodes, type Node, symbol } from "../../dsl/node.ts";
import { type ElementOp, elementOps, elementRow, type Interval, LEVEL } from "../../dsl/ops.ts";
import { parseStatements } from "../../dsl/parse.ts";
import type { Scope } from "../../dsl/reader.ts";
import { printStatements } from "../../dsl/print.ts";
import { assert, assertEquals } from "../assert.ts";
import { anyNumber } from "../any_number.ts";
import { edges32, numbers32, numbers64, ulpsBetween } from "../numbers.ts";
import { laneFunction, type LaneType } from "./lanes.ts";

/** A table of rows, the row under test among them. */
export type ElementTable = Readonly<Record<string, ElementOp>>;

/** Throws unless the row obeys; `table` is what it must be consistent with. */
export type ElementLaw = (name: string, row: ElementOp, table: ElementTable) => void;

const SEED = 1;
const OPERANDS = ["x", "y", "z"];
const TRUTHS = ["p", "q", "r"];

/** The laws of element-wise rows, by what they say. */
export const elementLaws = {
  "is named as ONNX names it": (name, row) => {
    assert(/^[A-Z][A-Za-z0-9]*$/.test(name), `${name} is no ONNX style name`);
    if (row.onnx !== null) assertEquals(row.onnx, name);
  },

  "takes as many operands in every column": (_, row) => {
    const arity = row.takes.length;
    assert(arity >= 1 && arity <= 3, `takes ${arity} operands`);
    const isPrefix = "prefix" in row.syntax;
    if ("infix" in row.syntax || isPrefix) assertEquals(arity, isPrefix ? 1 : 2, "syntax");
    assertEquals(row.eval.length, arity, "eval");
    assertEquals(row.latex.operands.length, arity, "latex.operands");
    assertEquals(row.latex.write.length, arity, "latex.write");
    if (row.js !== null) assertEquals(row.js.length, arity, "js");
    if (row.wgsl !== null) assertEquals(row.wgsl.length, arity, "wgsl");
    if (row.lower !== null) assertEquals(row.lower.length, arity, "lower");
    const { wasm } = row;
    if (wasm === null || wasm === "routine") return;
    if ("chain" in wasm) assertEquals(arity, 1, "wasm.chain");
    else if (wasm.order !== undefined) {
      assertEquals([...wasm.order].sort(), OPERANDS.slice(0, arity).map((_, i) => i), "wasm.order");
    }
  },

  "is written unlike every other op": (name, row, table) => {
    const spelling = JSON.stringify(spellingOf(row));
    for (const [other, { syntax }] of Object.entries(table)) {
      if (other !== name) {
        assert(JSON.stringify(spellingOf({ syntax })) !== spelling, `${other} is ${spelling} too`);
      }
    }
  },

  "is read from its own syntax and written back": (name, row) => {
    const names = operandNames(row);
    const text = `k = ${textOf(row, names)}`;
    const statements = parseStatements(text, SCOPE, name);
    assert(statements[0].value === apply(name as ElementOpName, ...names.map(symbol)), text);
    assertEquals(printStatements(statements), text);
  },

  "evaluates to 0 or 1 where it gives truth": (_, row) => {
    if (row.gives !== "truth") return;
    for (const tuple of tuplesOf(row, "float64")) {
      const value = row.eval(...tuple);
      assert(value === 0 || value === 1, `eval(${tuple}) is ${value}`);
    }
  },

  "stays within its range": (_, row) => {
    fc.assert(
      fc.property(fc.tuple(...row.takes.map(intervalWithPoint)), (operands) => {
        const [lo, hi] = row.range(...operands.map(({ interval }) => interval));
        const value = row.eval(...operands.map(({ point }) => point));
        assert(lo <= hi, `its range is [${lo}, ${hi}]`);
        assert(Number.isNaN(value) || lo <= value && value <= hi, `${value} not in [${lo}, ${hi}]`);
      }),
      { numRuns: 5_000, seed: SEED, includeErrorInReport: true },
    );
  },

  "returns float32 for float32 unless it rounds": (_, row) => {
    if (row.rounds) return;
    for (const tuple of tuplesOf(row, "float32")) {
      const value = row.eval(...tuple);
      assert(Object.is(Math.fround(value), value), `eval(${tuple}) is ${value}`);
    }
  },

  "means in JavaScript what eval says": (_, row) => {
    if (row.js === null) return;
    const names = OPERANDS.slice(0, row.takes.length);
    const compiled = new Function(...names, `"use strict"; return ${row.js(...names)};`);
    for (const tuple of [...tuplesOf(row, "float32"), ...tuplesOf(row, "float64")]) {
      const expected = row.eval(...tuple);
      // A condition reaches compiled code as a truth value or, from the host, as 1 or 0.
      const asTruth = tuple.map((x, i) => row.takes[i] === "truth" ? x === 1 : x);
      for (const operands of [tuple, asTruth]) {
        assertSame(Number(compiled(...operands)), expected, `js(${operands})`);
      }
    }
  },

  "means in a SIMD instruction what eval says": (_, row) => {
    // Routines are held against their meaning over the whole range in tests of their own.
    if (row.wasm === null || row.wasm === "routine") return;
    for (const [laneType, dtype] of LANES) {
      const round = dtype === "float32" ? Math.fround : (x: number) => x;
      const tuples = tuplesOf(row, dtype);
      laneFunction(row, laneType)(tuples).forEach((value, i) => {
        const expected = round(row.eval(...tuples[i]));
        assertNear(value, expected, row.ulp, dtype, `${laneType} of ${tuples[i]}`);
      });
    }
  },

  "is lowered to the same meaning": (_, row) => {
    if (row.lower === null) return;
    const names = operandNames(row);
    const lowered = row.lower(...names.map(symbol));
    for (const [, dtype] of LANES) {
      if (dtype === "float64" && row.ulp > 0) continue;
      const round = dtype === "float32" ? Math.fround : (x: number) => x;
      for (const tuple of tuplesOf(row, dtype)) {
        const expected = round(row.eval(...tuple));
        const value = evaluate(lowered, new Map(names.map((name, i) => [name, tuple[i]])), round);
        assertNear(value, expected, row.ulp, dtype, `lowered, of ${tuple}`);
      }
    }
  },

  "can be spelled in ONNX": (name, _, table) => assertSpelled(name, "onnx", table),

  "can be spelled in JavaScript": (name, _, table) => assertSpelled(name, "js", table),

  "can be spelled in WGSL": (name, _, table) => assertSpelled(name, "wgsl", table),

  "shows each operand in LaTeX, its braces balanced": (_, row) => {
    const operands = row.takes.map((_, i) => `OPERAND${i}`);
    const text = row.latex.write(...operands);
    for (const operand of operands) assert(text.includes(operand), `${operand} not in ${text}`);
    assertBalanced(text);
    const levels: readonly number[] = Object.values(LEVEL);
    assert(levels.includes(row.latex.level), `level ${row.latex.level}`);
  },
} as const satisfies Readonly<Record<string, ElementLaw>>;

/** Fails unless every brace and every `\left` is closed. */
export function assertBalanced(latex: string): void {
  let depth = 0;
  for (const [mark] of latex.matchAll(/\\[{}]|[{}]/g)) {
    if (mark === "{") depth++;
    if (mark === "}") depth--;
    assert(depth >= 0, `a brace closes none: ${latex}`);
  }
  assertEquals(depth, 0, `a brace stays open: ${latex}`);
  const count = (word: string) => latex.split(word).length - 1;
  assertEquals(count("\\left"), count("\\right") + count("\\leftarrow"), latex);
}

/** Fails unless two numbers are the same bits, or both NaN. */
export function assertSame(actual: number, expected: number, what: string): void {
  assert(Object.is(actual, expected), `${what} is ${spell(actual)}, not ${spell(expected)}`);
}

const LANES: readonly (readonly [LaneType, "float32" | "float64"])[] = [
  ["f32x4", "float32"],
  ["f64x2", "float64"],
];

const SCOPE: Scope = {
  read: (name) => TRUTHS.includes(name) ? "truth" : "number",
  assign: () => {},
};

function assertNear(
  actual: number,
  expected: number,
  ulp: number,
  dtype: "float32" | "float64",
  what: string,
): void {
  if (ulp === 0) return assertSame(actual, expected, what);
  const apart = ulpsBetween(actual, expected, dtype);
  assert(apart <= ulp, `${what} is ${apart} ulp from ${expected}: ${actual}`);
}

function spell(value: number): string {
  return Object.is(value, -0) ? "-0" : String(value);
}

function spellingOf({ syntax }: Pick<ElementOp, "syntax">): Record<string, string> {
  if ("infix" in syntax) return { infix: syntax.infix };
  return "prefix" in syntax ? { prefix: syntax.prefix } : { call: syntax.call };
}

function operandNames({ takes }: ElementOp): string[] {
  return takes.map((type, i) => (type === "truth" ? TRUTHS : OPERANDS)[i]);
}

function textOf({ syntax }: ElementOp, operands: readonly string[]): string {
  if ("call" in syntax) return `${syntax.call}(${operands.join(", ")})`;
  if ("prefix" in syntax) return syntax.prefix + operands[0];
  const isTight = syntax.level === LEVEL.product || syntax.level === LEVEL.power;
  return operands.join(isTight ? syntax.infix : ` ${syntax.infix} `);
}

/** Every pair of edges and random numbers; triples of edges only. */
function tuplesOf({ takes }: ElementOp, dtype: "float32" | "float64"): number[][] {
  const some = dtype === "float32" ? numbers32 : numbers64;
  const numbers = takes.length < 3 ? some(takes.length === 1 ? 2_000 : 80, SEED) : edges32;
  return takes.reduce<number[][]>(
    (tuples, type) => {
      const values = type === "truth" ? [0, 1] : numbers;
      return tuples.flatMap((tuple) => values.map((value) => [...tuple, value]));
    },
    [[]],
  );
}

interface IntervalWithPoint {
  readonly interval: Interval;
  readonly point: number;
}

function intervalWithPoint(type: "number" | "truth"): fc.Arbitrary<IntervalWithPoint> {
  return type === "number" ? numberInterval : fc.constantFrom(
    { interval: [0, 0], point: 0 },
    { interval: [0, 1], point: 0 },
    { interval: [0, 1], point: 1 },
    { interval: [1, 1], point: 1 },
  );
}

/** A random interval, often degenerate, and a point of it: an end or anything between. */
export const numberInterval: fc.Arbitrary<IntervalWithPoint> = fc.oneof(
  anyNumber.map((x): IntervalWithPoint => ({ interval: [x, x], point: x })),
  fc.tuple(anyNumber, anyNumber, anyNumber).map((three): IntervalWithPoint => {
    const [lo, point, hi] = three.sort((a, b) => a - b);
    return { interval: [lo, hi], point };
  }),
  fc.tuple(anyNumber, anyNumber, fc.boolean()).map(([a, b, atLow]): IntervalWithPoint => {
    const [lo, hi] = a <= b ? [a, b] : [b, a];
    return { interval: [lo, hi], point: atLow ? lo : hi };
  }),
);

function evaluate(
  root: Node,
  symbols: ReadonlyMap<string, number>,
  round: (x: number) => number,
): number {
  return foldNodes<number>([root], (node, src) => {
    if (node.op === "Const") return round(node.arg as number);
    if (node.op === "Symbol") return symbols.get(node.arg as string)!;
    return round(elementRow(node.op)!.eval(...src));
  }).get(root)!;
}

/** Follows lowerings until everything is spelled; a lowering that comes back to itself never is. */
function assertSpelled(
  name: string,
  target: "js" | "wgsl" | "onnx",
  table: ElementTable,
  path: readonly string[] = [],
): void {
  const row = table[name];
  assert(!path.includes(name), `${[...path, name].join(" lowers to ")}`);
  if (row[target] !== null) return;
  assert(row.lower !== null, `${[...path, name].join(" lowers to ")}, which ${target} lacks`);
  const lowered = row.lower(...OPERANDS.slice(0, row.takes.length).map(symbol));
  for (const op of foldNodes([lowered], ({ op }) => op).values()) {
    if (op in elementOps) assertSpelled(op, target, table, [...path, name]);
  }
}
