/** The optimizers, a file a family, each as short as its paper. */
export { adamw, type AdamWOptions } from "./adam.ts";
export { clipByGlobalNorm, type ClipByGlobalNormOptions } from "./clip.ts";
export { lion, type LionOptions } from "./lion.ts";
export { sgd, type SgdOptions } from "./sgd.ts";
export { setToZero } from "./zero.ts";
