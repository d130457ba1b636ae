/** What every operation on matrices must obey, as functions of a row, so that wrong rows can be tried. */
import fc from "fast-check";
import { apply, type MatrixOpName, symbol } from "../../dsl/node.ts";
import type { Matrix } from "../../dsl/matrix.ts";
import { elementOps, LEVEL, type MatrixOp, reduceOps } from "../../dsl/ops.ts";
import { parseExpression } from "../../dsl/parse.ts";
import type { Scope } from "../../dsl/reader.ts";
import { printExpression } from "../../dsl/print.ts";
import { assert, assertEquals } from "../assert.ts";
import { assertBalanced, assertSame, numberInterval } from "./laws.ts";

/** A table of operations on matrices, the row under test among them. */
export type MatrixTable = Readonly<Record<string, MatrixOp>>;

/** Throws unless the row obeys; `table` is what it must be consistent with. */
export type MatrixLaw = (name: string, row: MatrixOp, table: MatrixTable) => void;

const SEED = 1;
const OPERANDS = ["x", "y"];
type Nested = readonly (readonly number[])[];

/** Holds a result against what it is by definition, of operands that are lists of rows. */
const definitions: Readonly<
  Record<MatrixOpName, (result: Nested, ...operands: Nested[]) => void>
> = {
  MatMul: (result, a, b) =>
    assertElements(result, (i, j) => a[i].reduce((sum, x, k) => sum + x * b[k][j], 0)),
  Transpose: (result, a) => assertElements(result, (i, j) => a[j][i]),
  QR: assertOrthonormal,
};

function assertElements(result: Nested, element: (i: number, j: number) => number): void {
  result.forEach((row, i) =>
    row.forEach((x, j) => assertSame(x, element(i, j), `element ${i}, ${j}`))
  );
}

/** Fails unless columns are orthogonal and R = QᵀA is triangular, with no negative number on its diagonal. */
function assertOrthonormal(q: Nested, a: Nested): void {
  const largest = Math.max(...a.flat().map(Math.abs), 0);
  // Beyond that there is nothing to hold it against.
  if (!Number.isFinite(largest)) return;
  const scale = largest || 1;
  const [rows, columns] = [a.length, a[0]?.length ?? 0];
  const dot = (x: (i: number) => number, y: (i: number) => number) =>
    a.reduce((sum, _, i) => sum + x(i) * y(i), 0);
  for (let j = 0; j < columns; j++) {
    for (let k = 0; k < columns; k++) {
      const product = dot((i) => q[i][j], (i) => q[i][k]);
      const expected = Number(j === k && j < rows);
      assert(Math.abs(product - expected) < 1e-14, `columns ${j} and ${k}: ${product}`);
      const r = dot((i) => q[i][j], (i) => a[i][k] / scale);
      if (j > k) assert(Math.abs(r) < 1e-14, `${r} is below the diagonal`);
      if (j === k) assert(r > -1e-14, `${r} is on the diagonal`);
    }
  }
}

