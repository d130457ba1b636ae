/**
 * Runs optimizers on WebGPU, in Deno and in browsers: the loops that the library plans, as compute
 * shaders that change parameters and states in place, where they are.
 *
 * ```ts
 * import { adamw, chain, clipByGlobalNorm } from "@gradus/gradus";
 * import { WebGpuOptimizer } from "@gradus/gradus/webgpu";
 *
 * async function train(device: GPUDevice): Promise<void> {
 *   const opt = chain(clipByGlobalNorm({ maxNorm: 1 }), adamw({ learningRate: 1e-3 }));
 *   const gpu = await WebGpuOptimizer.create(opt, { device });
 *   const params = gpu.upload({ w: new Float32Array(1000) });
 *   const gradients = gpu.upload({ w: new Float32Array(1000).fill(0.5) });
 *   const state = gpu.init(params);
 *   for (let step = 0; step < 10; step++) gpu.step(params, gradients, state); // nothing is read back
 *   console.log(await gpu.download(params), await gpu.download(state));
 *   gpu.dispose();
 * }
 * ```
 *
 * Arithmetic is float32 as in the library, and numbers of the step (bias corrections, schedules) are
 * formed on the host in float64. What differs is what WGSL leaves open:
 *
 * - Division may be off by 2.5 units in the last place, square roots by a few more, exp, log, powers and
 *   the like by 1e-5 of the result or of 1.
 * - Compilers may round a product and a sum once together, take subnormal numbers for 0, and rewrite
 *   expressions as if they were of real numbers, `a + (b - a)` as `b`. NaN is told by its bits, wherever
 *   something is decided by it; such a rewriting may lose it before.
 * - Reductions add float32 numbers, in blocks of 4096 by pairs and then in 256 sums: of 10⁷ numbers of one
 *   sign the sum is good to 1e-6 of itself. A sum of squares beyond 3.4e38 overflows.
 * - Numbers that rest on a reduction over the tree stay on the GPU and are formed in float32; where such
 *   a number counts the steps, as `applyIfFinite` does, `1 - b^t` is good to about 1e-4 of itself.
 *
 * @module
 */
export type { GpuKind, GpuTensor } from "../../trees/gpu_tensor.ts";
export type { FromGpu, OnGpu } from "./transfer.ts";
export type { Configured } from "../../step/binding.ts";
export { WebGpuOptimizer, type WebGpuOptions } from "./optimizer.ts";
