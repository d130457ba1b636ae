/** Schedules that begin with a straight line up. */
import { GradusError, shown } from "../errors.ts";
import { apply, constant } from "../node.ts";
import {
  cosineDecaySchedule,
  DECAYING,
  exponential,
  linearSchedule,
  polynomialSchedule,
} from "./decay.ts";
import {
  constantSchedule,
  joinSchedules,
  warmupCosine,
  type WarmupCosineDecayScheduleOptions,
} from "./join.ts";
import { optionsOf, requireFinite, requireNotNegative, requirePositive } from "./options.ts";
import { COUNT, type Schedule, scheduleOf } from "./schedule.ts";

/** Options of {@linkcode warmupConstantSchedule}. */
export interface WarmupConstantScheduleOptions {
  /** Value at the beginning. */
  initValue: number;
  /** Value from the end of the warm-up on. */
  peakValue: number;
  /** Steps of the warm-up; not negative. */
  warmupSteps: number;
}

/**
 * A straight line from `initValue` to `peakValue`, which then stays.
 *
 * @example
 * ```ts
 * import { warmupConstantSchedule } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const value = warmupConstantSchedule({ initValue: 0, peakValue: 1, warmupSteps: 4 });
 * assertEquals([0, 1, 4, 100].map(value), [0, 0.25, 1, 1]);
 * ```
 *
 * @throws {GradusError} if a number is not finite, or `warmupSteps` is negative.
 */
export function warmupConstantSchedule(options: WarmupConstantScheduleOptions): Schedule {
  const name = "warmupConstantSchedule";
  const { initValue, peakValue, warmupSteps } = optionsOf(
    name,
    options,
    ["initValue", "peakValue", "warmupSteps"],
  );
  requireFinite(name, { peakValue });
  const after = constantSchedule({ value: peakValue });
  return warmedUp(name, { initValue, peakValue, warmupSteps }, after);
}

/** Options of {@linkcode warmupExponentialDecaySchedule}. */
export interface WarmupExponentialDecayScheduleOptions extends WarmupConstantScheduleOptions {
  /** Steps in which the value is multiplied by `decayRate` once. */
  transitionSteps: number;
  /** The factor; not negative. */
  decayRate: number;
  /** Steps after the warm-up before the decay begins. Default 0. */
  transitionBegin?: number;
  /** Whether the value falls in stairs. Default false. */
  staircase?: boolean;
  /** A bound: below where `decayRate` is under 1, else above. Default none. */
  endValue?: number;
}

/**
 * A straight line from `initValue` to `peakValue`, then {@linkcode exponentialDecay} from there.
 *
 * @example
 * ```ts
 * import { warmupExponentialDecaySchedule } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const value = warmupExponentialDecaySchedule({
 *   initValue: 0,
 *   peakValue: 8,
 *   warmupSteps: 2,
 *   transitionSteps: 1,
 *   decayRate: 0.5,
 * });
 * assertEquals([0, 1, 2, 3, 5].map(value), [0, 4, 8, 4, 1]);
 * ```
 *
 * @throws {GradusError} if a number is not finite, or `warmupSteps` or `decayRate` is negative.
 */
export function warmupExponentialDecaySchedule(
  options: WarmupExponentialDecayScheduleOptions,
): Schedule {
  const name = "warmupExponentialDecaySchedule";
  const { initValue, peakValue, warmupSteps, ...decay } = optionsOf(
    name,
    options,
    [...DECAYING, "peakValue", "warmupSteps"],
  );
  requireFinite(name, { peakValue });
  const after = exponential(name, { ...decay, initValue: peakValue });
  return warmedUp(name, { initValue, peakValue, warmupSteps }, after);
}

/** A warm-up and what comes after it. */
function warmedUp(
  name: string,
  { initValue, peakValue, warmupSteps }: WarmupConstantScheduleOptions,
  after: Schedule,
): Schedule {
  requireFinite(name, { initValue, peakValue });
  requireNotNegative(name, { warmupSteps });
  return joinSchedules({
    schedules: [
      linearSchedule({ initValue, endValue: peakValue, transitionSteps: warmupSteps }),
      after,
    ],
    boundaries: [warmupSteps],
  });
}

/**
 * Warm restarts: one {@linkcode warmupCosineDecaySchedule} after another, each as long as its
 * `decaySteps`.
 *
 * @example
 * ```ts
 * import { sgdrSchedule } from "@gradus/gradus";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * const cycle = { initValue: 0, peakValue: 1, warmupSteps: 0, decaySteps: 10 };
 * const value = sgdrSchedule([cycle, { ...cycle, peakValue: 0.5 }]);
 * assertAlmostEquals(value(5), 0.5);
 * assertAlmostEquals(value(10), 0.5);
 * assertAlmostEquals(value(15), 0.25);
 * ```
 *
 * @throws {GradusError} if there is no cycle, or one is not valid; the message shows which.
 */
export function sgdrSchedule(cycles: readonly WarmupCosineDecayScheduleOptions[]): Schedule {
  if (!Array.isArray(cycles) || cycles.length === 0) {
    throw new GradusError(
      `Cannot make sgdrSchedule: a list of cycles is required: given ${shown(cycles)}`,
    );
  }
  let end = 0;
  return joinSchedules({
    schedules: cycles.map((cycle, i) => warmupCosine(`cycle ${i} of sgdrSchedule`, cycle)),
    boundaries: cycles.slice(0, -1).map(({ decaySteps }) => end += decaySteps),
  });
}

