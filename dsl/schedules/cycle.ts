/** Schedules that rise and fall, once or again and again. */
import { GradusError, shown } from "../errors.ts";
import { apply, constant, type Node } from "../node.ts";
import {
  factorsByCount,
  optionsOf,
  requireFinite,
  requireNotNegative,
  requirePositive,
} from "./options.ts";
import { COUNT, type Schedule, scheduleOf } from "./schedule.ts";

const add = (a: Node, b: Node) => apply("Add", a, b);
const subtract = (a: Node, b: Node) => apply("Sub", a, b);
const multiply = (a: Node, b: Node) => apply("Mul", a, b);
const divide = (a: Node, b: Node) => apply("Div", a, b);

/** How values between boundaries are found. */
export type Interpolation = "linear" | "cosine";

/** Options of {@linkcode piecewiseInterpolateSchedule}. */
export interface PiecewiseInterpolateScheduleOptions {
  /** Along straight lines, or along halves of a cosine. */
  interpolateType: Interpolation;
  /** Value at the beginning. */
  initValue: number;
  /** Factors by the count at which each is reached, none negative, in any order. Default none. */
  boundariesAndScales?: Readonly<Record<number, number>>;
}

/**
 * From boundary to boundary: at each the value is the last one's times its factor, and in between it
 * is interpolated. 0 before count 0.
 *
 * @example
 * ```ts
 * import { piecewiseInterpolateSchedule } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const value = piecewiseInterpolateSchedule({
 *   interpolateType: "linear",
 *   initValue: 200,
 *   boundariesAndScales: { 5: 1.5, 10: 0.25 },
 * });
 * assertEquals([0, 4, 5, 7, 10, 99].map(value), [200, 280, 300, 210, 75, 75]);
 * ```
 *
 * @throws {GradusError} if a factor is negative, a boundary is not a count, or `interpolateType` is neither of the two.
 */
export function piecewiseInterpolateSchedule(
  options: PiecewiseInterpolateScheduleOptions,
): Schedule {
  const name = "piecewiseInterpolateSchedule";
  const { interpolateType, initValue, boundariesAndScales = {} } = optionsOf(
    name,
    options,
    ["interpolateType", "initValue", "boundariesAndScales"],
  );
  if (interpolateType !== "linear" && interpolateType !== "cosine") {
    throw new GradusError(
      `Cannot make ${name}: \`interpolateType\` must be "linear" or "cosine": ` +
        `given ${shown(interpolateType)}`,
    );
  }
  requireFinite(name, { initValue });
  return interpolated(interpolateType, initValue, factorsByCount(name, boundariesAndScales));
}

/** From `initValue` on, times a factor at each count, in their order. */
function interpolated(
  interpolateType: Interpolation,
  initValue: number,
  steps: readonly (readonly [boundary: number, scale: number])[],
): Schedule {
  const pieces: Piece[] = [];
  let [from, start] = [0, initValue];
  for (const [to, scale] of steps) {
    pieces.push({ from, to, start, end: start * scale });
    [from, start] = [to, start * scale];
  }
  const value = pieces.toReversed().reduce<Node>(
    (after, piece) =>
      apply(
        "Where",
        apply("Less", COUNT, constant(piece.to)),
        between(interpolateType, { ...piece, to: Math.max(piece.to, piece.from + 1) }),
        after,
      ),
    constant(start),
  );
  const isBefore = apply("Less", COUNT, constant(0));
  return scheduleOf(apply("Where", isBefore, constant(0), value));
}

/** What a schedule is from one count to another. */
interface Piece {
  readonly from: number;
  readonly to: number;
  readonly start: number;
  readonly end: number;
}

/** Along a line or half a cosine from one value to another. */
function between(type: Interpolation, { from, to, start, end }: Piece): Node {
  const progress = divide(subtract(COUNT, constant(from)), constant(to - from));
  if (type === "linear") return add(multiply(constant(end - start), progress), constant(start));
  const half = divide(
    add(apply("Cos", multiply(constant(Math.PI), progress)), constant(1)),
    constant(2),
  );
  return add(multiply(constant(start - end), half), constant(end));
}

