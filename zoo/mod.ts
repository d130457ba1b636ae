/** The optimizers, a file a family, each as short as its paper. */
export { adamw, type AdamWOptions } from "./adam.ts";
export * from "./clip.ts";
export { lion, type LionOptions } from "./lion.ts";
export { sgd, type SgdOptions } from "./sgd.ts";
export * from "./decay.ts";
export * from "./scale.ts";
export * from "./trace.ts";
export { setToZero } from "./zero.ts";
export * from "./plateau.ts";
export * from "./lbfgs.ts";