/** Options of {@linkcode inverseSqrtSchedule}. */
export interface InverseSqrtScheduleOptions {
  /** Value at the end of the warm-up. */
  peakValue: number;
  /** Steps of the warm-up; not negative. Default 0. */
  warmupSteps?: number;
  /** Value at the beginning of the warm-up. Default 0. */
  initValue?: number;
  /** Steps after the warm-up in which the decay gains its pace; more than 0. Default `warmupSteps`, or 10,000. */
  timescale?: number;
}

/**
 * A straight line to `peakValue`, then the inverse square root of the steps:
 * `peakValue·sqrt(timescale/(n - warmupSteps + timescale))`; with the default timescale that is
 * `peakValue·sqrt(warmupSteps/n)`, as transformers are trained.
 *
 * Source: Vaswani et al. 2017, Attention is all you need, arXiv 1706.03762.
 *
 * @example
 * ```ts
 * import { inverseSqrtSchedule } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const value = inverseSqrtSchedule({ peakValue: 1, warmupSteps: 4 });
 * assertEquals([0, 2, 4, 16, 64].map(value), [0, 0.5, 1, 0.5, 0.25]);
 * ```
 *
 * @throws {GradusError} if a number is not finite, `warmupSteps` is negative, or `timescale` not positive.
 */
export function inverseSqrtSchedule(options: InverseSqrtScheduleOptions): Schedule {
  const name = "inverseSqrtSchedule";
  const { peakValue, warmupSteps = 0, initValue = 0, timescale = warmupSteps || 10_000 } =
    optionsOf(name, options, ["peakValue", "warmupSteps", "initValue", "timescale"]);
  requireFinite(name, { peakValue });
  requireNotNegative(name, { warmupSteps });
  requirePositive(name, { timescale });
  const scale = constant(timescale);
  const pace = apply("Sqrt", apply("Div", scale, apply("Add", COUNT, scale)));
  const decay = scheduleOf(apply("Mul", constant(peakValue), pace));
  return warmedUp(name, { initValue, peakValue, warmupSteps }, decay);
}

/** Options of {@linkcode warmupStableDecaySchedule}. */
export interface WarmupStableDecayScheduleOptions {
  /** Value between warm-up and decay. */
  peakValue: number;
  /** Steps of the warm-up; not negative. */
  warmupSteps: number;
  /** Steps at `peakValue`; not negative. */
  stableSteps: number;
  /** Steps of the decay; more than 0. */
  decaySteps: number;
  /** Value at the beginning. Default 0. */
  initValue?: number;
  /** Value at the end. Default 0. */
  endValue?: number;
  /** The shape of the decay: `"linear"`, `"cosine"` or `"sqrt"` (1 - √progress). Default linear. */
  decay?: "linear" | "cosine" | "sqrt";
}

/**
 * A straight line up, a plateau, and a decay at the end: the trapezoid (WSD), whose plateau can be
 * prolonged without planning the length of a run ahead.
 *
 * Source: Hu et al. 2024, MiniCPM, arXiv 2404.06395; `"sqrt"`: Hägele et al. 2024, Scaling Laws and
 * Compute-Optimal Training Beyond Fixed Training Durations, arXiv 2405.18392.
 *
 * @example
 * ```ts
 * import { warmupStableDecaySchedule } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const value = warmupStableDecaySchedule({
 *   peakValue: 1,
 *   warmupSteps: 2,
 *   stableSteps: 10,
 *   decaySteps: 4,
 * });
 * assertEquals([0, 1, 2, 12, 13, 16, 20].map(value), [0, 0.5, 1, 1, 0.75, 0, 0]);
 * ```
 *
 * @throws {GradusError} if a number is not finite, `warmupSteps` or `stableSteps` is negative, `decaySteps`
 * not positive, or `decay` no such shape.
 */
export function warmupStableDecaySchedule(options: WarmupStableDecayScheduleOptions): Schedule {
  const name = "warmupStableDecaySchedule";
  const { peakValue, warmupSteps, stableSteps, decaySteps } = optionsOf(
    name,
    options,
    ["peakValue", "warmupSteps", "stableSteps", "decaySteps", "initValue", "endValue", "decay"],
  );
  const { initValue = 0, endValue = 0, decay = "linear" } = options;
  requireFinite(name, { peakValue, endValue });
  requireNotNegative(name, { stableSteps });
  requirePositive(name, { decaySteps });
  const after = joinSchedules({
    schedules: [constantSchedule({ value: peakValue }), falling()],
    boundaries: [stableSteps],
  });
  return warmedUp(name, { initValue, peakValue, warmupSteps }, after);

  function falling(): Schedule {
    const shape = { initValue: peakValue, endValue, transitionSteps: decaySteps };
    switch (decay) {
      case "linear":
        return linearSchedule(shape);
      case "cosine": {
        const half = cosineDecaySchedule({ initValue: 1, decaySteps }).expression!;
        const fall = apply("Mul", constant(peakValue - endValue), half);
        return scheduleOf(apply("Add", fall, constant(endValue)));
      }
      case "sqrt": {
        // 1 - √progress is what a line's progress becomes.
        const left = polynomialSchedule({ ...shape, initValue: 1, endValue: 0, power: 1 });
        const root = apply("Sqrt", apply("Sub", constant(1), left.expression!));
        const fall = apply(
          "Mul",
          constant(peakValue - endValue),
          apply("Sub", constant(1), root),
        );
        return scheduleOf(apply("Add", fall, constant(endValue)));
      }
      default:
        throw new GradusError(
          `Cannot make ${name}: \`decay\` must be "linear", "cosine" or "sqrt": given ${
            shown(decay)
          }`,
        );
    }
  }
}
