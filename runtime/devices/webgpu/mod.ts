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
 *   using gpu = await WebGpuOptimizer.create(opt, { device });
 *   const params = gpu.upload({ w: new Float32Array(1000) });
 *   const gradients = gpu.upload({ w: new Float32Array(1000).fill(0.5) });
 *   const state = gpu.init(params);
 *   for (let step = 0; step < 10; step++) gpu.step(params, gradients, state); // nothing is read back
 *   console.log(await gpu.download(params), await gpu.download(state));
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
 * - Reductions add float32 numbers, few at a time and then few of such sums: of 10⁸ numbers of one sign the
 *   sum is good to 1e-6 of itself. What is large or small is scaled before it is squared or added, so that
 *   norms and means hold over the whole range; only a sum or norm that is itself beyond 3.4e38 is infinite,
 *   and gradients of such a norm are clipped to 0; where subnormal numbers count as 0, those of a norm beyond
 *   2^126 times `maxNorm` too.
 * - Random bits and uniform numbers are those of the library; normal numbers are good to 1e-6 of themselves.
 * - Products of matrices add 16 float32 terms at a time, then 16 of such sums, and so on: good to 1e-6 of the
 *   sum of the terms' sizes. A term beyond 3.4e38 is infinite.
 * - Numbers that rest on a reduction over the tree stay on the GPU and are formed in float32. Those that
 *   count, as `applyIfFinite` counts steps, are whole numbers, up to 2³¹ - 1, and powers by them, such as
 *   `1 - b^t`, are good to 1e-6 of themselves. A schedule that follows one is evaluated on the host, for each
 *   number that the count may be, and rounded to float32 before anything is computed with it.
 * - `qr` reflects in float32: its columns are orthonormal to 1e-6, and off from the library's by that much times
 *   the condition of the matrix. A column that depends on those before it to a part in 10⁶ may get another
 *   one that is orthogonal to them. Columns may be of any size, subnormal numbers included; what
 *   is below 1e-60 of the largest number of its column may count as 0.
 * - What is stored short has the bits that the library would store of the same float32 numbers, and stochastic
 *   rounding the same random bits. `float16` is converted by the device's own instructions (`pack2x16float`) where
 *   these were seen to give these bits, for every float16 number and between them; by whole numbers elsewhere, since
 *   WGSL leaves open to which neighbour it rounds.
 *
 * Where a device has the feature `subgroups`, reductions join numbers by shuffles within subgroups, to the same bounds.
 * A device that `create` opens has it where the adapter has; on one of your own, ask for it.
 *
 * @module
 */
export type { GpuKind, GpuTensor } from "../../trees/gpu_tensor.ts";
export type { Downloaded, FromGpu, OnGpu } from "./transfer.ts";
export type { InitOptions } from "../../trees/state_storage.ts";
export type { Configured } from "../../step/rule.ts";
export type { StepOptions } from "../../step/options.ts";
export { WebGpuOptimizer, type WebGpuOptions } from "./optimizer.ts";
