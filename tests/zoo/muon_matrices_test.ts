/** Which parameters Muon takes for matrices, and as which: what Optax's own tests of dimension numbers ask. */
import { type Matrices, muon, type MuonOptions, type Tensor } from "../../mod.ts";
import { type MatrixView, placesIn, viewOf } from "../../runtime/trees/view.ts";
import { assert, assertAlmostEquals, assertEquals } from "../assert.ts";
import { randomArray } from "../runtime/random.ts";

type Option = MuonOptions["matrices"];

const by = (reductionAxis: number | number[], outputAxis: number | number[]) => ({
  reductionAxis,
  outputAxis,
});
const ones = (...shape: number[]): Tensor => ({
  data: new Float64Array(shape.reduce((a, b) => a * b, 1)).fill(1),
  shape,
});

/** The first updates and state, of the loss half the sum of squares. */
function first<P extends object>(
  params: P,
  matrices?: Option,
  preconditioning: "frobenius" | "schatten" = "frobenius",
) {
  const opt = muon({ learningRate: 1e-3, matrices, preconditioning });
  const [updates, state] = opt.update(params, opt.init(params), params);
  return { updates, state };
}

/** The leaves that are orthogonalised: those that keep a momentum of Muon's, by name. */
function taken(params: object, matrices?: Option): unknown {
  const visit = (node: unknown): unknown => {
    const { data } = node as { data?: Float64Array };
    if (data !== undefined) return data.length > 0;
    return Object.fromEntries(
      Object.entries(node as object).map(([key, part]) => [key, visit(part)]),
    );
  };
  return visit(first(params, matrices).state.m);
}

/** The elements of a tensor with its axes in another order. */
function transposed({ data, shape }: Tensor, order: readonly number[]): Tensor {
  const made = order.map((axis) => shape[axis]);
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1));
  const values = Float64Array.from(data, (_, i) => {
    let at = 0;
    for (let k = order.length - 1; k >= 0; k--) {
      at += (i % made[k]) * strides[order[k]];
      i = Math.floor(i / made[k]);
    }
    return data[at];
  });
  return { data: values, shape: made };
}

const reshaped = ({ data }: Tensor, ...shape: number[]): Tensor => ({ data, shape });

function assertNear(actual: Tensor, expected: Tensor, tolerance = 1e-12): void {
  assertEquals(actual.shape, expected.shape);
  actual.data.forEach((value, i) => assertAlmostEquals(value, expected.data[i], tolerance));
}

Deno.test("dimension numbers give a number of matrices, and each element one place in them", () => {
  const cases: readonly [number[], Exclude<Matrices, boolean>, number[] | undefined][] = [
    [[2, 3], by(0, 1), undefined],
    [[2, 3, 4], by(0, 2), [3, 2, 4]],
    [[2, 3, 4], by(-3, -1), [3, 2, 4]],
    [[2, 3, 4, 5], by(2, 3), [6, 4, 5]],
    [[2, 3, 4, 5], by(2, [0, 3]), [3, 4, 10]],
    [[3, 3, 4, 8], "flatten", [1, 36, 8]],
    [[3, 3, 4, 8], "last two", [9, 4, 8]],
    [[3, 8], "flatten", undefined],
    [[8], "last two", undefined],
  ];
  for (const [shape, matrices, expected] of cases) {
    const view = viewOf(matrices, shape, "w", "Cannot see");
    assertEquals(view && [view.count, ...view.shape], expected);
    if (view === undefined) continue;
    const size = shape.reduce((a, b) => a * b, 1);
    const all = Array.from({ length: size }, (_, i) => i);
    const places = placesIn(view as MatrixView, shape);
    assertEquals(places === undefined ? all : [...places].sort((a, b) => a - b), all);
  }
});

Deno.test("a function may say how parameters are seen, false those that are not", () => {
  const params = { w1: ones(10, 10), w2: ones(2, 10) };
  const byRank = (tree: typeof params) =>
    Object.fromEntries(
      Object.entries(tree).map(([key, { shape }]) => [key, shape.length === 2 && by(0, 1)]),
    );
  assertEquals(first(params, byRank).updates, first(params).updates);
  assertEquals(taken(params, () => ({ w1: by(0, 1), w2: false })), { w1: true, w2: false });
});