/** The laws of operations on matrices, by what they say. */
export const matrixLaws = {
  "is named as ONNX names it": (name, row) => assertEquals(row.onnx ?? name, name),

  "takes as many operands in every column": (_, row) => {
    const arity = row.takes.length;
    if ("infix" in row.syntax) assertEquals(arity, 2, "syntax");
    assertEquals(row.sizes.length, arity, "sizes");
    assertEquals(row.eval.length, arity, "eval");
    assertEquals(row.range.length, arity, "range");
    assertEquals(row.latex.operands.length, arity, "latex.operands");
    assertEquals(row.latex.write.length, arity, "latex.write");
  },

  "is written unlike every other op": (name, row, table) => {
    const syntaxes = [
      ...Object.entries(elementOps).map(([other, { syntax }]) => [other, syntax] as const),
      ...Object.entries(reduceOps).map(([other, { call }]) => [other, { call }] as const),
      ...Object.entries(table).map(([other, { syntax }]) => [other, syntax] as const),
    ];
    for (const [other, syntax] of syntaxes) {
      if (other === name) continue;
      for (const key of ["infix", "prefix", "call"] as const) {
        const mine = (row.syntax as Record<string, unknown>)[key];
        const its = (syntax as Record<string, unknown>)[key];
        assert(mine === undefined || mine !== its, `${other} is ${its} too`);
      }
    }
  },

  "is read from its own syntax and written back": (name, row) => {
    const operands = OPERANDS.slice(0, row.takes.length);
    const text = "infix" in row.syntax
      ? operands.join(row.syntax.infix)
      : `${(row.syntax as { call: string }).call}(${operands.join(", ")})`;
    const node = parseExpression(text, SCOPE, name);
    assert(node === apply(name as MatrixOpName, ...operands.map(symbol)), text);
    assertEquals(printExpression(node), text);
  },

  "agrees with its naive definition": (name, row) => {
    assert(name in definitions, `${name} has no naive definition`);
    const hold = definitions[name as MatrixOpName];
    check(fc.property(fittingOperands(row), (operands) => {
      const made = row.eval(...operands);
      assertEquals(made.data.length, made.sizes[0] * made.sizes[1]);
      hold(nested(made), ...operands.map(nested));
    }));
  },

  "gives what its sizes say, and takes no others": (_, row) => {
    const size = fc.nat(3);
    const sizes = fc.tuple(...row.takes.map(() => fc.tuple(size, size)));
    check(fc.property(sizes, (given) => {
      const result = row.sizes(...given);
      const isFitting = row.takes.length < 2 || given[0][1] === given[1][0];
      assertEquals(result !== undefined, isFitting, JSON.stringify(given));
      if (result === undefined) return;
      const zeros = given.map((sizes): Matrix => ({
        sizes,
        data: new Float64Array(sizes[0] * sizes[1]),
      }));
      assertEquals([...row.eval(...zeros).sizes], [...result]);
    }));
  },

  "stays within its range": (_, row) => {
    const operands = fc.tuple(...row.takes.map(() => numberInterval));
    check(fc.property(operands, fc.constantFrom(0, 1, 2, 9), (given, depth) => {
      const [lo, hi] = row.range(...given.map(({ interval }) => interval));
      const matrices = given.map(({ point }, i): Matrix => ({
        sizes: i === 0 ? [1, depth] : [depth, 1],
        data: new Float64Array(depth).fill(point),
      }));
      for (const x of row.eval(...matrices).data) {
        assert(Number.isNaN(x) || lo <= x && x <= hi, `${x} is not in [${lo}, ${hi}]`);
      }
    }));
  },

  "shows each operand in LaTeX, its braces balanced": (_, row) => {
    const operands = row.takes.map((_, i) => `OPERAND${i}`);
    const text = row.latex.write(...operands);
    for (const operand of operands) assert(text.includes(operand), `${operand} not in ${text}`);
    assertBalanced(text);
    const levels: readonly number[] = Object.values(LEVEL);
    assert(levels.includes(row.latex.level), `level ${row.latex.level}`);
  },
} as const satisfies Readonly<Record<string, MatrixLaw>>;

const SCOPE: Scope = { read: () => "number", assign: () => {} };

const number = fc.oneof(
  { weight: 6, arbitrary: fc.double({ min: -8, max: 8 }) },
  { weight: 1, arbitrary: fc.constantFrom(-0, 0, Infinity, NaN, 1e300) },
);

/** Matrices of sizes in a row, so that each has as many columns as the next has rows. */
function fittingOperands({ takes }: MatrixOp): fc.Arbitrary<Matrix[]> {
  return fc.array(fc.nat(4), { minLength: takes.length + 1, maxLength: takes.length + 1 })
    .chain((sides) =>
      fc.tuple(...takes.map((_, i) => {
        const length = sides[i] * sides[i + 1];
        return fc.array(number, { minLength: length, maxLength: length }).map((values): Matrix => ({
          sizes: [sides[i], sides[i + 1]],
          data: Float64Array.from(values),
        }));
      }))
    );
}

function nested({ sizes: [rows, columns], data }: Matrix): Nested {
  return Array.from(
    { length: rows },
    (_, i) => [...data.subarray(i * columns, (i + 1) * columns)],
  );
}

function check<T>(property: fc.IProperty<T>): void {
  fc.assert(property, { numRuns: 500, seed: SEED, includeErrorInReport: true });
}
