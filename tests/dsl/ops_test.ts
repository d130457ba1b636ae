import { apply, constant } from "../../dsl/node.ts";
import type { Matrix } from "../../dsl/matrix.ts";
import {
  type ElementOp,
  elementOps,
  type MatrixOp,
  matrixOps,
  type ReduceOp,
  reduceOps,
} from "../../dsl/ops.ts";
import { assert, assertThrows } from "../assert.ts";
import { type ElementLaw, elementLaws } from "./laws.ts";
import { type MatrixLaw, matrixLaws } from "./matrix_laws.ts";
import { type ReduceLaw, reduceLaws } from "./reduce_laws.ts";

type Law<Row> = (name: string, row: Row, table: Readonly<Record<string, Row>>) => void;

// Tries every row before it fails, so that one wrong row does not hide another.
function hold<Row>(law: Law<Row>, table: Readonly<Record<string, Row>>): void {
  const failures = Object.entries(table).flatMap(([name, row]) => {
    try {
      law(name, row, table);
      return [];
    } catch (error) {
      return [`${name}: ${(error as Error).message}`];
    }
  });
  if (failures.length > 0) throw new Error(failures.join("\n\n"));
}

// By what the law says, that is, and not because the law itself stumbles.
function assertBroken<Row>(
  law: Law<Row>,
  name: string,
  row: Row,
  table: Readonly<Record<string, Row>>,
): void {
  const error = assertThrows(() => law(name, row, { ...table, [name]: row }), Error);
  const stumbles = [TypeError, ReferenceError, SyntaxError, RangeError];
  assert(!stumbles.some((stumble) => error instanceof stumble), String(error));
  assert(!/(Type|Reference|Syntax|Range)Error/.test(error.message), error.message);
}

for (const [says, law] of Object.entries<ElementLaw>(elementLaws)) {
  Deno.test(`every element-wise op ${says}`, () => hold(law, elementOps));
}

for (const [says, law] of Object.entries<ReduceLaw>(reduceLaws)) {
  Deno.test(`every reduction ${says}`, () => hold(law, reduceOps));
}

for (const [says, law] of Object.entries<MatrixLaw>(matrixLaws)) {
  Deno.test(`every operation on matrices ${says}`, () => hold(law, matrixOps));
}

const { Add, Max, Greater, Where, Sign, Exp, Sub, Clip, IsNaN, Cbrt, Less, Floor } = elementOps;

