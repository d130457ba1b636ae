/** Means with how far they can be trusted. */

/** Half the width of a 95 % interval of a mean, by Student's t of up to 9 degrees of freedom. */
const T95 = [NaN, 12.71, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262];

/** The mean of what is finite with its 95 % interval, and how many are not. */
export function interval(values: readonly number[], digits: number = 3): string {
  const sound = values.filter(Number.isFinite);
  const mean = sound.reduce((a, b) => a + b, 0) / sound.length;
  const exploded = values.length - sound.length;
  const note = exploded === 0 ? "" : `, ${exploded} exploded`;
  if (sound.length < 2) return `${mean.toFixed(digits)}${note}`;
  const variance = sound.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (sound.length - 1);
  const half = (T95[sound.length - 1] ?? 1.96) * Math.sqrt(variance / sound.length);
  return `${mean.toFixed(digits)} ± ${half.toFixed(digits)}${note}`;
}

/** The middle of some values. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? NaN;
}
