/** Schedules made of others by factors: PyTorch's chained and multiplicative ones, and warm-ups of any. */
import { GradusError, shown } from "../errors.ts";
import { apply, constant, type Node } from "../node.ts";
import { cosineDecaySchedule, linearSchedule } from "./decay.ts";
import { joinSchedules } from "./join.ts";
import { optionsOf, requireFinite, requireNotNegative, requireOneOf } from "./options.ts";
import { type Schedule, scheduleOf } from "./schedule.ts";

/** Options of {@linkcode multiplySchedules}. */
export interface MultiplySchedulesOptions {
  /** The factors; at least one. */
  schedules: readonly Schedule[];
}

/**
 * The product of schedules: PyTorch's `ChainedScheduler`, whose schedulers after the first are factors.
 *
 * @example
 * ```ts
 * import { multiplySchedules, schedule } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const warming = schedule("min(1, t/4)");
 * const value = multiplySchedules({ schedules: [warming, schedule("0.5^count")] });
 * assertEquals([0, 1, 2].map(value), [0.25, 0.25, 0.1875]);
 * ```
 *
 * @throws {GradusError} if there is none, or one is no schedule.
 */
export function multiplySchedules(options: MultiplySchedulesOptions): Schedule {
  const name = "multiplySchedules";
  const { schedules } = optionsOf(name, options, ["schedules"]);
  if (!Array.isArray(schedules) || schedules.length === 0) {
    throw new GradusError(
      `Cannot make ${name}: \`schedules\` must be a list of schedules: given ${shown(schedules)}`,
    );
  }
  schedules.forEach((each, i) => requireSchedule(name, `schedules/${i}`, each));
  if (schedules.some(({ expression }) => expression === undefined)) {
    return (count) => schedules.reduce((value, each) => value * each(count), 1);
  }
  return scheduleOf(
    schedules.map(({ expression }): Node => expression!).reduce((a, b) => apply("Mul", a, b)),
  );
}

/** Options of {@linkcode multiplicativeSchedule}. */
export interface MultiplicativeScheduleOptions {
  /** Value at the beginning. */
  initValue: number;
  /** What the value is multiplied by as it comes to each count from 1 on. */
  factor: Schedule;
}

/**
 * A value that is multiplied by a factor at each count: `initValue·factor(1)·factor(2)·…·factor(n)`.
 * PyTorch's `MultiplicativeLR`. It has no expression, so that it becomes an input of an exported graph.
 *
 * @example
 * ```ts
 * import { multiplicativeSchedule } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const value = multiplicativeSchedule({ initValue: 1, factor: (count) => count % 2 === 0 ? 0.5 : 1 });
 * assertEquals([0, 1, 2, 3, 4].map(value), [1, 1, 0.5, 0.5, 0.25]);
 * ```
 *
 * @throws {GradusError} if `initValue` is not finite, or `factor` no schedule.
 */
export function multiplicativeSchedule(options: MultiplicativeScheduleOptions): Schedule {
  const name = "multiplicativeSchedule";
  const { initValue, factor } = optionsOf(name, options, ["initValue", "factor"]);
  requireFinite(name, { initValue });
  requireSchedule(name, "factor", factor);
  const values = [initValue];
  return (count) => {
    while (values.length <= count) values.push(values.at(-1)! * factor(values.length));
    return values[Math.max(0, Math.floor(count))];
  };
}

/**
 * `schedule` after a warm-up: in a straight line from 0 to its first value over `steps` steps, from where on
 * it counts.
 *
 * @example
 * ```ts
 * import { cosineDecaySchedule, withWarmup } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const value = withWarmup(cosineDecaySchedule({ initValue: 0.5, decaySteps: 10 }), 4);
 * assertEquals([0, 2, 4, 9, 14].map(value), [0, 0.25, 0.5, 0.25, 0]);
 * ```
 *
 * @throws {GradusError} if `steps` is negative or not finite, or `schedule` is none.
 */
export function withWarmup(schedule: Schedule, steps: number): Schedule {
  const name = "withWarmup";
  requireSchedule(name, "schedule", schedule);
  requireNotNegative(name, { steps });
  if (steps === 0) return schedule;
  const rise = linearSchedule({ initValue: 0, endValue: schedule(0), transitionSteps: steps });
  return joinSchedules({ schedules: [rise, schedule], boundaries: [steps] });
}

/** Options of {@linkcode swaSchedule}. */
export interface SwaScheduleOptions {
  /** What holds until the parameters are averaged. */
  schedule: Schedule;
  /** The count from which on they are. */
  start: number;
  /** The value that they are averaged at. */
  swaValue: number;
  /** Steps from the value at `start` to it; not negative. Default 10. */
  annealSteps?: number;
  /** The way there: along half a cosine, or a straight line. Default `"cos"`. */
  annealStrategy?: "cos" | "linear";
}

/**
 * A schedule that goes over to a constant value at which parameters are averaged: PyTorch's `SWALR`.
 *
 * Source: Izmailov et al. 2018, Averaging Weights Leads to Wider Optima and Better Generalization, arXiv
 * 1803.05407.
 *
 * @example
 * ```ts
 * import { constantSchedule, swaSchedule } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const value = swaSchedule({
 *   schedule: constantSchedule({ value: 0.5 }),
 *   start: 10,
 *   swaValue: 0.25,
 *   annealSteps: 2,
 *   annealStrategy: "linear",
 * });
 * assertEquals([9, 10, 11, 12, 20].map(value), [0.5, 0.5, 0.375, 0.25, 0.25]);
 * ```
 *
 * @throws {GradusError} if a number is not finite, a length negative, or `schedule` none.
 */
export function swaSchedule(options: SwaScheduleOptions): Schedule {
  const name = "swaSchedule";
  const { schedule, start, swaValue, annealSteps = 10, annealStrategy = "cos" } = optionsOf(
    name,
    options,
    ["schedule", "start", "swaValue", "annealSteps", "annealStrategy"],
  );
  requireSchedule(name, "schedule", schedule);
  requireFinite(name, { swaValue });
  requireNotNegative(name, { start, annealSteps });
  requireOneOf(name, "annealStrategy", annealStrategy, ["cos", "linear"]);
  const from = schedule(start);
  // The part of the way that is left, from 1 to 0.
  const left = annealSteps === 0
    ? scheduleOf(constant(0))
    : annealStrategy === "cos"
    ? cosineDecaySchedule({ initValue: 1, decaySteps: annealSteps })
    : linearSchedule({ initValue: 1, endValue: 0, transitionSteps: annealSteps });
  const value = apply(
    "Add",
    apply("Mul", constant(from - swaValue), left.expression!),
    constant(swaValue),
  );
  return joinSchedules({ schedules: [schedule, scheduleOf(value)], boundaries: [start] });
}

function requireSchedule(name: string, key: string, given: unknown): void {
  if (typeof given === "function") return;
  throw new GradusError(
    `Cannot make ${name}: \`${key}\` must be a schedule: given ${shown(given)}`,
  );
}
