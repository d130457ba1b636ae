/**
 * The optimizers, a file a family, each as short as its paper. What Optax has by name is here by the same
 * name in camel case, but for what a step program cannot say: `dpsgd` and the clips of gradients per
 * example, which take a gradient for each; `galore`, which takes singular vectors; line searches and
 * `sam`, which look at the loss elsewhere; the parts of Muon; and the deprecated `optimistic_adam`.
 */
export * from "./acprop.ts";
export * from "./adafactor.ts";
export * from "./adagrad.ts";
export * from "./adam.ts";
export * from "./adam_mini.ts";
export * from "./adamax.ts";
export * from "./adan.ts";
export * from "./ademamix.ts";
export * from "./adopt.ts";
export * from "./amsgrad.ts";
export * from "./asgd.ts";
export * from "./belief.ts";
export * from "./cautious.ts";
export * from "./clip.ts";
export * from "./cocob.ts";
export * from "./dadaptation.ts";
export * from "./decay.ts";
export * from "./dog.ts";
export * from "./fromage.ts";
export * from "./grams.ts";
export * from "./lamb.ts";
export * from "./laprop.ts";
export * from "./lars.ts";
export * from "./lbfgs.ts";
export * from "./lion.ts";
export type { LikeOption } from "./like.ts";
export * from "./madgrad.ts";
export * from "./mars.ts";
export * from "./momo.ts";
export * from "./muon.ts";
export * from "./noise.ts";
export * from "./novograd.ts";
export * from "./optimistic.ts";
export * from "./plateau.ts";
export * from "./polyak.ts";
export * from "./power_sign.ts";
export * from "./radam.ts";
export * from "./rmsprop.ts";
export * from "./rprop.ts";
export * from "./scale.ts";
export * from "./schedule_free.ts";
export { sgd, type SgdOptions } from "./sgd.ts";
export * from "./sign.ts";
export * from "./simplified_ademamix.ts";
export * from "./sm3.ts";
export * from "./smooth_lion.ts";
export * from "./sophia.ts";
export * from "./tiger.ts";
export * from "./trace.ts";
export * from "./trust.ts";
export * from "./units.ts";
export * from "./yogi.ts";
export { setToZero } from "./zero.ts";