/** Options of {@linkcode cosineOnecycleSchedule}. */
export interface CosineOnecycleScheduleOptions {
  /** Steps in all; more than 0. */
  transitionSteps: number;
  /** The largest value. */
  peakValue: number;
  /** The part of the steps that rises, from 0 to 1: with 1 there is no fall. Default 0.3. */
  pctStart?: number;
  /** What `peakValue` is divided by at the beginning; more than 0. Default 25. */
  divFactor?: number;
  /** What the first value is divided by at the end; more than 0. Default 1e4. */
  finalDivFactor?: number;
  /**
   * `"torch"` for the boundaries of PyTorch's `OneCycleLR`: the rise ends at the real number
   * `pctStart·transitionSteps - 1`, and the last value is at `transitionSteps - 1`. Default: Optax's.
   */
  like?: "torch";
  /** With PyTorch's boundaries, whether the value falls to the first one as fast as it rose. Default false. */
  threePhase?: boolean;
}

/** Options of {@linkcode linearOnecycleSchedule}. */
export interface LinearOnecycleScheduleOptions extends CosineOnecycleScheduleOptions {
  /**
   * The part of the steps after which the value is back at the first one: more than `pctStart`, and at
   * most 1, with which that is the end. PyTorch's boundaries have none. Default 0.85.
   */
  pctFinal?: number;
}

/**
 * One cycle along straight lines: from `peakValue/divFactor` up to `peakValue`, down again, and on down
 * to `peakValue/(divFactor·finalDivFactor)`.
 *
 * Source: Smith and Topin 2019, Super-convergence, arXiv 1708.07120.
 *
 * @example
 * ```ts
 * import { linearOnecycleSchedule } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const value = linearOnecycleSchedule({
 *   transitionSteps: 10,
 *   peakValue: 1000,
 *   pctStart: 0.3,
 *   pctFinal: 0.7,
 *   divFactor: 10,
 *   finalDivFactor: 100,
 * });
 * assertEquals([0, 1, 3, 5, 7, 10].map(value), [100, 400, 1000, 550, 100, 1]);
 * ```
 *
 * @throws {GradusError} if `transitionSteps` or a divisor is not positive, or not
 * 0 ≤ `pctStart` < `pctFinal` ≤ 1.
 */
export function linearOnecycleSchedule(options: LinearOnecycleScheduleOptions): Schedule {
  const name = "linearOnecycleSchedule";
  const { pctFinal = 0.85, like } = optionsOf(name, options, [...ONE_CYCLE, "pctFinal"]);
  const { steps, pctStart, initValue, divFactor, finalDivFactor } = onecycle(name, options);
  if (like === "torch") return torchOnecycle("linear", options);
  requireFinite(name, { pctFinal });
  if (pctFinal <= pctStart || pctFinal > 1) {
    throw new GradusError(
      `Cannot make ${name}: \`pctFinal\` must be more than \`pctStart\` and at most 1: ` +
        `given ${pctFinal}, and ${pctStart} of \`pctStart\``,
    );
  }
  const final = Math.trunc(pctFinal * steps);
  return interpolated("linear", initValue, [
    [Math.trunc(pctStart * steps), divFactor],
    [final, 1 / divFactor],
    ...pieceUpTo(steps, final, 1 / finalDivFactor),
  ]);
}

/**
 * One cycle along cosines: from `peakValue/divFactor` up to `peakValue`, then down to
 * `peakValue/(divFactor·finalDivFactor)`.
 *
 * Source: Smith and Topin 2019, Super-convergence, arXiv 1708.07120.
 *
 * @example
 * ```ts
 * import { cosineOnecycleSchedule } from "@gradus/gradus";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * const value = cosineOnecycleSchedule({
 *   transitionSteps: 5,
 *   peakValue: 1000,
 *   pctStart: 0.4,
 *   divFactor: 10,
 *   finalDivFactor: 100,
 * });
 * assertAlmostEquals(value(1), 550);
 * assertAlmostEquals(value(2), 1000);
 * assertAlmostEquals(value(5), 1);
 * ```
 *
 * @throws {GradusError} if `transitionSteps` or a divisor is not positive, or `pctStart` not from 0 to 1.
 */
export function cosineOnecycleSchedule(options: CosineOnecycleScheduleOptions): Schedule {
  const name = "cosineOnecycleSchedule";
  const { steps, pctStart, initValue, divFactor, finalDivFactor } = onecycle(
    name,
    optionsOf(name, options, ONE_CYCLE),
  );
  if (options.like === "torch") return torchOnecycle("cosine", options);
  const start = Math.trunc(pctStart * steps);
  return interpolated("cosine", initValue, [
    [start, divFactor],
    ...pieceUpTo(steps, start, 1 / (divFactor * finalDivFactor)),
  ]);
}

