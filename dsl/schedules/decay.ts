/** Schedules that go from one value towards another. Names, defaults and edge cases are Optax's. */
import { apply, constant, type Node } from "../node.ts";
import {
  optionsOf,
  requireFinite,
  requireNotNegative,
  requireNumbers,
  requireOneOf,
  requirePositive,
} from "./options.ts";
import { COUNT, type Schedule, scheduleOf } from "./schedule.ts";

const add = (a: Node, b: Node) => apply("Add", a, b);
const subtract = (a: Node, b: Node) => apply("Sub", a, b);
const multiply = (a: Node, b: Node) => apply("Mul", a, b);
const divide = (a: Node, b: Node) => apply("Div", a, b);
const power = (a: Node, b: Node) => apply("Pow", a, b);
const where = (condition: Node, a: Node, b: Node) => apply("Where", condition, a, b);

/** Options of {@linkcode polynomialSchedule}. */
export interface PolynomialScheduleOptions {
  /** Value at the beginning. */
  initValue: number;
  /** Value at the end. */
  endValue: number;
  /** Exponent of the decay; not negative. */
  power: number;
  /** Steps from the first value to the last; if 0 or less, the value stays `initValue`. */
  transitionSteps: number;
  /** Steps before the transition begins. Default 0. */
  transitionBegin?: number;
}

/**
 * From one value to another along a power of the time left:
 * `(initValue - endValue)·(1 - n/transitionSteps)^power + endValue`, `n` the steps since
 * `transitionBegin`, between 0 and `transitionSteps`.
 *
 * @example
 * ```ts
 * import { polynomialSchedule } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const value = polynomialSchedule({ initValue: 25, endValue: 10, power: 2, transitionSteps: 10 });
 * assertEquals([0, 5, 10, 11].map(value), [25, 13.75, 10, 10]);
 * ```
 *
 * @throws {GradusError} if a number is not finite, or `power` is negative.
 */
export function polynomialSchedule(options: PolynomialScheduleOptions): Schedule {
  const name = "polynomialSchedule";
  return polynomial(name, optionsOf(name, options, [...ALONG_A_LINE, "power"]));
}

/** A polynomial schedule that is part of the one of this name. */
function polynomial(name: string, options: PolynomialScheduleOptions): Schedule {
  const { initValue, endValue, power: exponent, transitionSteps, transitionBegin = 0 } = options;
  requireFinite(name, { initValue, endValue, transitionSteps, transitionBegin });
  requireNotNegative(name, { power: exponent });
  if (transitionSteps <= 0) return scheduleOf(constant(initValue));
  const begin = Math.max(transitionBegin, 0);
  const since = begin === 0 ? COUNT : subtract(COUNT, constant(begin));
  const n = apply("Clip", since, constant(0), constant(transitionSteps));
  const left = subtract(constant(1), divide(n, constant(transitionSteps)));
  const decay = exponent === 1 ? left : power(left, constant(exponent));
  return scheduleOf(add(multiply(constant(initValue - endValue), decay), constant(endValue)));
}

/** Options of {@linkcode linearSchedule}. */
export type LinearScheduleOptions = Omit<PolynomialScheduleOptions, "power">;

const ALONG_A_LINE = ["initValue", "endValue", "transitionSteps", "transitionBegin"] as const;

/**
 * From one value to another in a straight line: {@linkcode polynomialSchedule} of power 1.
 *
 * @example
 * ```ts
 * import { linearSchedule } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const warmup = linearSchedule({ initValue: 0, endValue: 1, transitionSteps: 4 });
 * assertEquals([0, 1, 4, 9].map(warmup), [0, 0.25, 1, 1]);
 * ```
 *
 * @throws {GradusError} if a number is not finite.
 */
export function linearSchedule(options: LinearScheduleOptions): Schedule {
  const name = "linearSchedule";
  return polynomial(name, { ...optionsOf(name, options, ALONG_A_LINE), power: 1 });
}

/** Options of {@linkcode cosineDecaySchedule}. */
export interface CosineDecayScheduleOptions {
  /** Value at the beginning. */
  initValue: number;
  /** Steps to the end of the decay; more than 0. */
  decaySteps: number;
  /** The last value as a multiple of `initValue`. Default 0. */
  alpha?: number;
  /** Exponent of the cosine; not negative. Default 1. */
  exponent?: number;
  /**
   * What the value does after the decay: holds, or goes on along the cosine and rises again, as PyTorch's
   * `CosineAnnealingLR` does. Default `"hold"`.
   */
  pastEnd?: "hold" | "rise";
}

