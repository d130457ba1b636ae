/** Looks through a list by halves. */

/** How many of `list` come first that `isBefore` holds for, where it holds for none behind them. */
export function countBefore<T>(list: readonly T[], isBefore: (each: T) => boolean): number {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isBefore(list[middle])) low = middle + 1;
    else high = middle;
  }
  return low;
}