const ONE_CYCLE: readonly (keyof CosineOnecycleScheduleOptions)[] = [
  "transitionSteps",
  "peakValue",
  "pctStart",
  "divFactor",
  "finalDivFactor",
  "like",
  "threePhase",
];

/** One cycle by PyTorch's boundaries, which are real numbers; a phase that ends before step 0 is left out. */
function torchOnecycle(type: Interpolation, options: CosineOnecycleScheduleOptions): Schedule {
  const { transitionSteps: steps, peakValue, pctStart = 0.3, threePhase = false } = options;
  const { divFactor = 25, finalDivFactor = 1e4 } = options;
  const first = peakValue / divFactor;
  const last = first / finalDivFactor;
  const rise = pctStart * steps - 1;
  const phases: (readonly [to: number, end: number])[] = [[rise, peakValue]];
  if (threePhase) phases.push([2 * rise, first]);
  phases.push([steps - 1, last]);
  let [from, start] = [0, first];
  const pieces = phases.map(([to, end]) => {
    const piece = { to, value: between(type, { from, to, start, end }) };
    [from, start] = [to, end];
    return piece;
  });
  const value = pieces.toReversed().reduce<Node>(
    (after, { to, value }) =>
      apply("Where", apply("LessOrEqual", COUNT, constant(to)), value, after),
    constant(last),
  );
  return scheduleOf(value);
}

/** The last piece of a cycle, or none if the one before it is that. */
function pieceUpTo(end: number, from: number, scale: number): [boundary: number, scale: number][] {
  return from < end ? [[end, scale]] : [];
}

function onecycle(name: string, options: CosineOnecycleScheduleOptions) {
  const { transitionSteps, peakValue, like, threePhase } = options;
  const isTorch = like === "torch" && typeof (threePhase ?? false) === "boolean";
  if (!isTorch && (like !== undefined || threePhase !== undefined)) {
    throw new GradusError(
      `Cannot make ${name}: \`like\` must be "torch" or left out, and \`threePhase\` true or false with ` +
        `it: given ${shown(like)} and ${shown(threePhase)}`,
    );
  }
  const { pctStart = 0.3, divFactor = 25, finalDivFactor = 1e4 } = options;
  requirePositive(name, { transitionSteps, divFactor, finalDivFactor });
  requireFinite(name, { peakValue, pctStart });
  if (pctStart < 0 || pctStart > 1) {
    throw new GradusError(
      `Cannot make ${name}: \`pctStart\` must be a part of the steps, from 0 to 1: given ${pctStart}`,
    );
  }
  const initValue = peakValue / divFactor;
  return { steps: transitionSteps, pctStart, initValue, divFactor, finalDivFactor };
}

/** Options of {@linkcode cyclicSchedule}. */
export interface CyclicScheduleOptions {
  /** The least value. */
  baseValue: number;
  /** The largest value, not less than `baseValue`. */
  peakValue: number;
  /** Steps of a rise; more than 0. */
  stepSizeUp: number;
  /** Steps of a fall; more than 0. Default `stepSizeUp`. */
  stepSizeDown?: number;
  /** What each cycle's height is of the last one's, not negative; 0.5 for Smith's `triangular2`. Default 1. */
  cycleScale?: number;
  /** What the height is multiplied by at each step, not negative, as in Smith's `exp_range`. Default 1. */
  gamma?: number;
}

/**
 * Triangles between `baseValue` and `peakValue`.
 *
 * Source: Smith 2017, Cyclical learning rates for training neural networks, arXiv 1506.01186.
 *
 * @example
 * ```ts
 * import { cyclicSchedule } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const value = cyclicSchedule({ baseValue: 1, peakValue: 3, stepSizeUp: 2, cycleScale: 0.5 });
 * assertEquals([0, 1, 2, 3, 4, 6].map(value), [1, 2, 3, 2, 1, 2]);
 * ```
 *
 * @throws {GradusError} if a length is not positive, a factor is negative, or `peakValue` less than
 * `baseValue`.
 */
