/** The learning-rate range test: a schedule of growing rates, and what its losses tell. */
import { GradusError } from "../errors.ts";
import { apply, constant } from "../node.ts";
import { optionsOf, requirePositive } from "./options.ts";
import { COUNT, type Schedule, scheduleOf } from "./schedule.ts";

/** Options of {@linkcode findRate}. */
export interface FindRateOptions {
  /** The first rate; more than 0. Default 1e-6. */
  minRate?: number;
  /** The last rate, more than `minRate`. Default 1. */
  maxRate?: number;
  /** Steps from one to the other; 2 or more. Default 100. */
  steps?: number;
}

/** What a range test tells of learning rates. */
export interface FoundRate {
  /** The rate at which the smoothed loss fell fastest: one to train with. */
  readonly rate: number;
  /** The rate at which the smoothed loss was least: more than that is too much. */
  readonly most: number;
  /** The losses as they were read, smoothed, each with its rate, up to where they diverged. */
  readonly curve: readonly { readonly rate: number; readonly loss: number }[];
}

/** A learning-rate range test: a schedule to train by for a while, and its reading. */
export interface RangeTest {
  /** Rates that grow by the same factor at each step. */
  readonly schedule: Schedule;
  /** How many steps it takes. */
  readonly steps: number;
  /** Reads the losses of its steps, the first first; they may end early. */
  read(losses: readonly number[]): FoundRate;
}

const SMOOTHING = 0.9;
const DIVERGED = 4;

/**
 * The learning-rate range test: train with rates that grow by the same factor at each step, and read from
 * the losses at which rate they fell fastest. Losses are averaged with a decay of 0.9; where the average is
 * over 4 times its least, or a loss is not finite, the reading ends.
 *
 * Source: Smith 2017, Cyclical learning rates for training neural networks, arXiv 1506.01186.
 *
 * @example
 * ```ts
 * import { findRate, sgd } from "@gradus/gradus";
 * import { assert } from "@std/assert";
 *
 * const test = findRate({ minRate: 1e-4, maxRate: 10 });
 * const opt = sgd({ learningRate: test.schedule });
 * const x = Float64Array.of(3, -2);
 * const state = opt.init(x);
 * const losses = [];
 * for (let step = 0; step < test.steps; step++) {
 *   losses.push(x[0] ** 2 + x[1] ** 2);
 *   opt.step(x, x.map((value) => 2 * value), state);
 * }
 * const { rate, most } = test.read(losses);
 * assert(rate > 0.01 && rate < 0.5 && rate < most);
 * ```
 *
 * @throws {GradusError} if not 0 < `minRate` < `maxRate`, or `steps` is no whole number from 2.
 */
export function findRate(options: FindRateOptions = {}): RangeTest {
  const name = "findRate";
  const { minRate = 1e-6, maxRate = 1, steps = 100 } = optionsOf(
    name,
    options,
    ["minRate", "maxRate", "steps"],
  );
  requirePositive(name, { minRate, maxRate, steps });
  if (minRate >= maxRate || !Number.isInteger(steps) || steps < 2) {
    throw new GradusError(
      `Cannot make ${name}: \`minRate\` must be less than \`maxRate\`, and \`steps\` a whole number from ` +
        `2: given ${minRate}, ${maxRate} and ${steps}`,
    );
  }
  const growth = apply("Div", COUNT, constant(steps - 1));
  const schedule = scheduleOf(
    apply("Mul", constant(minRate), apply("Pow", constant(maxRate / minRate), growth)),
  );
  return { schedule, steps, read: (losses) => readRates(schedule, losses) };
}

function readRates(schedule: Schedule, losses: readonly number[]): FoundRate {
  const curve: { rate: number; loss: number }[] = [];
  let [average, least] = [0, Infinity];
  for (const [count, loss] of losses.entries()) {
    average = SMOOTHING * average + (1 - SMOOTHING) * loss;
    const smoothed = average / (1 - SMOOTHING ** (count + 1));
    least = Math.min(least, smoothed);
    if (!Number.isFinite(loss) || (least > 0 && smoothed > DIVERGED * least)) break;
    curve.push({ rate: schedule(count), loss: smoothed });
  }
  if (curve.length < 2) {
    throw new GradusError(
      `Cannot read a learning rate: it needs two or more finite losses: given ${losses.length}, of which ` +
        `${curve.length} count`,
    );
  }
  const lowest = curve.reduce((best, each) => each.loss < best.loss ? each : best);
  // Rates grow by the same factor, so that differences of losses are their slopes.
  const falls = curve.slice(1).map(({ loss }, i) => curve[i].loss - loss);
  const steepest = falls.indexOf(Math.max(...falls));
  return { rate: curve[steepest].rate, most: lowest.rate, curve };
}
