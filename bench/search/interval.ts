/** Means with how far they can be trusted, as text. */
import { intervalOf } from "../../search/page/interval.ts";

/** The mean of what is finite with its 95 % interval, and how many are not. */
export function interval(values: readonly number[], digits: number = 3): string {
  const sound = values.filter(Number.isFinite);
  const { mean, half } = intervalOf(sound);
  const exploded = values.length - sound.length;
  const note = exploded === 0 ? "" : `, ${exploded} exploded`;
  if (sound.length < 2) return `${mean.toFixed(digits)}${note}`;
  return `${mean.toFixed(digits)} ± ${half.toFixed(digits)}${note}`;
}

/** The middle of some values. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? NaN;
}
