/**
 * Schedules: scalar programs over `count`, the number of updates before this one. They are called as
 * functions, and printed, exported and searched as expressions. Names, defaults and edge cases are
 * Optax's.
 */
import { GradusError, shown, suggestion } from "./errors.ts";
import { Evaluator } from "./evaluate.ts";
import { apply, constant, foldNodes, type Node, symbol, withSources } from "./node.ts";
import { parseExpression } from "./parse.ts";

/**
 * A value for each step: called with the number of updates before this one. One made here carries
 * its expression; a function of your own has none, runs all the same, and becomes an input of an
 * exported graph.
 */
export interface Schedule {
  (count: number): number;
  /** The value as an expression of the symbol `count`. */
  readonly expression?: Node;
}

const COUNT = symbol("count");
const add = (a: Node, b: Node) => apply("Add", a, b);
const subtract = (a: Node, b: Node) => apply("Sub", a, b);
const multiply = (a: Node, b: Node) => apply("Mul", a, b);
const divide = (a: Node, b: Node) => apply("Div", a, b);
const power = (a: Node, b: Node) => apply("Pow", a, b);
const where = (condition: Node, a: Node, b: Node) => apply("Where", condition, a, b);

/** A schedule from its expression. */
function scheduleOf(expression: Node): Schedule {
  const evaluator = new Evaluator([expression]);
  const evaluate = (count: number): number => {
    evaluator.evaluate(new Map([["count", count]]));
    return evaluator.get(expression);
  };
  return Object.freeze(Object.assign(evaluate, { expression }));
}

function requireNumbers(name: string, values: Readonly<Record<string, unknown>>): void {
  for (const [key, value] of Object.entries(values)) {
    if (typeof value !== "number" || Number.isNaN(value)) {
      throw new GradusError(
        `Cannot make ${name}: \`${key}\` must be a number: given ${shown(value)}`,
      );
    }
  }
}

/**
 * A schedule in the language's own text, over `count` or `t` = `count` + 1.
 *
 * @example
 * ```ts
 * import { schedule } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(schedule("0.1 / sqrt(t)")(3), 0.05);
 * ```
 *
 * @throws {GradusError} if the text is no expression over `count`.
 */
export function schedule(text: string): Schedule {
  const expression = parseExpression(text, {
    read: (name, fail) =>
      name === "count" || name === "t" ? "number" : fail(
        `a schedule reads \`count\` and \`t\` only: there is no \`${name}\`${
          suggestion(name, ["count"])
        }`,
      ),
    assign: (_name, _type, fail) => fail("a schedule is one expression"),
  }, "a schedule");
  const t = add(COUNT, constant(1));
  return scheduleOf(
    foldNodes<Node>([expression], (node, src) => {
      if (node.op === "Symbol") return node.arg === "t" ? t : COUNT;
      if (node.op.startsWith("Reduce")) {
        throw new GradusError(`Cannot read a schedule: it has nothing to reduce: given ${text}`);
      }
      return withSources(node, src);
    }).get(expression)!,
  );
}

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
export function constantSchedule({ value }: { value: number }): Schedule {
  requireNumbers("constantSchedule", { value });
  return scheduleOf(constant(value));
}

