/** States and parameters that are stored short have on the GPU the bits that they have in the library. */
import { factory, type InitOptions, lion, parseProgram, sgd } from "../../mod.ts";
import { assertEquals } from "../assert.ts";
import { randomArray } from "../runtime/random.ts";
import { assertSteps, gpuTest, onGpu } from "./gpu.ts";

const matrix = (rows: number, columns: number, seed: number) => ({
  data: randomArray(rows * columns, seed),
  shape: [rows, columns],
});

/** Arrays with blocks and without, and with a last word that is not full. */
const tree = (seed: number) => ({
  blocks: matrix(67, 63, seed),
  few: matrix(3, 5, seed + 1),
  one: randomArray(1, seed + 2),
});
const stochastic = { dtype: "bfloat16", rounding: "stochastic", seed: 3 } as const;

/** Steps whose arithmetic is exact, or rounded once, so that bits can be compared. */
async function assertBits<P extends object>(
  opt: Parameters<typeof assertSteps>[0],
  start: (seed: number) => P,
  init: InitOptions,
  gradients: (seed: number) => object = start,
): Promise<void> {
  const { others } = await assertSteps<object>(
    opt,
    () => start(1),
    (t) => gradients(10 * t + 10),
    { steps: 3, tolerance: 0, init },
  );
  assertEquals(others, 0);
}

gpuTest(
  "on the GPU, states are stored in the library's bits, however they are rounded",
  async () => {
    // Devices may round quotients and roots in another way, and a product and the sum that it is in at once: so
    // products in sums are exact here.
    const momentum = lion({ learningRate: 2 ** -6, b1: 0.5, b2: 0.5, weightDecay: 2 ** -10 });
    const moments = factory(parseProgram({
      name: "moments",
      state: { m: 0, v: 0 },
      step: "m = 0.5*m + 0.5*g\nv = 0.5*v + 0.5*g^2\nu = -0.125*m",
    }))();
    for (const dtype of ["bfloat16", "float16", "bfloat16+8"] as const) {
      await assertBits(momentum, tree, { storage: { m: dtype } });
      await assertBits(momentum, tree, { storage: { m: { ...stochastic, dtype } } });
    }
    await assertBits(momentum, tree, { storage: { m: "block8" } });
    await assertBits(moments, tree, { storage: { m: stochastic, v: "block8" } });
  },
);

gpuTest(
  "on the GPU, what is too small, too large or no number is stored as in the library",
  async () => {
    const kept = factory(parseProgram({ name: "kept", state: { m: 0 }, step: "m = g\nu = 0*g" }))();
    const sizes = [
      0,
      1e-45,
      1e-38,
      2 ** -126,
      2 ** -25,
      3e-8,
      6e-5,
      6.1e-5,
      1,
      65519,
      65520,
      3.4e38,
    ];
    const all = [...sizes, Infinity, NaN].flatMap((x) => [x, -x]);
    for (const dtype of ["bfloat16", "float16", "bfloat16+8"] as const) {
      for (const stored of [dtype, { ...stochastic, dtype }]) {
        const params = () => new Float32Array(all.length);
        // What GPUs may take for 0 is left out of what is compared.
        const given = Float32Array.from(all, (x) => Math.abs(x) < 2 ** -126 ? 0 : x);
        const state = kept.init(params(), { storage: { m: stored } });
        kept.step(params(), given, state);
        const theirs = await onGpu(kept, async (gpu) => {
          const where = gpu.upload(params());
          const state = gpu.init(where, { storage: { m: stored } });
          gpu.step(where, gpu.upload(given), state);
          return await gpu.download(state);
        });
        assertEquals(theirs.m, state.m);
      }
    }
  },
);

gpuTest("on the GPU, states of rows, columns and tensors are stored short too", async () => {
  const opt = factory(parseProgram({
    name: "narrow",
    state: {
      ...{
        n: { over: "tensor" },
        s: { over: "tensor" },
        k: { over: "tensor" },
        r: { over: -1 },
        c: { over: 0 },
      },
      p: { shape: "rows x rows" },
    },
    step: `
      n = 0.5*n + max(g)
      s = 0.5*s + max(abs(g))
      k = 0.5*k + max(g)
      r = 0.5*r + max(g, axis=-1)
      c = 0.5*c + max(g, axis=0)
      p = where(index(axis=0) == index(axis=1), 1, 0) + 0*p@p
      u = -0.125*(p@g)*where(r + c > n + k, 1, 0.5)`,
  }))();
  const split = { ...stochastic, dtype: "bfloat16+8" } as const;
  await assertBits(opt, (seed) => [matrix(7, 9, seed), matrix(5, 4, seed + 1)], {
    storage: { n: stochastic, s: split, k: "block8", r: stochastic, c: "float16", p: "bfloat16" },
  });
});

const half = (numbers: Float32Array) =>
  Uint16Array.from(numbers, (x) => 0x3c00 + (x * 500 & 0x3ff));

gpuTest("on the GPU, short parameters follow their master copies as in the library", async () => {
  const short = (seed: number) => ({
    bits: { data: half(randomArray(4500, seed)), shape: [4500], dtype: "bfloat16" as const },
    matrix: { data: half(randomArray(15, seed)), shape: [3, 5], dtype: "float16" as const },
    long: randomArray(7, seed),
    halves: new Float16Array(randomArray(9, seed)),
    tensor: { data: new Float16Array(randomArray(12, seed)), shape: [3, 4] },
  });
  const long = (seed: number) => ({
    bits: randomArray(4500, seed),
    matrix: matrix(3, 5, seed),
    long: randomArray(7, seed),
    halves: randomArray(9, seed),
    tensor: matrix(3, 4, seed),
  });
  const opt = sgd({ learningRate: 2 ** -6, momentum: 0.5 });
  await assertBits(opt, short, { storage: { m: stochastic } });
  await assertBits(opt, short, {}, long);
  const params = short(1);
  await onGpu(opt, async (gpu) => {
    const theirs = gpu.upload(params);
    const evaluated = gpu.evaluationParams(theirs, gpu.init(theirs));
    assertEquals(await gpu.download(evaluated) as object, params);
    const { master } = opt.init(params);
    const state = gpu.init(theirs);
    assertEquals(await gpu.download(state.master as object), master as object);
    assertEquals(await gpu.download(gpu.upload(params)) as object, params);
  });
});

gpuTest("on the GPU, states begin as what is made of the parameter", async () => {
  const opt = factory(parseProgram({
    name: "anchored",
    state: { anchor: "2*w + 1", own: "w", unit: "0.25*w*max(abs(w))" },
    step: "u = 0.125*anchor + 0*(own + unit)",
  }))();
  await assertBits(opt, tree, { storage: { anchor: "bfloat16", own: "block8" } });
  await assertBits(opt, tree, { storage: { anchor: stochastic } });
});
