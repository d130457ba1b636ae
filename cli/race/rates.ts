/** Which learning rates are tried: decades until the best is not the last, then what lies between. */

/** A rate that was tried, and the mean loss that it led to; infinite if a run exploded. */
export type Tried = readonly [rate: number, loss: number];

/** The least and the largest rate that is tried, as half-decades: 1e-8 and 1000. */
const LEAST = -16;
const MOST = 6;
/** What `--find-rate` tries: half-decades from 1e-5 to 10. */
const SWEEP = Array.from({ length: 13 }, (_, i) => i - 10);

/** Half-decades in round numbers: 0.1, 0.3, 1, 3. */
function rateAt(half: number): number {
  const decade = Math.floor(half / 2);
  return Number(`${half % 2 === 0 ? 1 : 3}e${decade}`);
}

/** Rates to try one after the other, each answered by its loss; ends with the best. */
export type RateSearch = Generator<number, number, number>;

/** Tries only the rates given. */
export function* tryAll(rates: readonly number[]): RateSearch {
  const tried: Tried[] = [];
  for (const rate of rates) tried.push([rate, yield rate]);
  return bestOf(tried);
}

/**
 * Tries the decade of `near` and those beside it, or a whole sweep; goes on at an end that is the best so
 * far; then tries the half-decades beside the best.
 */
export function* findRate(near: number, isSweep: boolean): RateSearch {
  const middle = Math.min(MOST - 2, Math.max(LEAST + 2, 2 * Math.round(Math.log10(near))));
  const losses = new Map<number, number>();
  for (const half of isSweep ? SWEEP : [middle, middle - 2, middle + 2]) {
    losses.set(half, yield rateAt(half));
  }
  for (;;) {
    const best = bestOf([...losses]);
    const next = nextOf(best, [...losses.keys()]);
    if (next === undefined) break;
    losses.set(next, yield rateAt(next));
  }
  const best = bestOf([...losses]);
  for (const half of [best - 1, best + 1]) {
    const isNew = !losses.has(half) && half >= LEAST && half <= MOST;
    if (isNew) losses.set(half, yield rateAt(half));
  }
  return rateAt(bestOf([...losses]));
}

/** The decade beyond the best, if it is an end. */
function nextOf(best: number, tried: readonly number[]): number | undefined {
  const [low, high] = [Math.min(...tried), Math.max(...tried)];
  if (best === low && low - 2 >= LEAST) return low - 2;
  return best === high && high + 2 <= MOST ? high + 2 : undefined;
}

/** What led to the least loss; of those that are as good as equal the smallest. */
function bestOf(tried: readonly Tried[]): number {
  const least = Math.min(...tried.map(([, loss]) => loss));
  return Math.min(...tried.flatMap(([rate, loss]) => loss <= 1.001 * least ? [rate] : []));
}
