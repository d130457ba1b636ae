/**
 * The tree-structured Parzen estimator: Bergstra, Bardenet, Bengio and Kegl 2011, Algorithms for Hyper-Parameter
 * Optimization, NeurIPS 24. Each hyperparameter has a density l of where the best trials were and a density g of
 * the others; of some draws from l, the one of the greatest l/g is tried. Only exactly rounded operations and
 * what is made of them, so that every machine proposes the same.
 */
import { exp, log } from "../programs/exact_math.ts";
import type { Random } from "../programs/random.ts";
import { type Dimension, placeOf, valueAt } from "./dimension.ts";
import type { OptionValue } from "../trials/trial.ts";

/** Trials that are drawn at random before there is anything to go by. */
const RANDOM = 10;
/** The share of trials that counts as the best, as in the paper. */
const BEST = 0.15;
/** Draws of which the most promising is tried. */
const DRAWN = 24;

/** A trial that is over: a value a dimension, and its score, -∞ if it diverged. */
export interface Known {
  readonly values: readonly OptionValue[];
  readonly score: number;
}

/** The next values, a number a dimension, after the trials that are known, in the order of their numbers. */
export function tpe(
  dimensions: readonly Dimension[],
  known: readonly Known[],
  random: Random,
): OptionValue[] {
  if (known.length < RANDOM) return dimensions.map((each) => valueAt(each, random.uniform()));
  const ranked = known.toSorted((a, b) => a.score === b.score ? 0 : b.score - a.score);
  const count = Math.ceil(BEST * known.length);
  return dimensions.map((dimension, i) => {
    const places = ranked.map(({ values }) => placeOf(dimension, values[i]));
    const [best, others] = [places.slice(0, count), places.slice(count)];
    const place = "values" in dimension
      ? likeliest(dimension.values.length, best, others, random)
      : promising(best, others, random);
    return valueAt(dimension, place);
  });
}

/** The same of a list: each value once, and once more for each trial that had it, is the density. */
function likeliest(
  count: number,
  best: readonly number[],
  others: readonly number[],
  random: Random,
): number {
  const weights = [best, others].map((places) => {
    const weights = new Array<number>(count).fill(1);
    for (const place of places) weights[Math.floor(place * count)]++;
    return weights;
  });
  const [l, g] = weights;
  const all = l.reduce((a, b) => a + b, 0);
  let chosen = 0;
  for (let draw = 0; draw < DRAWN; draw++) {
    let [at, left] = [0, random.uniform() * all];
    while (at < count - 1 && left >= l[at]) left -= l[at++];
    if (draw === 0 || l[at] * g[chosen] > l[chosen] * g[at]) chosen = at;
  }
  return (chosen + 0.5) / count;
}

function promising(best: readonly number[], others: readonly number[], random: Random): number {
  const [l, g] = [best, others].map(parzen);
  let [chosen, most] = [0, -Infinity];
  for (let draw = 0; draw < DRAWN; draw++) {
    const place = drawFrom(l, random);
    const ratio = log(densityAt(l, place)) - log(densityAt(g, place));
    if (ratio > most) [chosen, most] = [place, ratio];
  }
  return chosen;
}

/** A normal density cut off at 0 and 1. */
interface Kernel {
  readonly mean: number;
  readonly deviation: number;
  /** What of it lies between 0 and 1. */
  readonly mass: number;
}

/** A kernel at each place: as wide as the farther of its neighbours is away, of which 0 and 1 are two. */
function parzen(places: readonly number[]): Kernel[] {
  const sorted = places.toSorted((a, b) => a - b);
  const least = 1 / Math.min(100, sorted.length + 1);
  return sorted.map((mean, i) => {
    const left = mean - (sorted[i - 1] ?? 0);
    const right = (sorted[i + 1] ?? 1) - mean;
    const deviation = Math.min(1, Math.max(least, left, right));
    const mass = below((1 - mean) / deviation) - below(-mean / deviation);
    return { mean, deviation, mass };
  });
}

/** The mixture of the kernels and of one that is the same everywhere; all weigh the same. */
function densityAt(kernels: readonly Kernel[], place: number): number {
  const sum = kernels.reduce((sum, { mean, deviation, mass }) => {
    const z = (place - mean) / deviation;
    return sum + exp(-0.5 * z * z) / (deviation * mass * Math.sqrt(2 * Math.PI));
  }, 1);
  return sum / (kernels.length + 1);
}

function drawFrom(kernels: readonly Kernel[], random: Random): number {
  const kernel = kernels[random.below(kernels.length + 1)];
  if (kernel === undefined) return random.uniform();
  for (;;) {
    // At least a third of each kernel lies within.
    const place = kernel.mean + kernel.deviation * random.normal();
    if (place >= 0 && place < 1) return place;
  }
}

/** The normal distribution function, to 1e-7: Abramowitz and Stegun 1964, 26.2.17. */
function below(z: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(z));
  const series = ((((1.330274429 * t - 1.821255978) * t + 1.781477937) * t - 0.356563782) * t +
    0.319381530) * t;
  const above = series * exp(-0.5 * z * z) / Math.sqrt(2 * Math.PI);
  return z > 0 ? 1 - above : above;
}
