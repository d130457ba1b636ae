/** Optimizers made of optimizers: each is a program around another's. */
export * from "./average.ts";
export * from "./average_steps.ts";
export * from "./conditionally.ts";
export * from "./finite.ts";
export * from "./lookahead.ts";
export * from "./loss_scale.ts";
export * from "./masked.ts";
export * from "./mechanize.ts";
export * from "./multi_steps.ts";
export * from "./schedule_free.ts";
export {
  type BacktrackingLinesearchOptions,
  scaleByBacktrackingLinesearch,
} from "./backtracking.ts";
export { scaleByZoomLinesearch, type ZoomLinesearchOptions } from "./zoom.ts";
export * from "./privacy.ts";
export * from "./hutchinson.ts";
export * from "./sam.ts";
