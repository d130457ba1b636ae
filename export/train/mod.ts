/**
 * Makes of a model and a loss, in ONNX, what trains it: gradients of standard operators, and with an
 * optimizer a graph whose run is a whole training step.
 *
 * @example
 * ```ts
 * import { crossEntropy } from "@gradus/gradus/train";
 * import { assertEquals } from "@std/assert";
 *
 * const loss = crossEntropy({ logits: "logits" });
 * assertEquals(loss.outputs, ["logits"]);
 * ```
 *
 * @module
 */
export { type GradientOptions, withGradients } from "./gradients.ts";
export { crossEntropy, type CrossEntropyOptions } from "./cross_entropy.ts";
export { lora, type LoraOptions } from "./lora.ts";
export type { Loss } from "./loss.ts";
export {
  binaryCrossEntropy,
  type BinaryCrossEntropyOptions,
  lossOutput,
  meanSquaredError,
  type MeanSquaredErrorOptions,
} from "./losses.ts";
export { byName } from "./params.ts";
export type { ModelSource } from "./read.ts";
export { trainingStep, type TrainingStepOptions } from "./step.ts";
export {
  type Batch,
  type BatchArray,
  type BatchTensor,
  OrtTrainer,
  type TrainerOptions,
  type TrainingOptions,
  type WhereOptions,
} from "../ort/mod.ts";