for (const preconditioning of ["frobenius", "schatten"] as const) {
  Deno.test(`a matrix in any disguise is stepped as the matrix, by ${preconditioning}`, () => {
    const w: Tensor = { data: new Float64Array(randomArray(120, 7)), shape: [10, 12] };
    const { updates: { w: plain } } = first({ w }, undefined, preconditioning);
    assertEquals(first({ w }, { w: by(0, 1) }, preconditioning).updates.w, plain);

    const outputs = (x: Tensor) => transposed(reshaped(x, 10, 3, 1, 4), [3, 2, 0, 1]);
    const seen = first({ w: outputs(w) }, { w: by([2], [0, 3]) }, preconditioning);
    // The axes are named in another order than they have in the matrix: its columns are permuted.
    assertNear(seen.updates.w, outputs(plain), 1e-9);

    const inputs = (x: Tensor) => transposed(reshaped(x, 2, 1, 5, 12), [2, 3, 1, 0]);
    const other = first({ w: inputs(w) }, { w: by([0, 3], [1]) }, preconditioning);
    assertNear(other.updates.w, inputs(plain), 1e-9);
  });
}

Deno.test("trees, prefixes and false say which parameters keep a momentum of Muon's", () => {
  const number = by(1, 2);
  assertEquals(taken({ w1: ones(1, 2, 3), w2: ones(2, 3, 4) }, { w1: number, w2: number }), {
    w1: true,
    w2: true,
  });
  assertEquals(taken({ w1: ones(1, 2, 3), w2: ones(3, 4) }), { w1: false, w2: true });
  assertEquals(taken({ w1: ones(1, 2, 3), w2: ones(2, 3, 4) }, { w1: false, w2: number }), {
    w1: false,
    w2: true,
  });
  const params = { w1: { a: ones(2, 3), b: ones(2, 3) }, w2: { a: ones(2, 3), b: ones(2, 3) } };
  assertEquals(taken(params, { w1: false, w2: { a: by(0, 1), b: false } }), {
    w1: { a: false, b: false },
    w2: { a: true, b: false },
  });
  assertEquals(taken(params, { w1: by(0, 1), w2: false }), {
    w1: { a: true, b: true },
    w2: { a: false, b: false },
  });
});

Deno.test("twenty steps of (2, -1.5, 0.5) make every matrix of a parameter orthogonal", () => {
  const w: Tensor = { data: new Float64Array(randomArray(36, 3)), shape: [3, 4, 3] };
  const opt = muon({
    learningRate: -1,
    nsCoeffs: [2, -1.5, 0.5],
    nsSteps: 20,
    matrices: "last two",
  });
  const [{ w: { data } }] = opt.update({ w }, opt.init({ w }), { w });
  for (let k = 0; k < 3; k++) {
    for (let i = 0; i < 3; i++) {
      for (let j = 0; j < 3; j++) {
        let sum = 0;
        for (let row = 0; row < 4; row++) {
          sum += data[12 * k + 3 * row + i] * data[12 * k + 3 * row + j];
        }
        assertAlmostEquals(sum, Number(i === j), 1e-5);
      }
    }
  }
});

Deno.test("updates are scaled by the sizes of the matrices, not of the parameter", () => {
  // Of outputs by inputs, as torch has kernels, a wide one is scaled up by the root of columns by rows.
  const kernel: Tensor = { data: new Float64Array(randomArray(48, 5)), shape: [12, 2, 2, 1] };
  const { updates: { w } } = first({ w: kernel }, { w: by([1, 2, 3], 0) });
  const matrix = transposed(reshaped(kernel, 12, 4), [1, 0]);
  const { updates: { w: plain } } = first({ w: matrix });
  assertNear(reshaped(w, 12, 4), transposed(plain, [1, 0]));
  assert(plain.data.some((value) => value !== 0));
});
