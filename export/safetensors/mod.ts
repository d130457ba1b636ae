/**
 * Reads and writes safetensors files, and with them checkpoints of training.
 *
 * @module
 */
export type { SafeArray, SafeDType } from "./dtypes.ts";
export { readSafetensors, type SafeTensor, type Safetensors } from "./read.ts";
export { type ByName, streamSafetensors, type TensorToWrite, writeSafetensors } from "./write.ts";
export {
  type FromTorchOptions,
  fromTorchStateDict,
  type TorchOrder,
  type TorchParamGroup,
  type TorchStateDict,
  toTorchStateDict,
} from "./torch/mod.ts";