/** Rows with one fault each, and the law that finds it. */
const wrongRows: readonly {
  readonly fault: string;
  readonly law: keyof typeof elementLaws;
  readonly name: string;
  readonly row: ElementOp;
}[] = [
  {
    fault: "the ONNX operator of another op",
    law: "is named as ONNX names it",
    name: "Max",
    row: { ...Max, onnx: "Min" },
  },
  {
    fault: "an operand too many",
    law: "takes as many operands in every column",
    name: "Max",
    row: { ...Max, takes: ["number", "number", "number"] },
  },
  {
    fault: "WGSL that drops an operand",
    law: "takes as many operands in every column",
    name: "Max",
    row: { ...Max, wgsl: (a) => `abs(${a})` },
  },
  {
    fault: "neither WGSL nor a lowering",
    law: "can be spelled in WGSL",
    name: "Max",
    row: { ...Max, wgsl: null },
  },
  {
    fault: "an operand order that drops one",
    law: "takes as many operands in every column",
    name: "Where",
    row: { ...Where, wasm: { instruction: "v128.bitselect", order: [1, 1, 0] } },
  },
  {
    fault: "the name of another op",
    law: "is written unlike every other op",
    name: "Max",
    row: { ...Max, syntax: { call: "min" } },
  },
  {
    fault: "a name that reads as another op",
    law: "is read from its own syntax and written back",
    name: "Max",
    row: { ...Max, syntax: { call: "min" } },
  },
  {
    fault: "a difference where truth is due",
    law: "evaluates to 0 or 1 where it gives truth",
    name: "Greater",
    row: { ...Greater, eval: (a, b) => a - b },
  },
  {
    fault: "a range too narrow",
    law: "stays within its range",
    name: "Add",
    row: { ...Add, range: (a, b) => [a[0] + b[0], a[1]] },
  },
  {
    fault: "a range upside down",
    law: "stays within its range",
    name: "Sub",
    row: { ...Sub, range: (a, b) => [a[1] - b[0], a[0] - b[1]] },
  },
  {
    fault: "rounding that it denies",
    law: "returns float32 for float32 unless it rounds",
    name: "Add",
    row: { ...Add, rounds: false },
  },
  {
    fault: "JavaScript's Math.min for max",
    law: "means in JavaScript what eval says",
    name: "Max",
    row: { ...Max, js: (a, b) => `Math.min(${a}, ${b})` },
  },
  {
    fault: "a JavaScript maximum that drops NaN",
    law: "means in JavaScript what eval says",
    name: "Max",
    row: { ...Max, js: (a, b) => `${a} > ${b} ? ${a} : ${b}` },
  },
  {
    fault: "JavaScript's sign of zero without its sign",
    law: "means in JavaScript what eval says",
    name: "Sign",
    row: { ...Sign, js: (x) => `(${x} > 0) - (${x} < 0)` },
  },
  {
    fault: "ge for gt",
    law: "means in a SIMD instruction what eval says",
    name: "Greater",
    row: { ...Greater, wasm: { instruction: "*.ge" } },
  },
  {
    fault: "an instruction that prefers numbers to NaN",
    law: "means in a SIMD instruction what eval says",
    name: "Max",
    row: { ...Max, wasm: { instruction: "*.pmax" } },
  },
  {
    fault: "operands of bitselect as the language orders them",
    law: "means in a SIMD instruction what eval says",
    name: "Where",
    row: { ...Where, wasm: { instruction: "v128.bitselect" } },
  },
  {
    fault: "rounding to even for rounding down",
    law: "means in a SIMD instruction what eval says",
    name: "Floor",
    row: { ...Floor, wasm: { instruction: "*.nearest" } },
  },
  {
    fault: "a lowering that clips to the upper bound first",
    law: "is lowered to the same meaning",
    name: "Clip",
    row: { ...Clip, lower: (x, lo, hi) => apply("Max", apply("Min", x, hi), lo) },
  },
  {
    fault: "a lowering that gives 0 for NaN and -0",
    law: "is lowered to the same meaning",
    name: "Sign",
    row: {
      ...Sign,
      lower: (x) =>
        apply(
          "Where",
          apply("Greater", x, constant(0)),
          constant(1),
          apply("Where", apply("Less", x, constant(0)), constant(-1), constant(0)),
        ),
    },
  },
  {
    fault: "a lowering that is wrong by more than its ulp",
    law: "is lowered to the same meaning",
    name: "Cbrt",
    row: { ...Cbrt, lower: (x) => apply("Mul", apply("Sign", x), apply("Sqrt", apply("Abs", x))) },
  },
  {
    fault: "neither operator nor lowering",
    law: "can be spelled in ONNX",
    name: "IsNaN",
    row: { ...IsNaN, lower: null },
  },
  {
    fault: "a lowering to itself",
    law: "can be spelled in ONNX",
    name: "Sign",
    row: { ...Sign, lower: (x) => apply("Neg", apply("Sign", apply("Neg", x))) },
  },
  {
    fault: "neither JavaScript nor lowering",
    law: "can be spelled in JavaScript",
    name: "Exp",
    row: { ...Exp, js: null },
  },
  {
    fault: "LaTeX that forgets an operand",
    law: "shows each operand in LaTeX, its braces balanced",
    name: "Less",
    row: { ...Less, latex: { ...Less.latex, write: (a, _) => `${a} < ${a}` } },
  },
  {
    fault: "LaTeX with an open brace",
    law: "shows each operand in LaTeX, its braces balanced",
    name: "Less",
    row: { ...Less, latex: { ...Less.latex, write: (a, b) => `{${a} < ${b}` } },
  },
];

for (const { fault, law, name, row } of wrongRows) {
  Deno.test(`${name} with ${fault} breaks the law that it ${law}`, () => {
    assertBroken(elementLaws[law], name, row, elementOps);
  });
}

const { ReduceSum, ReduceMean, ReduceMax, ReduceL2 } = reduceOps;

