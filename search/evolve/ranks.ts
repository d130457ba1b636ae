/** Rank correlation: whether those that are better on one task are better on another. */

/** A rank correlation, and how far it can be trusted. */
export interface RankCorrelation {
  /** Spearman's coefficient: 1 for the same order, 0 for none, -1 for the reverse. */
  readonly rho: number;
  /** The lower end of its 95 % interval; NaN of fewer than four pairs. */
  readonly low: number;
  /** The upper end. */
  readonly high: number;
  /** How many pairs it is of. */
  readonly count: number;
}

/**
 * Spearman's rank correlation of paired numbers, equal ones sharing their mean rank, with the 95 % interval by
 * Fisher's transformation and the variance 1.06/(n - 3) of Fieller, Hartley and Pearson (1957).
 *
 * @example
 * ```ts
 * import { rankCorrelation } from "@gradus/gradus/search";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(rankCorrelation([[1, 10], [2, 30], [3, 20], [-Infinity, 0]]).rho, 0.8);
 * ```
 */
export function rankCorrelation(pairs: readonly (readonly [number, number])[]): RankCorrelation {
  const count = pairs.length;
  const [first, second] = [0, 1].map((side) => ranks(pairs.map((pair) => pair[side])));
  const middle = (count + 1) / 2;
  const products = (a: readonly number[], b: readonly number[]) =>
    a.reduce((sum, rank, i) => sum + (rank - middle) * (b[i] - middle), 0);
  const rho = products(first, second) /
    Math.sqrt(products(first, first) * products(second, second));
  const half = 1.959964 * Math.sqrt(1.06 / (count - 3));
  const [low, high] = count > 3
    ? [-half, half].map((by) => Math.tanh(Math.atanh(Math.max(-1, Math.min(1, rho))) + by))
    : [NaN, NaN];
  return { rho, low, high, count };
}

/** The rank of each number, from 1 for the least. */
function ranks(values: readonly number[]): number[] {
  return values.map((value) => {
    const [less, same] = [(x: number) => x < value, (x: number) => x === value]
      .map((is) => values.filter(is).length);
    return less + (same + 1) / 2;
  });
}

/** A rank correlation in words. */
export function rankText({ rho, low, high, count }: RankCorrelation): string {
  if (Number.isNaN(rho)) return `cannot be told of ${count} programs`;
  const interval = Number.isNaN(low)
    ? ""
    : `, 95 % interval ${low.toFixed(2)} to ${high.toFixed(2)}`;
  return `${rho.toFixed(2)}${interval}, of ${count} programs`;
}
