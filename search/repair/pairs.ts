/** Combinations of two lists of numbers that come near to a third: its values, or only its signs. */

/** How two lists are combined: `(1 - share)·first ± share·second`, times a factor; the second may be missing. */
export interface Combination {
  /** From 0 to 1, and between which numbers it may be for no more to be off. */
  readonly share: number;
  readonly between: readonly [least: number, most: number];
  /** Whether the second is added or taken off. */
  readonly isSum: boolean;
  readonly factor: number;
  /** The share of variance that is left, or of signs that are others. */
  readonly off: number;
}

/** A pair of features by their numbers, the second -1 where there is one only, and what least squares leave. */
export interface Pair {
  readonly first: number;
  readonly second: number;
  readonly rest: number;
}

/** All features and pairs of them that `isAdmitted`, those that leave least of the goal first. */
export function pairsOf(
  features: readonly Float64Array[],
  goal: Float64Array,
  isAdmitted: (first: number, second: number) => boolean,
  count: number,
): Pair[] {
  const total = dot(goal, goal);
  const along = features.map((each) => dot(each, goal));
  const squares = features.map((each) => dot(each, each));
  const found: Pair[] = [];
  const offer = (first: number, second: number, rest: number) => {
    if (!(rest < (found[count - 1]?.rest ?? Infinity))) return;
    let at = found.length;
    while (at > 0 && found[at - 1].rest > rest) at--;
    found.splice(at, 0, { first, second, rest });
    if (found.length > count) found.pop();
  };
  for (let i = 0; i < features.length; i++) {
    if (isAdmitted(i, -1)) offer(i, -1, 1 - along[i] * along[i] / (squares[i] * total));
    for (let k = i + 1; k < features.length; k++) {
      if (!isAdmitted(i, k)) continue;
      const { first, second } = leastSquares(
        [squares[i], dot(features[i], features[k]), squares[k]],
        [along[i], along[k]],
      );
      offer(i, k, 1 - (first * along[i] + second * along[k]) / total);
    }
  }
  return found;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/** Two features that differ by less than this share of their squares are one. */
const SINGULAR = 1e-9;

function leastSquares(
  [aa, ab, bb]: readonly [number, number, number],
  [ga, gb]: readonly [number, number],
): { readonly first: number; readonly second: number } {
  const determinant = aa * bb - ab * ab;
  if (!(determinant > SINGULAR * aa * bb)) return { first: NaN, second: NaN };
  return { first: (ga * bb - gb * ab) / determinant, second: (gb * aa - ga * ab) / determinant };
}

/** The combination that leaves least of the goal. */
export function nearestValues(
  first: Float64Array,
  second: Float64Array | undefined,
  goal: Float64Array,
): Combination {
  const total = dot(goal, goal);
  if (second === undefined) {
    const [squares, along] = [dot(first, first), dot(first, goal)];
    const off = 1 - along * along / (squares * total);
    return { share: 0, between: [0, 0], isSum: true, factor: along / squares, off };
  }
  const along = [dot(first, goal), dot(second, goal)] as const;
  const squares = [dot(first, first), dot(first, second), dot(second, second)] as const;
  const { first: a, second: b } = leastSquares(squares, along);
  const off = Math.max(0, 1 - (a * along[0] + b * along[1]) / total);
  const size = Math.abs(a) + Math.abs(b);
  const share = Math.abs(b) / size;
  const near = 1e-5 * Math.min(share, 1 - share);
  return {
    share,
    between: [share - near, share + near],
    isSum: a * b >= 0,
    factor: a < 0 ? -size : size,
    off,
  };
}

/**
 * The combination whose sign is the goal's in most places, the goal being -1 or 1. Where the share is 0 each
 * sign is the first list's, where it is 1 the second's; in between each changes once at most. Looking at all
 * changes in turn finds the best of all shares.
 */
export function nearestSigns(
  first: Float64Array,
  second: Float64Array | undefined,
  goal: Float64Array,
): Combination {
  const count = goal.length;
  let best: Combination | undefined;
  for (const isSum of second === undefined ? [true] : [true, false]) {
    const changes: { at: number; by: number }[] = [];
    let right = 0;
    for (let i = 0; i < count; i++) {
      const [a, b] = [goal[i] * first[i], second === undefined ? 0 : goal[i] * second[i]];
      const other = isSum ? b : -b;
      const isRight = a > 0 || (a === 0 && other > 0);
      if (isRight) right++;
      const at = a / (a - other);
      if (second !== undefined && isRight !== other > 0 && at - at === 0) {
        changes.push({ at, by: isRight ? -1 : 1 });
      }
    }
    changes.sort((a, b) => a.at - b.at);
    let from = 0;
    for (let k = 0; k <= changes.length; k++) {
      const to = changes[k]?.at ?? (second === undefined ? 0 : 1);
      for (const [most, factor] of [[right, 1], [count - right, -1]] as const) {
        const off = 1 - most / count;
        const isWider = best !== undefined && off === best.off &&
          to - from > best.between[1] - best.between[0];
        if (best !== undefined && !(off < best.off) && !isWider) continue;
        best = { share: (from + to) / 2, between: [from, to], isSum, factor, off };
      }
      if (k < changes.length) [right, from] = [right + changes[k].by, to];
    }
  }
  return best!;
}

/** The number of fewest digits between two, as it is or as what it lacks of 1; the middle where there is none. */
export function shortest([least, most]: readonly [number, number]): number {
  const middle = (least + most) / 2;
  for (let digits = 1; digits <= 6; digits++) {
    const forms = [
      Number(middle.toPrecision(digits)),
      Number((1 - Number((1 - middle).toPrecision(digits))).toPrecision(12)),
    ];
    const form = forms.find((each) => each >= least && each <= most);
    if (form !== undefined) return form;
  }
  return middle;
}
