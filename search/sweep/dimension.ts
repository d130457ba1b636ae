/** One hyperparameter of a sweep: from places between 0 and 1 to the values that are tried, and back. */
import { log2 } from "../../dsl/random/logarithm.ts";
import { numbers } from "../../dsl/random/doubles.ts";
import { exp2 } from "../programs/exact_math.ts";
import type { OptionValue } from "../trials/trial.ts";

/** A list of values, or all that lies between two numbers. */
export type Dimension =
  | { readonly name: string; readonly values: readonly OptionValue[] }
  | {
    readonly name: string;
    readonly low: number;
    readonly high: number;
    /** Whether equal factors are equally far. */
    readonly isLog: boolean;
    /** Whether only whole numbers are tried. */
    readonly isWhole: boolean;
    /** How many of a grid. */
    readonly points: number | undefined;
  };

type Range = Extract<Dimension, { readonly low: number }>;

/** The digits of what is tried: so many of a value on a scale of powers, or else of how wide the range is. */
const DIGITS = 4;

/** The value at a place from 0 to 1. */
export function valueAt(dimension: Dimension, place: number): OptionValue {
  if ("values" in dimension) {
    const { values } = dimension;
    return values[Math.min(values.length - 1, Math.floor(place * values.length))];
  }
  const [from, to] = endsOf(dimension);
  const at = from + place * (to - from);
  return tidy(dimension, dimension.isLog ? exp2(at) : at);
}

/** The place of a value: in the middle of its share of a list. */
export function placeOf(dimension: Dimension, value: OptionValue): number {
  if ("values" in dimension) {
    return (dimension.values.indexOf(value) + 0.5) / dimension.values.length;
  }
  const [from, to] = endsOf(dimension);
  const number = value as number;
  return ((dimension.isLog ? log2(numbers, number) : number) - from) / (to - from);
}

/** All values of a list, or those of a grid: both ends, and what is equally far between. */
export function gridOf(dimension: Dimension): readonly OptionValue[] {
  if ("values" in dimension) return dimension.values;
  const { low, high, isLog, points = 2 } = dimension;
  const [from, to] = isLog ? [low, high].map((end) => log2(numbers, end)) : [low, high];
  const values = Array.from({ length: points }, (_, i) => {
    if (i === 0) return low;
    if (i === points - 1) return high;
    const at = from + i / (points - 1) * (to - from);
    return tidy(dimension, isLog ? exp2(at) : at);
  });
  return [...new Set(values)];
}

/** Between what places are: each whole number has an equal share around it. */
function endsOf({ low, high, isLog, isWhole }: Range): readonly [number, number] {
  const ends = isWhole ? [low - 0.5, high + 0.5] : [low, high];
  const [from, to] = isLog ? ends.map((end) => log2(numbers, end)) : ends;
  return [from, to];
}

/** A value with no more digits than tell it from others, so that what is shown is what was trained. */
function tidy({ low, high, isLog, isWhole }: Range, value: number): number {
  const digits = DIGITS - 1 - exponentOf(isLog ? value : high - low);
  const rounded = isWhole ? Math.round(value) : Number(
    digits >= 0 && digits <= 100
      ? value.toFixed(digits)
      : value.toPrecision(Math.max(DIGITS, exponentOf(value) + 1 + digits)),
  );
  return Math.min(high, Math.max(low, rounded));
}

function exponentOf(value: number): number {
  return Number(value.toExponential().split("e")[1]);
}
