/** Schedules made of pieces, one after another. Names, defaults and edge cases are Optax's. */
import { GradusError, shown } from "../errors.ts";
import { apply, constant, foldNodes, type Node, withSources } from "../node.ts";
import { cosineDecaySchedule, linearSchedule } from "./decay.ts";
import {
  factorsByCount,
  optionsOf,
  requireFinite,
  requireNotNegative,
  requireNumbers,
  requireOrdered,
} from "./options.ts";
import { COUNT, type Schedule, scheduleOf } from "./schedule.ts";

/**
 * The same value at every step.
 *
 * @example
 * ```ts
 * import { constantSchedule } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(constantSchedule({ value: 0.1 })(1000), 0.1);
 * ```
 */
export function constantSchedule(options: { value: number }): Schedule {
  const name = "constantSchedule";
  const { value } = optionsOf(name, options, ["value"]);
  requireNumbers(name, { value });
  return scheduleOf(constant(value));
}

/** Options of {@linkcode piecewiseConstantSchedule}. */
export interface PiecewiseConstantScheduleOptions {
  /** Value at the beginning. */
  initValue: number;
  /** Factors by the count from which each applies, none negative, in any order. Default none. */
  boundariesAndScales?: Readonly<Record<number, number>>;
}

/**
 * `initValue` times the factor of every boundary reached; at the boundary itself it is reached.
 *
 * @example
 * ```ts
 * import { piecewiseConstantSchedule } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const value = piecewiseConstantSchedule({ initValue: 1, boundariesAndScales: { 3: 0.5, 6: 0.5 } });
 * assertEquals([0, 2, 3, 6].map(value), [1, 1, 0.5, 0.25]);
 * ```
 *
 * @throws {GradusError} if a factor is negative or a boundary is not a count.
 */
export function piecewiseConstantSchedule(options: PiecewiseConstantScheduleOptions): Schedule {
  const name = "piecewiseConstantSchedule";
  const { initValue, boundariesAndScales = {} } = optionsOf(
    name,
    options,
    ["initValue", "boundariesAndScales"],
  );
  requireFinite(name, { initValue });
  let value = constant(initValue);
  for (const [boundary, scale] of factorsByCount(name, boundariesAndScales)) {
    const isReached = apply("GreaterOrEqual", COUNT, constant(boundary));
    value = apply("Mul", value, apply("Where", isReached, constant(scale), constant(1)));
  }
  return scheduleOf(value);
}

/** Options of {@linkcode joinSchedules}. */
export interface JoinSchedulesOptions {
  /** What follows one another; each counts from its own beginning. */
  schedules: readonly Schedule[];
  /** The counts at which each but the first takes over, in order. */
  boundaries: readonly number[];
}

/**
 * One schedule after another. If one of them is a function of your own, so is the result.
 *
 * @example
 * ```ts
 * import { constantSchedule, joinSchedules, linearSchedule } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const value = joinSchedules({
 *   schedules: [
 *     linearSchedule({ initValue: 0, endValue: 1, transitionSteps: 2 }),
 *     constantSchedule({ value: 1 }),
 *   ],
 *   boundaries: [2],
 * });
 * assertEquals([0, 1, 2, 3].map(value), [0, 0.5, 1, 1]);
 * ```
 *
 * @throws {GradusError} if there is no schedule, the boundaries are not one fewer, or they fall.
 */
