/** Tells values that are quantised: two or three levels, which a sign gives, times a factor and plus a term. */

/** `values ≈ factor·signs + term`. */
export interface Levels {
  readonly factor: number;
  readonly term: number;
  /** For each value -1, 0 or 1; NaN where it is on no level, or no number. */
  readonly signs: Float64Array;
}

/** How far values may be from their level, in terms of how far the levels are apart. */
const WIDTH = 1e-3;
/** The share of values that may be on no level, and that must be on the highest and on the lowest. */
const SHARE = 1 / 32;

/** The levels of values, or undefined where they have none. */
export function levelsOf(values: Float64Array): Levels | undefined {
  const known = values.filter((value) => value - value === 0).sort();
  const least = Math.ceil(SHARE * known.length);
  if (least === 0) return undefined;
  const [low, high] = [known[least - 1], known[known.length - least]];
  const [factor, term] = [(high - low) / 2, (high + low) / 2];
  if (!(factor > 0)) return undefined;
  let [off, lower, upper] = [0, 0, 0];
  const signs = values.map((value) => {
    const sign = Math.round((value - term) / factor);
    if (!(Math.abs(value - term - sign * factor) <= WIDTH * factor && Math.abs(sign) <= 1)) {
      if (value - value === 0) off++;
      return NaN;
    }
    if (sign < 0) lower++;
    if (sign > 0) upper++;
    return sign;
  });
  if (off > SHARE * known.length || lower < least || upper < least) return undefined;
  // Where levels are as far above 0 as below, what differs from that is rounding.
  return { factor, term: Math.abs(term) <= WIDTH * factor ? 0 : term, signs };
}
