/**
 * Runs exported optimizers on ONNX Runtime Web: the same step as in the library, from the bytes alone.
 *
 * @example
 * ```ts
 * import { OrtOptimizer } from "@gradus/gradus/ort";
 * import { toOnnx } from "@gradus/gradus/onnx";
 * import { lion } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const params = { x: Float32Array.of(1, -1) };
 * const bytes = toOnnx(lion({ learningRate: 0.25, weightDecay: 0 }), params);
 * const opt = await OrtOptimizer.load(bytes);
 * const state = opt.init(params);
 * await opt.step(params, { x: Float32Array.of(2, -2) }, state);
 * assertEquals(params.x, Float32Array.of(0.75, -0.75));
 * await opt.dispose();
 * ```
 *
 * On a GPU, parameters and states stay where they are from step to step.
 *
 * @example
 * ```ts
 * import { OrtOptimizer } from "@gradus/gradus/ort";
 * import { toOnnx } from "@gradus/gradus/onnx";
 * import { adamw } from "@gradus/gradus";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * const params = { x: Float32Array.of(1, -1) };
 * const bytes = toOnnx(adamw({ learningRate: 0.25 }), params);
 * if (await navigator.gpu?.requestAdapter()) {
 *   const opt = await OrtOptimizer.load(bytes, { executionProvider: "webgpu" });
 *   const state = opt.init(params);
 *   for (let t = 0; t < 2; t++) await opt.step(params, { x: Float32Array.of(2, -2) }, state);
 *   const { x } = opt.buffers(params);
 *   console.log(x.buffer.size, x.shape);
 *   await opt.download(params);
 *   assertAlmostEquals(params.x[0], 0.5, 1e-3);
 *   await opt.dispose();
 * }
 * ```
 *
 * @module
 */
export type { GpuTensor } from "../../runtime/trees/gpu_tensor.ts";
export type { InArray, OffGpu, OnBuffers, OnGpu } from "./held.ts";
export type { Batch, BatchArray, BatchTensor } from "./batch.ts";
export { OrtTrainer } from "./trainer.ts";
export type { TrainerOptions, TrainingOptions } from "./trainer_options.ts";
export type { WhereOptions } from "./where.ts";
export { OrtOptimizer, type OrtOptions } from "./optimizer.ts";
export type { StepOptions } from "../../runtime/step/options.ts";
