/** What every reduction must obey, as functions of a row, so that wrong rows can be tried. */
import fc from "fast-check";
import { reduce, type ReduceOpName, symbol } from "../../dsl/node.ts";
import {
  type ElementOp,
  elementOps,
  type Interval,
  LEVEL,
  type ReduceOp,
  treeName,
} from "../../dsl/ops.ts";
import { parseExpression } from "../../dsl/parse.ts";
import type { Scope } from "../../dsl/reader.ts";
import { printExpression } from "../../dsl/print.ts";
import { assert, assertEquals } from "../assert.ts";
import { anyNumber } from "../any_number.ts";
import { edges64, numbers64 } from "../numbers.ts";
import { assertBalanced, assertSame } from "./laws.ts";

/** A table of reductions, the row under test among them. */
export type ReduceTable = Readonly<Record<string, ReduceOp>>;

/** Throws unless the row obeys; `table` is what it must be consistent with. */
export type ReduceLaw = (name: string, row: ReduceOp, table: ReduceTable) => void;

const SEED = 1;

/** What each reduction is, in so many words. */
const naive: Readonly<Record<ReduceOpName, (values: readonly number[]) => number>> = {
  ReduceSum: (values) => values.reduce((sum, x) => sum + x, 0),
  ReduceMean: (values) => values.reduce((sum, x) => sum + x, 0) / values.length,
  ReduceMax: (values) => Math.max(...values),
  ReduceMin: (values) => Math.min(...values),
  ReduceL2: (values) => Math.sqrt(values.reduce((sum, x) => sum + x * x, 0)),
};

// Sums of these are exact, so that they come out the same in any order.
const exactNumber = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: -1000, max: 1000 }).map((x) => x / 8) },
  { weight: 1, arbitrary: fc.constantFrom(-0, Infinity, -Infinity, NaN) },
);

/** The laws of reductions, by what they say. */
export const reduceLaws = {
  "is named as ONNX names it": (name, row) => {
    assert(/^Reduce[A-Z][A-Za-z0-9]*$/.test(name), `${name} is no ONNX style name`);
    assertEquals(row.onnx, name);
  },

  "is called unlike every other op": (name, row, table) => {
    for (const [other, { call }] of Object.entries(table)) {
      if (other !== name) assert(call !== row.call, `${other} is called ${call} too`);
    }
    // A reduction may share its name with an op that takes more than its one operand.
    for (const [other, { syntax, takes }] of Object.entries<ElementOp>(elementOps)) {
      const isCall = "call" in syntax && [row.call, treeName(row.call)].includes(syntax.call);
      assert(!isCall || takes.length > 1, `${other} of one operand is called ${row.call} too`);
    }
  },

  "is read from its own syntax and written back": (name, row) => {
    const texts = {
      tensor: `${row.call}(x)`,
      tree: `${treeName(row.call)}(x)`,
      "0": `${row.call}(x, axis=0)`,
      "-1,2": `${row.call}(x, axis=(-1, 2))`,
    } as const;
    for (const [over, text] of Object.entries(texts)) {
      const node = parseExpression(text, SCOPE, name);
      assert(node === reduce(name as ReduceOpName, symbol("x"), over as keyof typeof texts), text);
      assertEquals(printExpression(node), text);
    }
  },

  "agrees with its naive definition": (name, row) => {
    assert(name in naive, `${name} has no naive definition`);
    const definition = naive[name as ReduceOpName];
    check(fc.property(fc.array(exactNumber), (values) => {
      const accumulator = values.reduce(row.accumulate, row.start);
      assertSame(row.finish(accumulator, values.length), definition(values), `of ${values}`);
    }));
  },

  "comes out the same when parts are combined": (_, row) => {
    const part = fc.array(exactNumber);
    check(fc.property(part, part, part, (a, b, c) => {
      const [p, q, r] = [a, b, c].map((values) => values.reduce(row.accumulate, row.start));
      const whole = [...a, ...b, ...c].reduce(row.accumulate, row.start);
      assertSame(row.combine(row.combine(p, q), r), whole, "left to right");
      assertSame(row.combine(p, row.combine(q, r)), whole, "right to left");
      assertSame(row.combine(row.start, p), p, "after the start");
    }));
  },

  "means in JavaScript what its functions say": (_, row) => {
    const numbers = numbers64(edges64.length + 40, SEED);
    for (const part of ["accumulate", "combine"] as const) {
      const compiled = new Function("a", "b", `"use strict"; return ${row.js[part]("a", "b")};`);
      for (const a of numbers) {
        for (const b of numbers) assertSame(compiled(a, b), row[part](a, b), `${part}(${a}, ${b})`);
      }
    }
  },

  "stays within its range": (_, row) => {
    // Long runs of one number, too: rounding adds up, and a sum may overflow.
    const some = fc.array(anyNumber, { minLength: 1, maxLength: 12 });
    check(fc.property(some, fc.constantFrom(1, 2, 3, 100, 3_000), (values, copies) => {
      let accumulator = row.start;
      for (const x of values) {
        for (let i = 0; i < copies; i++) accumulator = row.accumulate(accumulator, x);
      }
      const value = row.finish(accumulator, values.length * copies);
      assertWithin(row.range([Math.min(...values), Math.max(...values)]), value);
    }));
  },

  "stays within its range for no values at all": (_, row) => {
    check(fc.property(anyNumber, anyNumber, (a, b) => {
      assertWithin(row.range([Math.min(a, b), Math.max(a, b)]), row.finish(row.start, 0));
    }));
  },

  "shows its operand in LaTeX, its braces balanced": (_, row) => {
    assertEquals(row.latex.operands.length, 1);
    const text = row.latex.write("OPERAND");
    assert(text.includes("OPERAND"), `no operand in ${text}`);
    assertBalanced(text);
    const levels: readonly number[] = Object.values(LEVEL);
    assert(levels.includes(row.latex.level), `level ${row.latex.level}`);
  },
} as const satisfies Readonly<Record<string, ReduceLaw>>;

const SCOPE: Scope = { read: () => "number", assign: () => {} };

function assertWithin([lo, hi]: Interval, value: number): void {
  assert(lo <= hi, `its range is [${lo}, ${hi}]`);
  assert(Number.isNaN(value) || lo <= value && value <= hi, `${value} is not in [${lo}, ${hi}]`);
}

function check<T>(property: fc.IProperty<T>): void {
  fc.assert(property, { numRuns: 2_000, seed: SEED, includeErrorInReport: true });
}