export function joinSchedules(options: JoinSchedulesOptions): Schedule {
  const name = "joinSchedules";
  const { schedules, boundaries } = optionsOf(name, options, ["schedules", "boundaries"]);
  for (const [key, list] of Object.entries({ schedules, boundaries })) {
    if (!Array.isArray(list)) {
      throw new GradusError(`Cannot make ${name}: \`${key}\` must be a list: given ${shown(list)}`);
    }
  }
  if (schedules.length === 0) {
    throw new GradusError(`Cannot make ${name}: at least one schedule is required: given none`);
  }
  if (boundaries.length !== schedules.length - 1) {
    throw new GradusError(
      `Cannot make ${name}: ${schedules.length} schedules need ${
        schedules.length - 1
      } boundaries: ` +
        `given ${boundaries.length}`,
    );
  }
  requireOrdered(name, boundaries);
  schedules.forEach((given, i) => {
    if (typeof given !== "function") {
      throw new GradusError(
        `Cannot make ${name}: \`schedules/${i}\` must be a schedule: given ${shown(given)}`,
      );
    }
  });
  if (schedules.some(({ expression }) => expression === undefined)) {
    return (count) => {
      let value = schedules[0](count);
      boundaries.forEach((boundary, i) => {
        if (count >= boundary) value = schedules[i + 1](count - boundary);
      });
      return value;
    };
  }
  let value = schedules[0].expression!;
  boundaries.forEach((boundary, i) => {
    const since = apply("Sub", COUNT, constant(boundary));
    const { expression } = schedules[i + 1];
    const next = foldNodes<Node>(
      [expression!],
      (node, src) => node === COUNT ? since : withSources(node, src),
    ).get(expression!)!;
    value = apply("Where", apply("Less", COUNT, constant(boundary)), value, next);
  });
  return scheduleOf(value);
}

/** Options of {@linkcode warmupCosineDecaySchedule}. */
export interface WarmupCosineDecayScheduleOptions {
  /** Value at the beginning. */
  initValue: number;
  /** Value at the end of the warm-up. */
  peakValue: number;
  /** Steps of the warm-up; not negative. */
  warmupSteps: number;
  /** Steps in all, the warm-up included; more than `warmupSteps`. */
  decaySteps: number;
  /** Value at the end; ignored if `peakValue` is 0. Default 0. */
  endValue?: number;
  /** Exponent of the cosine; not negative. Default 1. */
  exponent?: number;
}

/**
 * A straight line from `initValue` to `peakValue`, then {@linkcode cosineDecaySchedule} to `endValue`.
 *
 * @example
 * ```ts
 * import { warmupCosineDecaySchedule } from "@gradus/gradus";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * const value = warmupCosineDecaySchedule({
 *   initValue: 0,
 *   peakValue: 1,
 *   warmupSteps: 10,
 *   decaySteps: 110,
 * });
 * assertAlmostEquals(value(5), 0.5);
 * assertAlmostEquals(value(60), 0.5);
 * ```
 *
 * @throws {GradusError} if a number is not finite, `warmupSteps` or `exponent` is negative, or `decaySteps`
 * not more than `warmupSteps`.
 */
export function warmupCosineDecaySchedule(options: WarmupCosineDecayScheduleOptions): Schedule {
  return warmupCosine("warmupCosineDecaySchedule", options);
}

/** The same where it is part of the schedule of this name. */
export function warmupCosine(name: string, options: WarmupCosineDecayScheduleOptions): Schedule {
  const { initValue, peakValue, warmupSteps, decaySteps, endValue = 0, exponent = 1 } = optionsOf(
    name,
    options,
    ["initValue", "peakValue", "warmupSteps", "decaySteps", "endValue", "exponent"],
  );
  requireFinite(name, { initValue, peakValue, decaySteps, endValue });
  requireNotNegative(name, { warmupSteps, exponent });
  if (decaySteps <= warmupSteps) {
    throw new GradusError(
      `Cannot make ${name}: \`decaySteps\`, which includes the warm-up, must be ` +
        `more than \`warmupSteps\`: given ${decaySteps} and ${warmupSteps}`,
    );
  }
  return joinSchedules({
    schedules: [
      linearSchedule({ initValue, endValue: peakValue, transitionSteps: warmupSteps }),
      cosineDecaySchedule({
        initValue: peakValue,
        decaySteps: decaySteps - warmupSteps,
        alpha: peakValue === 0 ? 0 : endValue / peakValue,
        exponent,
      }),
    ],
    boundaries: [warmupSteps],
  });
}
