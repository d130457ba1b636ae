/** How much of what scores differ by each hyperparameter explains. */
import type { OptionValue } from "../trials/trial.ts";
import { type Dimension, placeOf } from "./dimension.ts";

/** Groups that a range is cut into at most. */
const GROUPS = 5;
/** Trials that a group holds at least, about. */
const LEAST = 3;

/**
 * The share of the variance of ranks that groups of one hyperparameter explain, by Kelley's ε² (1935, An Unbiased
 * Correlation Ratio Measure, PNAS 21): what chance alone would explain is taken off. A list makes a group of
 * each value; a range is cut where groups are equally large. Ranks, so that what diverged counts as the worst
 * and no score counts for more than its order. Null where there are too few trials or one group.
 */
export function importanceOf(
  dimension: Dimension,
  values: readonly OptionValue[],
  scores: readonly number[],
): number | null {
  const ranks = ranksOf(scores);
  const groups = groupsOf(dimension, values);
  const count = ranks.length;
  const within = new Map<number, number[]>();
  ranks.forEach((rank, i) => within.set(groups[i], [...within.get(groups[i]) ?? [], rank]));
  const total = squares(ranks);
  if (within.size < 2 || count <= within.size || total === 0) return null;
  const left = [...within.values()].reduce((sum, each) => sum + squares(each), 0);
  const share = 1 - (left / (count - within.size)) / (total / (count - 1));
  return Math.max(0, Number(share.toFixed(4)));
}

/** The group of each trial. */
function groupsOf(dimension: Dimension, values: readonly OptionValue[]): number[] {
  if ("values" in dimension) return values.map((value) => dimension.values.indexOf(value));
  const count = Math.min(GROUPS, Math.floor(values.length / LEAST));
  const ranks = ranksOf(values.map((value) => placeOf(dimension, value)));
  return ranks.map((rank) => Math.min(count - 1, Math.floor((rank + 0.5) / ranks.length * count)));
}

/** The place of each number among all, from 0; equals share the mean of theirs. */
function ranksOf(numbers: readonly number[]): number[] {
  return numbers.map((number) => {
    const [below, equal] = numbers.reduce(
      ([below, equal], other) => [below + Number(other < number), equal + Number(other === number)],
      [0, 0],
    );
    return below + (equal - 1) / 2;
  });
}

/** The sum of squares about the mean. */
function squares(numbers: readonly number[]): number {
  const mean = numbers.reduce((a, b) => a + b, 0) / numbers.length;
  return numbers.reduce((sum, x) => sum + (x - mean) ** 2, 0);
}
