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
