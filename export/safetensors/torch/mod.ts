/** States of PyTorch's optimizers: written as it has them, and read. */
export { type FromTorchOptions, fromTorchStateDict } from "./from.ts";
export { type TorchParamGroup, type TorchStateDict, toTorchStateDict } from "./to.ts";
export type { TorchOrder } from "./tree.ts";
