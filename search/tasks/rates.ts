/** Looks for the best factor of a learning rate, with a fixed number of tries. */
import { exp2 } from "../programs/exact_math.ts";

/** What a factor gave: the more, the better; -∞ if nothing came of it. */
export interface Tried {
  readonly value: number;
}

/** The first step, in powers of 2: a factor of 4. */
const STEP = 2;

/**
 * The best of so many tries, the first of which is 1. From the best so far it goes up and down by a power of 2,
 * at first 4, and halves that power where neither is better: nothing is random.
 */
export function bestOfRates<T extends Tried>(tries: number, attempt: (factor: number) => T): T {
  let best = { at: 0, tried: attempt(1) };
  const known = new Set([0]);
  let [step, direction] = [STEP, 1];
  for (let count = 1; count < tries;) {
    const at = [direction, -direction].map((way) => best.at + way * step)
      .find((place) => !known.has(place));
    if (at === undefined) {
      step /= 2;
      continue;
    }
    const tried = attempt(exp2(at));
    known.add(at);
    count++;
    if (!(tried.value > best.tried.value)) continue;
    direction = Math.sign(at - best.at);
    best = { at, tried };
  }
  return best.tried;
}
