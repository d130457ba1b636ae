/** Reductions on the GPU over the whole range of float32, and over many elements. */
import { chain, clipByGlobalNorm, factory, parseProgram, sgd } from "../../mod.ts";
import { reduceOps, treeName } from "../../dsl/ops.ts";
import { assert } from "../assert.ts";
import { assertSteps, gpuTest, onGpu } from "./gpu.ts";

const clipped = (maxNorm: number) => chain(clipByGlobalNorm({ maxNorm }), sgd({ learningRate: 1 }));

gpuTest("on the GPU, gradients of any size are clipped to what they should be", async () => {
  const start = () => ({ a: new Float32Array(2), b: new Float32Array(1) });
  for (
    const [maxNorm, ...gradients] of [
      [1, 1e20, 1e20, 0],
      // What is below 2^-126 may be 0, and so what greater numbers are scaled by.
      [1, 3e37, 3e37, 6e37],
      [1e-31, 1e-30, 1e-30, -1e-30],
      [1e-32, 1e-30, 0, 1e10 * 1e-45],
      [1, 1e20, 1e-20, 1],
      [1, 3, 1e-30, 4],
      [1, 0, 0, 0],
      [1, 1, Infinity, 0],
      [1, 1, NaN, 1e30],
    ]
  ) {
    await assertSteps(
      clipped(maxNorm),
      start,
      () => ({
        a: Float32Array.from(gradients.slice(0, 2)),
        b: Float32Array.from(gradients.slice(2)),
      }),
      { steps: 1, tolerance: 1e-6 },
    );
  }
});

/** Reductions of every kind: of tensors and the tree, of rows and of columns. */
function reductions(operand: string, names: readonly (keyof typeof reduceOps)[]) {
  const calls = names.map((name) => reduceOps[name].call);
  return factory(parseProgram({
    name: "reductions",
    state: Object.fromEntries(calls.flatMap((call) => [
      ...["tensor", "tree"].map((over) => [`${call}_${over}`, { over: "tensor" }]),
      [`${call}_rows`, { over: -1 }],
      [`${call}_columns`, { over: 0 }],
    ])),
    step: calls.map((call) => `
      ${call}_tensor = ${call}(${operand})
      ${call}_tree = ${treeName(call)}(${operand})
      ${call}_rows = ${call}(${operand}, axis=-1)
      ${call}_columns = ${call}(${operand}, axis=0)`).join("") + "\nu = 0*g",
  }))();
}

gpuTest("on the GPU, norms and means hold where squares and sums overflow or vanish", async () => {
  for (
    const [operand, size, names] of [
      ["g", 1e37, ["ReduceL2", "ReduceMean"]],
      ["g", 1e-37, ["ReduceL2", "ReduceMean"]],
      ["g*g", 1e18, ["ReduceMean"]],
      ["g*g", 1e-18, ["ReduceMean", "ReduceSum"]],
    ] as const
  ) {
    await assertSteps(
      reductions(operand, names),
      () => ({ a: { data: new Float32Array(70 * 90), shape: [70, 90] }, b: new Float32Array(3) }),
      () => ({
        a: {
          data: Float32Array.from({ length: 70 * 90 }, (_, i) => size * (1 + i % 7)),
          shape: [70, 90],
        },
        b: Float32Array.of(size, 2 * size, 0),
      }),
      { steps: 1, tolerance: 1e-6 },
    );
  }
});

// The one test at full size here: by ones, float32 counts no further than 2^24.
gpuTest(
  "on the GPU, 17 million equal numbers have the norm and the sums they should have",
  async () => {
    const [rows, columns] = [17, 1_000_001];
    const opt = factory(parseProgram({
      name: "large",
      state: { n: { over: "tensor" }, s: { over: "tensor" }, row: { over: -1 } },
      step: "n = norm(g)\ns = sum(g)\nrow = sum(g, axis=-1)\nu = 0*g",
    }))();
    const value = Math.fround(0.1);
    const { n, s, row } = await onGpu(opt, async (gpu) => {
      const make = (x: number) =>
        gpu.upload({ data: new Float32Array(rows * columns).fill(x), shape: [rows, columns] });
      const params = make(0);
      const state = gpu.init(params);
      gpu.step(params, make(value), state);
      return await gpu.download(state) as unknown as Record<string, { data: Float32Array }>;
    });
    const assertRight = (x: number, exact: number, what: string) =>
      assert(Math.abs(x / exact - 1) < 1e-6, `${what} is ${x}, not ${exact}`);
    assertRight(n.data[0], value * Math.sqrt(rows * columns), "the norm");
    assertRight(s.data[0], value * rows * columns, "the sum");
    for (const each of row.data) assertRight(each, value * columns, "the sum of a row");
  },
);
