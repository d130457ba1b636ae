/** The optimizers, a file a family, each as short as its paper. */
export { acprop, type AcpropOptions, scaleByAcprop, type ScaleByAcpropOptions } from "./acprop.ts";
export {
  adam,
  type AdamOptions,
  adamw,
  type AdamWOptions,
  nadam,
  type NAdamOptions,
  nadamw,
  type NAdamWOptions,
  scaleByAdam,
  type ScaleByAdamOptions,
} from "./adam.ts";
export { adamMini, type AdamMiniOptions } from "./adam_mini.ts";
export {
  adamax,
  type AdamaxOptions,
  adamaxw,
  type AdamaxWOptions,
  scaleByAdamax,
  type ScaleByAdamaxOptions,
} from "./adamax.ts";
export { adan, type AdanOptions, scaleByAdan, type ScaleByAdanOptions } from "./adan.ts";
export {
  ademamix,
  type AdEMAMixOptions,
  scaleByAdemamix,
  type ScaleByAdEMAMixOptions,
} from "./ademamix.ts";
export { adopt, type AdoptOptions, scaleByAdopt, type ScaleByAdoptOptions } from "./adopt.ts";
export {
  amsgrad,
  type AmsgradOptions,
  scaleByAmsgrad,
  type ScaleByAmsgradOptions,
} from "./amsgrad.ts";
export {
  adabelief,
  type AdaBeliefOptions,
  scaleByBelief,
  type ScaleByBeliefOptions,
} from "./belief.ts";
export { cautiousAdamw, type CautiousAdamWOptions } from "./cautious.ts";
export {
  clip,
  clipByBlockRms,
  type ClipByBlockRmsOptions,
  clipByGlobalNorm,
  type ClipByGlobalNormOptions,
  type ClipOptions,
  normalizeByUpdateNorm,
  type NormalizeByUpdateNormOptions,
  zeroNans,
} from "./clip.ts";
export {
  addDecayedWeights,
  type AddDecayedWeightsOptions,
  keepParamsNonnegative,
} from "./decay.ts";
export { grams, type GramsOptions } from "./grams.ts";
export { laprop, type LaPropOptions } from "./laprop.ts";
export { lion, type LionOptions } from "./lion.ts";
export { marsAdamw, type MarsAdamWOptions } from "./mars.ts";
export { radam, type RAdamOptions, scaleByRadam, type ScaleByRAdamOptions } from "./radam.ts";
export {
  identity,
  scale,
  scaleByLearningRate,
  type ScaleByLearningRateOptions,
  scaleBySchedule,
  type ScaleByScheduleOptions,
  type ScaleOptions,
} from "./scale.ts";
export { sgd, type SgdOptions } from "./sgd.ts";
export {
  scaleBySimplifiedAdemamix,
  type ScaleBySimplifiedAdEMAMixOptions,
  simplifiedAdemamix,
  type SimplifiedAdEMAMixOptions,
} from "./simplified_ademamix.ts";
export {
  applyEvery,
  type ApplyEveryOptions,
  ema,
  type EmaOptions,
  trace,
  type TraceOptions,
} from "./trace.ts";
export { scaleByYogi, type ScaleByYogiOptions, yogi, type YogiOptions } from "./yogi.ts";
export { setToZero } from "./zero.ts";
export * from "./plateau.ts";
export * from "./lbfgs.ts";