export function cyclicSchedule(options: CyclicScheduleOptions): Schedule {
  const name = "cyclicSchedule";
  const { baseValue, peakValue, stepSizeUp, stepSizeDown = stepSizeUp } = optionsOf(
    name,
    options,
    ["baseValue", "peakValue", "stepSizeUp", "stepSizeDown", "cycleScale", "gamma"],
  );
  const { cycleScale = 1, gamma = 1 } = options;
  requireFinite(name, { baseValue, peakValue });
  requirePositive(name, { stepSizeUp, stepSizeDown });
  requireNotNegative(name, { cycleScale, gamma });
  if (peakValue < baseValue) {
    throw new GradusError(
      `Cannot make ${name}: \`peakValue\` must not be less than \`baseValue\`: ` +
        `given ${peakValue} and ${baseValue}`,
    );
  }
  const length = constant(stepSizeUp + stepSizeDown);
  const cycle = apply("Floor", divide(COUNT, length));
  const within = subtract(COUNT, multiply(cycle, length));
  const height = apply(
    "Min",
    divide(within, constant(stepSizeUp)),
    divide(subtract(length, within), constant(stepSizeDown)),
  );
  let range = multiply(constant(peakValue - baseValue), height);
  if (cycleScale !== 1) range = multiply(range, apply("Pow", constant(cycleScale), cycle));
  if (gamma !== 1) range = multiply(range, apply("Pow", constant(gamma), COUNT));
  return scheduleOf(add(constant(baseValue), range));
}

/** Options of {@linkcode cosineRestartsSchedule}. */
export interface CosineRestartsScheduleOptions {
  /** Value at the beginning of the first cycle. */
  initValue: number;
  /** Steps of the first cycle; more than 0. */
  decaySteps: number;
  /** How much longer each cycle is than the last; at least 1. Default 1. */
  cycleFactor?: number;
  /** How much of the last cycle's height each begins with; not negative. Default 1. */
  cycleScale?: number;
  /** The least value as a multiple of `initValue`. Default 0. */
  alpha?: number;
}

/**
 * Cosine decay with hard restarts: half a cosine down to `alpha·initValue`, again and again.
 *
 * Source: Loshchilov and Hutter 2017, SGDR: stochastic gradient descent with warm restarts,
 * arXiv 1608.03983.
 *
 * @example
 * ```ts
 * import { cosineRestartsSchedule } from "@gradus/gradus";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * const value = cosineRestartsSchedule({ initValue: 1, decaySteps: 10, cycleFactor: 2 });
 * assertAlmostEquals(value(5), 0.5);
 * assertAlmostEquals(value(10), 1);
 * assertAlmostEquals(value(20), 0.5);
 * assertAlmostEquals(value(30), 1);
 * ```
 *
 * @throws {GradusError} if `decaySteps` is not positive, `cycleFactor` less than 1, or `cycleScale` negative.
 */
export function cosineRestartsSchedule(options: CosineRestartsScheduleOptions): Schedule {
  const name = "cosineRestartsSchedule";
  const { initValue, decaySteps, cycleFactor = 1, cycleScale = 1, alpha = 0 } = optionsOf(
    name,
    options,
    ["initValue", "decaySteps", "cycleFactor", "cycleScale", "alpha"],
  );
  requireFinite(name, { initValue, cycleFactor, alpha });
  requirePositive(name, { decaySteps });
  requireNotNegative(name, { cycleScale });
  if (cycleFactor < 1) {
    throw new GradusError(
      `Cannot make ${name}: \`cycleFactor\` must be at least 1: given ${cycleFactor}`,
    );
  }
  const cycles = divide(COUNT, constant(decaySteps));
  const growth = constant(cycleFactor);
  // The logarithm of a whole power may come out just below it.
  const nearly = constant(1e-9);
  const cycle = cycleFactor === 1 ? apply("Floor", cycles) : apply(
    "Floor",
    add(
      divide(
        apply("Log", add(constant(1), multiply(constant(cycleFactor - 1), cycles))),
        constant(Math.log(cycleFactor)),
      ),
      nearly,
    ),
  );
  const length = apply("Pow", growth, cycle);
  const progress = cycleFactor === 1 ? subtract(cycles, cycle) : divide(
    subtract(cycles, divide(subtract(length, constant(1)), constant(cycleFactor - 1))),
    length,
  );
  const half = multiply(
    constant(0.5),
    add(constant(1), apply("Cos", multiply(constant(Math.PI), progress))),
  );
  const height = cycleScale === 1
    ? half
    : multiply(apply("Pow", constant(cycleScale), cycle), half);
  const shape = alpha === 0 ? height : add(multiply(constant(1 - alpha), height), constant(alpha));
  return scheduleOf(multiply(constant(initValue), shape));
}