const wrongReductions: readonly {
  readonly fault: string;
  readonly law: keyof typeof reduceLaws;
  readonly name: string;
  readonly row: ReduceOp;
}[] = [
  {
    fault: "the ONNX operator of another op",
    law: "is named as ONNX names it",
    name: "ReduceSum",
    row: { ...ReduceSum, onnx: "ReduceMean" },
  },
  {
    fault: "the name of another reduction",
    law: "is called unlike every other op",
    name: "ReduceSum",
    row: { ...ReduceSum, call: "mean" },
  },
  {
    fault: "the name of an op of one operand",
    law: "is called unlike every other op",
    name: "ReduceSum",
    row: { ...ReduceSum, call: "abs" },
  },
  {
    fault: "a name that reads as another",
    law: "is read from its own syntax and written back",
    name: "ReduceSum",
    row: { ...ReduceSum, call: "mean" },
  },
  {
    fault: "a mean that is never divided",
    law: "agrees with its naive definition",
    name: "ReduceMean",
    row: { ...ReduceMean, finish: (a) => a },
  },
  {
    fault: "a maximum that starts from 0",
    law: "agrees with its naive definition",
    name: "ReduceMax",
    row: { ...ReduceMax, start: 0 },
  },
  {
    fault: "no definition",
    law: "agrees with its naive definition",
    name: "ReduceProduct",
    row: { ...ReduceSum, call: "product" },
  },
  {
    fault: "parts that are squared again",
    law: "comes out the same when parts are combined",
    name: "ReduceL2",
    row: { ...ReduceL2, combine: (a, b) => a + b * b },
  },
  {
    fault: "JavaScript that forgets the square",
    law: "means in JavaScript what its functions say",
    name: "ReduceL2",
    row: { ...ReduceL2, js: { ...ReduceL2.js, accumulate: (a, x) => `${a} + ${x}` } },
  },
  {
    fault: "JavaScript that drops NaN",
    law: "means in JavaScript what its functions say",
    name: "ReduceMax",
    row: { ...ReduceMax, js: { ...ReduceMax.js, combine: (a, b) => `${a} > ${b} ? ${a} : ${b}` } },
  },
  {
    fault: "the range of its operand",
    law: "stays within its range",
    name: "ReduceSum",
    row: { ...ReduceSum, range: (x) => x },
  },
  {
    fault: "a range without the sum of nothing",
    law: "stays within its range for no values at all",
    name: "ReduceSum",
    row: { ...ReduceSum, range: (x) => x },
  },
  {
    fault: "LaTeX without its operand",
    law: "shows its operand in LaTeX, its braces balanced",
    name: "ReduceL2",
    row: { ...ReduceL2, latex: { ...ReduceL2.latex, write: (_) => "n" } },
  },
];

for (const { fault, law, name, row } of wrongReductions) {
  Deno.test(`${name} with ${fault} breaks the law that it ${law}`, () => {
    assertBroken(reduceLaws[law], name, row, reduceOps);
  });
}

const { MatMul, Transpose } = matrixOps;

const wrongMatrixRows: readonly {
  readonly fault: string;
  readonly law: keyof typeof matrixLaws;
  readonly name: string;
  readonly row: MatrixOp;
}[] = [
  {
    fault: "the ONNX operator of another op",
    law: "is named as ONNX names it",
    name: "MatMul",
    row: { ...MatMul, onnx: "Gemm" },
  },
  {
    fault: "an operand too few",
    law: "takes as many operands in every column",
    name: "MatMul",
    row: { ...MatMul, takes: ["number"] },
  },
  {
    fault: "the sign of the element-wise product",
    law: "is written unlike every other op",
    name: "MatMul",
    row: { ...MatMul, syntax: elementOps.Mul.syntax },
  },
  {
    fault: "a name that reads as another op",
    law: "is read from its own syntax and written back",
    name: "Transpose",
    row: { ...Transpose, syntax: { call: "abs" } },
  },
  {
    fault: "its operands the other way round",
    law: "agrees with its naive definition",
    name: "MatMul",
    row: { ...MatMul, eval: (a, b) => MatMul.eval({ ...b, sizes: a.sizes }, a) },
  },
  {
    fault: "sums that start from -0",
    law: "agrees with its naive definition",
    name: "MatMul",
    row: {
      ...MatMul,
      eval: (a, b) => {
        const product = MatMul.eval(a, b);
        return { ...product, data: product.data.map((x) => x === 0 ? -0 : x) };
      },
    },
  },
  {
    fault: "data left as it is",
    law: "agrees with its naive definition",
    name: "Transpose",
    row: {
      ...Transpose,
      eval: ({ sizes: [rows, columns], data }: Matrix) => ({ sizes: [columns, rows], data }),
    },
  },
  {
    fault: "sizes that fit whatever is given",
    law: "gives what its sizes say, and takes no others",
    name: "MatMul",
    row: { ...MatMul, sizes: ([rows], [, columns]) => [rows, columns] },
  },
  {
    fault: "the sizes of its operand",
    law: "gives what its sizes say, and takes no others",
    name: "Transpose",
    row: { ...Transpose, sizes: (given) => given },
  },
  {
    fault: "the range of the element-wise product",
    law: "stays within its range",
    name: "MatMul",
    row: { ...MatMul, range: elementOps.Mul.range as MatrixOp["range"] },
  },
  {
    fault: "LaTeX without its operand",
    law: "shows each operand in LaTeX, its braces balanced",
    name: "Transpose",
    row: { ...Transpose, latex: { ...Transpose.latex, write: (_) => "A" } },
  },
];

for (const { fault, law, name, row } of wrongMatrixRows) {
  Deno.test(`${name} with ${fault} breaks the law that it ${law}`, () => {
    assertBroken(matrixLaws[law], name, row, matrixOps);
  });
}