/**
 * Half a cosine down to `alpha·initValue`:
 * `initValue·((1 - alpha)·((1 + cos(π·n/decaySteps))/2)^exponent + alpha)`, `n` at most `decaySteps`
 * unless the value rises again past the end.
 *
 * @example
 * ```ts
 * import { cosineDecaySchedule } from "@gradus/gradus";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * const value = cosineDecaySchedule({ initValue: 0.1, decaySteps: 100 });
 * assertAlmostEquals(value(50), 0.05);
 * ```
 *
 * @throws {GradusError} if a number is not finite, `decaySteps` not positive, or `exponent` negative.
 */
export function cosineDecaySchedule(options: CosineDecayScheduleOptions): Schedule {
  const name = "cosineDecaySchedule";
  const { initValue, decaySteps, alpha = 0, exponent = 1, pastEnd = "hold" } = optionsOf(
    name,
    options,
    ["initValue", "decaySteps", "alpha", "exponent", "pastEnd"],
  );
  requireOneOf(name, "pastEnd", pastEnd, ["hold", "rise"]);
  requireFinite(name, { initValue, alpha });
  requirePositive(name, { decaySteps });
  requireNotNegative(name, { exponent });
  const n = pastEnd === "rise" ? COUNT : apply("Min", COUNT, constant(decaySteps));
  const angle = divide(multiply(constant(Math.PI), n), constant(decaySteps));
  const half = multiply(constant(0.5), add(constant(1), apply("Cos", angle)));
  const decay = exponent === 1 ? half : power(half, constant(exponent));
  const shape = alpha === 0 ? decay : add(multiply(constant(1 - alpha), decay), constant(alpha));
  return scheduleOf(multiply(constant(initValue), shape));
}

/** Options of {@linkcode exponentialDecay}. */
export interface ExponentialDecayOptions {
  /** Value at the beginning. */
  initValue: number;
  /** Steps in which the value is multiplied by `decayRate` once; if 0 or less, it stays. */
  transitionSteps: number;
  /** The factor, not negative; if 0, the value stays `initValue`. */
  decayRate: number;
  /** Steps before the decay begins. Default 0. */
  transitionBegin?: number;
  /** Whether the value falls in stairs of `transitionSteps`. Default false. */
  staircase?: boolean;
  /** A bound: below where `decayRate` is under 1, else above. Default none. */
  endValue?: number;
}

/**
 * `initValue·decayRate^(n/transitionSteps)`, `n` the steps since `transitionBegin`.
 *
 * @example
 * ```ts
 * import { exponentialDecay } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const value = exponentialDecay({ initValue: 32, transitionSteps: 1, decayRate: 0.5 });
 * assertEquals([0, 1, 5].map(value), [32, 16, 1]);
 * ```
 *
 * @throws {GradusError} if a number is not finite, or `decayRate` is negative.
 */
export function exponentialDecay(options: ExponentialDecayOptions): Schedule {
  const name = "exponentialDecay";
  return exponential(name, optionsOf(name, options, DECAYING));
}

/** The names of the options of {@linkcode exponentialDecay}. */
export const DECAYING: readonly (keyof ExponentialDecayOptions)[] = [
  "initValue",
  "transitionSteps",
  "decayRate",
  "transitionBegin",
  "staircase",
  "endValue",
];

/** An exponential decay that is part of the schedule of this name. */
export function exponential(name: string, options: ExponentialDecayOptions): Schedule {
  const { initValue, transitionSteps, decayRate, endValue } = options;
  const { transitionBegin = 0, staircase = false } = options;
  requireFinite(name, { initValue, transitionSteps, transitionBegin });
  requireNotNegative(name, { decayRate });
  if (endValue !== undefined) requireNumbers(name, { endValue });
  if (transitionSteps <= 0 || decayRate === 0) return scheduleOf(constant(initValue));
  const begin = Math.max(transitionBegin, 0);
  const since = begin === 0 ? COUNT : subtract(COUNT, constant(begin));
  const periods = divide(since, constant(transitionSteps));
  const exponent = staircase ? apply("Floor", periods) : periods;
  const decayed = where(
    apply("LessOrEqual", since, constant(0)),
    constant(initValue),
    multiply(constant(initValue), power(constant(decayRate), exponent)),
  );
  if (endValue === undefined) return scheduleOf(decayed);
  return scheduleOf(apply(decayRate < 1 ? "Max" : "Min", decayed, constant(endValue)));
}
