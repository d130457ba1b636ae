/** Parameters that are seen as matrices are stepped on the GPU as in the library. */
import { factory, GradusError, type Matrices, muon, parseProgram, shampoo } from "../../mod.ts";
import { assert, assertThrows } from "../assert.ts";
import { randomArray } from "../runtime/random.ts";
import { assertNear, assertSteps, gpuTest, onGpu } from "./gpu.ts";

const tensor = (shape: readonly number[], seed: number) => ({
  data: randomArray(shape.reduce((a, b) => a * b, 1), seed),
  shape,
});
const tree = (seed: number) => ({
  bias: randomArray(5, seed),
  matrix: tensor([6, 5], seed + 1),
  kernel: tensor([3, 4, 5], seed + 2),
  filter: tensor([2, 3, 3, 4], seed + 3),
});
const seen = (matrices: Matrices) => () => ({
  ...{ bias: false, matrix: true },
  ...{ kernel: matrices, filter: matrices },
});
const stochastic = { dtype: "bfloat16", rounding: "stochastic", seed: 3 } as const;
const gradients = (t: number) => tree(10 * t + 20);

gpuTest(
  "on the GPU, matrices in a tensor are those of the library, in any order of axes",
  async () => {
    for (
      const matrices of ["last two", "flatten", { reductionAxis: -1, outputAxis: [0, 1] }] as const
    ) {
      const opt = muon({ learningRate: 0.1, matrices: seen(matrices) });
      const { ofScale } = await assertSteps(opt, () => tree(1), gradients, { steps: 2 });
      assert(ofScale < 1e-6, `${ofScale}`);
    }
  },
);

gpuTest("on the GPU, each matrix has its own states, random bits and evaluation", async () => {
  const opt = factory(parseProgram({
    name: "seen",
    hyper: { matrices: true },
    state: { m: 0, l: { shape: "rows x rows" } },
    step: `
      m = where(matrices, qr(g + normal(3)), g)
      l = where(matrices, g@transpose(g), 0)
      u = -0.125*m`,
    evaluate: "w + 0.5*m",
  }))({ matrices: seen({ reductionAxis: 1, outputAxis: 0 }) });
  const init = { storage: { m: stochastic } };
  await assertSteps(opt, () => tree(1), gradients, { steps: 2, tolerance: 1e-2, init });
  const params = tree(1);
  const state = opt.init(params);
  opt.step(params, gradients(0), state);
  await onGpu(opt, async (gpu) => {
    const theirs = gpu.upload(tree(1));
    const theirState = gpu.init(theirs);
    gpu.step(theirs, gpu.upload(gradients(0)), theirState);
    const found = await gpu.download(gpu.evaluationParams(theirs, theirState));
    assertNear(found, opt.evaluationParams(params, state), 1e-5);
    assertNear(await gpu.download(theirs), params, 1e-5);
  });
});

gpuTest("on the GPU, blocks that belong to several matrices are refused", async () => {
  const opt = shampoo({ learningRate: 0.1, matrices: "last two" });
  await onGpu(opt, async (gpu) => {
    await Promise.resolve();
    const params = gpu.upload(tensor([70, 9, 7], 1));
    const state = gpu.init(params, { storage: { m: "block8" } });
    assertThrows(
      () => gpu.step(params, gpu.upload(tensor([70, 9, 7], 2)), state),
      GradusError,
      "of a parameter that is seen as matrices must be stored as float32",
      "blocks of 256 numbers",
    );
  });
});
