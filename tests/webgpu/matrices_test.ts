/** Matrices are multiplied and transposed on the GPU as in the library. */
import { factory, muon, parseProgram, scion, shampoo } from "../../mod.ts";
import { assert } from "../assert.ts";
import { randomArray } from "../runtime/random.ts";
import { assertSteps, gpuTest, onGpu } from "./gpu.ts";

const matrix = (rows: number, columns: number, seed: number) => ({
  data: randomArray(rows * columns, seed),
  shape: [rows, columns],
});

/** Matrices within a tile and beyond, each way round, and parameters that are none. */
const tree = (seed: number) => ({
  wide: matrix(5, 70, seed),
  tall: matrix(67, 33, seed + 1),
  square: [matrix(16, 16, seed + 2), matrix(1, 1, seed + 3)],
  bias: randomArray(9, seed + 4),
});

gpuTest("on the GPU, matrices are made orthogonal as they are interpreted", async () => {
  for (
    const opt of [
      muon({ learningRate: 0.1, weightDecay: 0.1, adaptive: true }),
      scion({ learningRate: 0.1 }),
    ]
  ) await assertSteps(opt, () => tree(1), (t) => tree(10 * t + 20), { steps: 2, tolerance: 1e-4 });
});

gpuTest("on the GPU, a product is good to 1e-6 of what it adds, however many terms", async () => {
  const opt = factory(parseProgram({
    name: "products",
    state: { s: { shape: "rows x rows" } },
    step: "s = g@transpose(g)\nu = 0*g",
  }))();
  const [rows, columns] = [35, 70_001];
  const { data, shape } = matrix(rows, columns, 3);
  const positive = { data: data.map(Math.abs), shape };
  const { s } = await onGpu(opt, async (gpu) => {
    const params = gpu.upload(positive);
    const state = gpu.init(params);
    gpu.step(params, gpu.upload(positive), state);
    return await gpu.download(state) as unknown as Record<string, { data: Float32Array }>;
  });
  const row = (i: number) => positive.data.subarray(i * columns, (i + 1) * columns);
  for (const i of [0, 16, 34]) {
    for (let j = 0; j < rows; j++) {
      const sum = row(i).reduce((sum: number, x, k) => sum + x * row(j)[k], 0);
      const error = Math.abs(s.data[i * rows + j] / sum - 1);
      assert(error < 1e-6, `the product at ${i}, ${j} is off by ${error}`);
    }
  }
});

gpuTest("on the GPU, factors are orthonormal to 1e-6, and those of the library", async () => {
  const opt = factory(
    parseProgram({ name: "factors", state: { q: 0 }, step: "q = qr(g)\nu = 0*g" }),
  )();
  // Within a panel and beyond, each way round; with columns from the largest numbers to subnormal ones.
  const square = [[1, 1], [70, 70]];
  const others = [[1, 5], [5, 1], [33, 65], [100, 40], [40, 5], [4, 6], [5, 4], [9, 3]];
  const sizes = [...square, ...others];
  const make = () => sizes.map(([rows, columns], i) => matrix(rows, columns, i + 1));
  const gradients = make();
  const change = (leaf: number, by: (x: number, column: number) => number) => {
    const { data, shape: [, columns] } = gradients[leaf];
    data.forEach((x, i) => data[i] = by(x, i % columns));
  };
  change(
    6,
    (x, column) => Math.sign(x) * [3e38, 1e-20, 1e20, 1e-38, 1e-42][column] / (1 + Math.abs(x)),
  );
  // A column of zeros is turned into none, and turns none; one that is not finite does not reach those before it.
  change(7, (x, column) => column === 1 ? 0 : 1e30 * x);
  change(8, (x, column) => column === 0 ? 0 : x);
  gradients[8].data[1] = Infinity;
  gradients[9].data[16] = NaN;
  await assertSteps(opt, make, () => gradients, { steps: 1, tolerance: 3e-6 });
  const { q } = await onGpu(opt, async (gpu) => {
    const params = gpu.upload(make());
    const state = gpu.init(params);
    gpu.step(params, gpu.upload(gradients), state);
    return await gpu.download(state) as unknown as { readonly q: ReturnType<typeof make> };
  });
  for (const { data, shape: [rows, columns] } of q.slice(0, 7)) {
    for (let j = 0; j < Math.min(rows, columns); j++) {
      for (let k = 0; k <= j; k++) {
        let product = 0;
        for (let i = 0; i < rows; i++) product += data[i * columns + j] * data[i * columns + k];
        const error = Math.abs(product - Number(j === k));
        assert(error < 1e-6, `columns ${j} and ${k} of ${rows} x ${columns} are off by ${error}`);
      }
    }
  }
});

gpuTest("on the GPU, roots of matrices by products are as they are interpreted", async () => {
  await assertSteps(
    shampoo({ learningRate: 0.1 }),
    () => tree(1),
    (t) => tree(10 * t + 20),
    { steps: 2, tolerance: 1e-4 },
  );
});
