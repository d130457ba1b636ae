/**
 * Saves training to safetensors files and goes on from them, and reads and writes such files of any kind.
 *
 * @example
 * ```ts
 * import { load, save } from "@gradus/gradus/safetensors";
 * import { adamw } from "@gradus/gradus";
 *
 * const optimizer = adamw({ learningRate: 1e-3 });
 * const params = { w: new Float32Array(10) };
 * const bytes: Uint8Array = save({ optimizer, params, state: optimizer.init(params) });
 * const run = load(bytes); // its optimizer, parameters and state
 * run.optimizer.step(run.params, { w: new Float32Array(10) }, run.state);
 * ```
 *
 * @module
 */
export type { SafeArray, SafeDType } from "./dtypes.ts";
export type { Checkpoint } from "./gather.ts";
export { load, type Loaded, type LoadOptions } from "./load.ts";
export { readSafetensors, type SafeTensor, type Safetensors } from "./read.ts";
export { type Downloads, save, saveStream } from "./save.ts";
export { type ByName, streamSafetensors, type TensorToWrite, writeSafetensors } from "./write.ts";
export {
  type FromTorchOptions,
  fromTorchStateDict,
  type TorchOrder,
  type TorchParamGroup,
  type TorchStateDict,
  toTorchStateDict,
} from "./torch/mod.ts";
export { type CheckpointPlace, type PageFile, readCheckpoint, writeCheckpoint } from "./files.ts";