/** Options of {@linkcode polynomialSchedule}. */
export interface PolynomialScheduleOptions {
  /** Value at the beginning. */
  initValue: number;
  /** Value at the end. */
  endValue: number;
  /** Exponent of the decay. */
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
 */
export function polynomialSchedule(options: PolynomialScheduleOptions): Schedule {
  const { initValue, endValue, power: exponent, transitionSteps, transitionBegin = 0 } = options;
  requireNumbers("polynomialSchedule", {
    initValue,
    endValue,
    power: exponent,
    transitionSteps,
    transitionBegin,
  });
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
 */
export function linearSchedule(options: LinearScheduleOptions): Schedule {
  return polynomialSchedule({ ...options, power: 1 });
}

/** Options of {@linkcode cosineDecaySchedule}. */
export interface CosineDecayScheduleOptions {
  /** Value at the beginning. */
  initValue: number;
  /** Steps to the end of the decay; more than 0. */
  decaySteps: number;
  /** The last value as a multiple of `initValue`. Default 0. */
  alpha?: number;
  /** Exponent of the cosine. Default 1. */
  exponent?: number;
}

/**
 * Half a cosine down to `alpha·initValue`:
 * `initValue·((1 - alpha)·((1 + cos(π·n/decaySteps))/2)^exponent + alpha)`, `n` at most `decaySteps`.
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
 * @throws {GradusError} if `decaySteps` is not positive.
 */
export function cosineDecaySchedule(options: CosineDecayScheduleOptions): Schedule {
  const { initValue, decaySteps, alpha = 0, exponent = 1 } = options;
  requireNumbers("cosineDecaySchedule", { initValue, decaySteps, alpha, exponent });
  if (decaySteps <= 0) {
    throw new GradusError(
      `Cannot make cosineDecaySchedule: \`decaySteps\` must be positive: given ${decaySteps}`,
    );
  }
  const n = apply("Min", COUNT, constant(decaySteps));
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
  /** The factor; if 0, the value stays `initValue`. */
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
 */
export function exponentialDecay(options: ExponentialDecayOptions): Schedule {
  const { initValue, transitionSteps, decayRate, endValue } = options;
  const { transitionBegin = 0, staircase = false } = options;
  requireNumbers("exponentialDecay", { initValue, transitionSteps, decayRate, transitionBegin });
  if (endValue !== undefined) requireNumbers("exponentialDecay", { endValue });
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

/** Options of {@linkcode piecewiseConstantSchedule}. */
export interface PiecewiseConstantScheduleOptions {
  /** Value at the beginning. */
  initValue: number;
  /** Factors, none negative, by the count from which each applies. Default none. */
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
 * @throws {GradusError} if a factor is negative.
 */
export function piecewiseConstantSchedule(options: PiecewiseConstantScheduleOptions): Schedule {
  const { initValue, boundariesAndScales = {} } = options;
  requireNumbers("piecewiseConstantSchedule", { initValue, ...boundariesAndScales });
  const steps = Object.entries(boundariesAndScales)
    .map(([boundary, scale]) => [Number(boundary), scale] as const)
    .sort(([a], [b]) => a - b);
  let value = constant(initValue);
  for (const [boundary, scale] of steps) {
    if (Number.isNaN(boundary) || scale < 0) {
      throw new GradusError(
        `Cannot make piecewiseConstantSchedule: boundaries must be counts and factors must not be ` +
          `negative: given ${boundary}: ${scale}`,
      );
    }
    const isReached = apply("GreaterOrEqual", COUNT, constant(boundary));
    value = multiply(value, where(isReached, constant(scale), constant(1)));
  }
  return scheduleOf(value);
}

/** Options of {@linkcode joinSchedules}. */
export interface JoinSchedulesOptions {
  /** What follows one another; each counts from its own beginning. */
  schedules: readonly Schedule[];
  /** The counts at which each but the first takes over. */
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
 * @throws {GradusError} if there is not one boundary fewer than there are schedules.
 */
export function joinSchedules({ schedules, boundaries }: JoinSchedulesOptions): Schedule {
  if (schedules.length === 0 || boundaries.length !== schedules.length - 1) {
    throw new GradusError(
      `Cannot make joinSchedules: ${Math.max(schedules.length, 1)} schedules need ` +
        `${Math.max(schedules.length - 1, 0)} boundaries: given ${schedules.length} and ` +
        `${boundaries.length}`,
    );
  }
  requireNumbers("joinSchedules", { ...boundaries });
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
    const since = subtract(COUNT, constant(boundary));
    const { expression } = schedules[i + 1];
    const next = foldNodes<Node>(
      [expression!],
      (node, src) => node === COUNT ? since : withSources(node, src),
    ).get(expression!)!;
    value = where(apply("Less", COUNT, constant(boundary)), value, next);
  });
  return scheduleOf(value);
}

/** Options of {@linkcode warmupCosineDecaySchedule}. */
export interface WarmupCosineDecayScheduleOptions {
  /** Value at the beginning. */
  initValue: number;
  /** Value at the end of the warm-up. */
  peakValue: number;
  /** Steps of the warm-up. */
  warmupSteps: number;
  /** Steps in all, the warm-up included; more than `warmupSteps`. */
  decaySteps: number;
  /** Value at the end; ignored if `peakValue` is 0. Default 0. */
  endValue?: number;
  /** Exponent of the cosine. Default 1. */
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
 * @throws {GradusError} if `decaySteps` is not more than `warmupSteps`.
 */
export function warmupCosineDecaySchedule(options: WarmupCosineDecayScheduleOptions): Schedule {
  const { initValue, peakValue, warmupSteps, decaySteps, endValue = 0, exponent = 1 } = options;
  requireNumbers("warmupCosineDecaySchedule", {
    initValue,
    peakValue,
    warmupSteps,
    decaySteps,
    endValue,
    exponent,
  });
  if (decaySteps <= warmupSteps) {
    throw new GradusError(
      `Cannot make warmupCosineDecaySchedule: \`decaySteps\`, which includes the warm-up, must be ` +
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
