/** What two or more runs of a program tell about it, from their updates alone. */

/** How the update grows with the gradient. */
export type Shape =
  /** The gradient changes nothing. */
  | "none"
  /** It shrinks while the gradient grows. */
  | "redescending"
  /** All updates have one size, or are 0. */
  | "sign-like"
  /** It does not change when all gradients grow alike. */
  | "scale-free"
  /** It grows more slowly than the gradient. */
  | "sublinear"
  /** It grows with the gradient. */
  | "linear"
  /** It grows faster. */
  | "superlinear"
  /** Too few updates are finite to tell. */
  | "undefined";

type Updates = readonly Float64Array[];

/** Whether two numbers are nearly the same, or the same infinity, or both none. */
export function isClose(a: number, b: number): boolean {
  const size = Math.max(Math.abs(a), Math.abs(b));
  return Object.is(a + 0, b + 0) || (size < Infinity && Math.abs(a - b) <= 1e-4 * size);
}

/** Whether any update is a number other than 0. */
export function moves(updates: Updates): boolean {
  return updates.some((each) => each.some((x) => x !== 0 && Number.isFinite(x)));
}

/** Whether each update of `after` is the one of `before` times `factor`. */
export function isScaled(before: Updates, after: Updates, factor: number): boolean {
  return before.every((each, step) => each.every((x, i) => isClose(factor * x, after[step][i])));
}

/**
 * The power of `factor` by which updates became larger: the median over all that are not 0 in both, to
 * three decimals; NaN if there are none, or not even half of them are finite.
 */
export function powerOf(before: Updates, after: Updates, factor: number): number {
  const pairs = before.flatMap((each, step) =>
    [...each].map((x, i) => [Math.abs(x), Math.abs(after[step][i])])
  ).filter(([a, b]) => a !== 0 || b !== 0);
  const ratios = pairs.filter(([a, b]) => Number.isFinite(a) && Number.isFinite(b))
    .map(([a, b]) => b / a).sort((a, b) => a - b);
  if (ratios.length === 0 || ratios.length < pairs.length / 2) return NaN;
  const power = Math.log(ratios[Math.floor(ratios.length / 2)]) / Math.log(factor);
  return Math.round(1000 * power) / 1000 + 0;
}

/** The shape, by updates for a stream, for the same turned around, and for one `factor` times as large. */
export function shapeOf(plain: Updates, opposite: Updates, large: Updates, power: number): Shape {
  const numbers = plain.flatMap((each) => [...each].filter(Number.isFinite));
  if (numbers.length === 0) return "undefined";
  if (isScaled(plain, opposite, 1) && isScaled(plain, large, 1)) return "none";
  const sizes = plain.flatMap((each) => [...each].filter((x) => x !== 0).map(Math.abs));
  if (sizes.length > 0 && isClose(Math.min(...sizes), Math.max(...sizes))) return "sign-like";
  if (Number.isNaN(power)) return "undefined";
  if (power < -0.05) return "redescending";
  if (power < 0.15) return "scale-free";
  if (power < 0.9) return "sublinear";
  return power < 1.1 ? "linear" : "superlinear";
}

/**
 * How much of a parameter of 1 the last step takes away, by updates for the same gradients at parameters
 * of 0, 1 and 2: 0 if these make no difference, and `undefined` if they make another one than to take
 * away the same share whatever the gradient.
 */
export function decayOf(at0: Updates, at1: Updates, at2: Updates): number | undefined {
  const isSame = (a: Updates) =>
    a.every((each, t) => each.every((x, i) => Object.is(x + 0, at0[t][i] + 0)));
  const isTold = at0.some((each) => each.some(Number.isFinite));
  if (isTold && isSame(at1) && isSame(at2)) return 0;
  let share = 0;
  for (const [step, updates] of at0.entries()) {
    const sound = [updates, at1[step], at2[step]].map((each) => each.every(Number.isFinite));
    // A first step that divides by 0 tells nothing.
    if (sound.every((each) => !each)) continue;
    const rounding = 1e-15 + 1e-12 * Math.max(...updates.map(Math.abs));
    const isNear = (a: number, b: number) => Math.abs(a - b) <= 1e-3 * Math.abs(b) + rounding;
    share = updates[0] - at1[step][0];
    const isDecay = updates.every((x, i) =>
      isNear(x - at1[step][i], share) && isNear(x - at2[step][i], 2 * share)
    );
    if (!isDecay || share < -rounding) return undefined;
  }
  return share > 1e-15 ? share : undefined;
}

/** After how many steps updates have the other sign than at step `turn - 1`, if that one is finite. */
export function turnOf(updates: Updates, turn: number): number | undefined {
  const before = updates[turn - 1][0];
  if (!Number.isFinite(before)) return undefined;
  const after = updates.slice(turn).findIndex(([x]) => x * before < 0);
  return after < 0 ? undefined : after;
}
