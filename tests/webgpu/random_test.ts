/** Random numbers that are drawn on the GPU are those of the library. */
import { addNoise, chain, factory, parseProgram, sgd } from "../../mod.ts";
import { assert, assertEquals } from "../assert.ts";
import { assertSteps, gpuTest, onGpu } from "./gpu.ts";

const drawn = factory(parseProgram({
  name: "drawn",
  hyper: { seed: 0 },
  state: {
    n: 0,
    x: 0,
    k: { init: "seed", over: "tree" },
    y: 0,
  },
  step: `k = k + 0*globalSum(g)
    n = normal(seed)
    x = uniform(seed, 2*count - 1)
    y = uniform(k, count)
    u = 0*g`,
}));

gpuTest(
  "on the GPU, uniform numbers are the same, and normal ones good to 1e-6 of themselves",
  async () => {
    for (const seed of [7, -3, 2 ** 24 + 2, 2 ** 40 + 2 ** 20, 0.3125, -1.5e-30, Infinity]) {
      const opt = drawn({ seed });
      // Of sizes for vectors of four, and not; one is cut into chunks, and its neighbours have their own.
      const start = () => [new Float32Array(40_004), new Float32Array(3), new Float32Array(8)];
      const [params, gradients] = [start(), start()];
      const state = opt.init(params);
      const theirs = await onGpu(opt, async (gpu) => {
        const params = gpu.upload(start());
        const state = gpu.init(params);
        for (let t = 0; t < 2; t++) gpu.step(params, gpu.upload(gradients), state);
        return await gpu.download(state);
      });
      for (let t = 0; t < 2; t++) opt.step(params, gradients, state);
      assertEquals([theirs.x, seed], [state.x, seed]);
      // What is formed on the GPU is a float32 number, and NaN where 0 times it is.
      if (Number.isFinite(seed) && Math.fround(seed) === seed) {
        assertEquals([theirs.y, seed], [state.y, seed]);
      }
      let most = 0;
      (state.n as Float32Array[]).forEach((numbers, leaf) =>
        numbers.forEach((x, i) => {
          const error = Math.abs((theirs.n as Float32Array[])[leaf][i] / x - 1);
          most = Math.max(most, error);
        })
      );
      assert(most < 1e-6, `normal numbers are off by ${most}`);
    }
  },
);

gpuTest("on the GPU, noise is added to gradients as it is interpreted", async () => {
  await assertSteps(
    chain(addNoise({ eta: 0.1, gamma: 0.55, seed: 3 }), sgd({ learningRate: 0.1, momentum: 0.9 })),
    () => ({ a: Float32Array.of(1, -2, 3), b: { data: new Float32Array(6), shape: [2, 3] } }),
    (t) => ({
      a: Float32Array.of(t, 1, -1),
      b: { data: new Float32Array(6).fill(0.5), shape: [2, 3] },
    }),
  );
});
