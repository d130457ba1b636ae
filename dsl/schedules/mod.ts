/** Schedules: what a hyperparameter may be that changes from step to step. */
export * from "./combine.ts";
export * from "./cycle.ts";
export {
  cosineDecaySchedule,
  type CosineDecayScheduleOptions,
  exponentialDecay,
  type ExponentialDecayOptions,
  linearSchedule,
  type LinearScheduleOptions,
  polynomialSchedule,
  type PolynomialScheduleOptions,
} from "./decay.ts";
export {
  constantSchedule,
  joinSchedules,
  type JoinSchedulesOptions,
  piecewiseConstantSchedule,
  type PiecewiseConstantScheduleOptions,
  warmupCosineDecaySchedule,
  type WarmupCosineDecayScheduleOptions,
} from "./join.ts";
export * from "./find_rate.ts";
export { type Schedule, schedule } from "./schedule.ts";
export * from "./warmup.ts";
