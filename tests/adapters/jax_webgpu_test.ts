/** Steps inside jax-js on its WebGPU backend. */
import { defaultDevice, init, jit, numpy as np, tree } from "@jax-js/jax";
import { type JaxState, toJax } from "../../adapters/jax/mod.ts";
import { adamw, chain, clipByGlobalNorm, lion, type Optimizer } from "../../mod.ts";
import { assert } from "../assert.ts";
import { gpuTest } from "../webgpu/gpu.ts";

/** Steps ten times as one graph on the GPU, and by Gradus's own kernels. */
async function trained(opt: Optimizer): Promise<[theirs: Float32Array, ours: Float32Array]> {
  const jax = toJax(opt, np);
  const step = jit((w: np.Array, g: np.Array, state: JaxState<np.Array>) => {
    const [updates, next] = jax.update(g, state, w.ref);
    return { w: w.add(updates), next };
  });
  const ours = Float32Array.of(1, -2, 0.5, 0);
  const ownState = opt.init(ours);
  let w = np.array(ours.slice());
  let state = jax.init(w.ref);
  for (let t = 0; t < 10; t++) {
    const g = Float32Array.of(Math.sin(t), 1, -3, 0.1 * t);
    const made = step(w, np.array(g.slice()), state);
    [w, state] = [made.w, made.next];
    opt.step(ours, g, ownState);
  }
  tree.dispose(state);
  return [await w.data() as Float32Array, ours];
}

gpuTest("optimizers step inside jax-js on WebGPU as by Gradus's own kernels", async () => {
  const devices = await init("webgpu");
  assert(devices.includes("webgpu"), "jax-js found no WebGPU");
  const before = defaultDevice();
  defaultDevice("webgpu");
  try {
    const clipped = chain(clipByGlobalNorm({ maxNorm: 1 }), adamw({ learningRate: 0.1 }));
    for (const opt of [clipped, lion({ learningRate: 0.1 })]) {
      const [theirs, ours] = await trained(opt);
      ours.forEach((x, i) => assert(Math.abs(theirs[i] - x) < 1e-5, `${theirs[i]}, not ${x}`));
    }
  } finally {
    defaultDevice(before);
  }
});
