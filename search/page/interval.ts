/** Means with how far they can be trusted. */

/** Half the width of a 95 % interval of a mean, by Student's t of up to 9 degrees of freedom. */
const T95 = [NaN, 12.71, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262];

/** A mean and half the width of its 95 % interval, which is NaN of fewer than two values. */
export interface Interval {
  readonly mean: number;
  readonly half: number;
}

/** The mean of some values with its 95 % interval by Student's t. */
export function intervalOf(values: readonly number[]): Interval {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const variance = values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (values.length - 1);
  return { mean, half: t95(values.length - 1) * Math.sqrt(variance / values.length) };
}

/** The quantile of Student's t; beyond the table its expansion about the normal one. */
function t95(degrees: number): number {
  const z = 1.959964;
  return T95[degrees] ??
    z + (z ** 3 + z) / (4 * degrees) +
      (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * degrees ** 2);
}
