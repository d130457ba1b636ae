/** Fits the decays of averages, and how they are combined, to what is to be given. */
import type { Columns, Term } from "./columns.ts";
import type { Combination, nearestValues } from "./pairs.ts";

/** How often the step of a decay is halved, from a factor of 2 of what it lacks of 1. */
const HALVINGS = 12;
/** By how much more a short decay may leave. */
const ROUNDING = 1e-9;

/** Terms that are combined, and how. */
export interface Fitted {
  readonly terms: readonly Term[];
  readonly combination: Combination;
}

/** Terms with the decays that leave least, and of few digits where that leaves no more. */
export function fittedTerms(
  given: readonly Term[],
  columns: Columns,
  nearest: typeof nearestValues,
): Fitted {
  const terms = [...given];
  const lists = terms.map((term) => columns.valuesOf(term));
  let best = nearest(lists[0], lists[1], columns.goal);
  const offer = (k: number, decay: number, worse: number = 0): boolean => {
    const term = { ...terms[k], average: { ...terms[k].average!, decay } };
    const values = columns.valuesOf(term);
    const found = nearest(k === 0 ? values : lists[0], k === 1 ? values : lists[1], columns.goal);
    if (!(found.off <= best.off + worse)) return false;
    [best, terms[k], lists[k]] = [found, term, values];
    return true;
  };
  for (let halving = 0, factor = 2; halving < HALVINGS && best.off > 0; halving++) {
    factor = Math.sqrt(factor);
    terms.forEach(({ average }, k) => {
      if (average === undefined) return;
      const lack = 1 - average.decay;
      if (!offer(k, 1 - lack / factor) && lack * factor < 1) offer(k, 1 - lack * factor);
    });
  }
  terms.forEach(({ average }, k) => {
    if (average === undefined) return;
    for (let digits = 1; digits <= 3; digits++) {
      const decay = 1 - Number((1 - average.decay).toPrecision(digits));
      if (offer(k, Number(decay.toPrecision(12)), ROUNDING)) break;
    }
  });
  return { terms, combination: best };
}
