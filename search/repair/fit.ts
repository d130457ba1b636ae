/** How near values come to what is desired: by what factor and term, and whether they are the same. */

/** `desired ≈ factor·values + term`. */
export interface Fit {
  readonly factor: number;
  readonly term: number;
}

/** A term is left out where without it no more than this is left, in terms of what is left with it. */
const WORSE = 1.1;
/** Shares of what is desired that are put down to rounding: squared, and in a constant. */
const [ROUNDING, SHORT] = [1e-9, 1e-5];

/** The fit of least squares; without a term where that is about as good, and with short constants. */
export function fitOf(values: ArrayLike<number>, desired: ArrayLike<number>): Fit {
  let [x, d, xx, xd, dd] = [0, 0, 0, 0, 0];
  const count = values.length;
  for (let i = 0; i < count; i++) {
    x += values[i];
    d += desired[i];
    xx += values[i] * values[i];
    xd += values[i] * desired[i];
    dd += desired[i] * desired[i];
  }
  const varied = xx - x * x / count;
  const factor = (xd - x * d / count) / varied;
  const term = (d - factor * x) / count;
  const left = Math.max(0, dd - d * d / count - factor * factor * varied);
  const plain = xd / xx;
  const plainLeft = Math.max(0, dd - plain * xd);
  return plainLeft <= WORSE * left + ROUNDING * dd
    ? { factor: short(plain), term: 0 }
    : { factor: short(factor), term: short(term) };
}

/** A number of few digits where one is as near as rounding lets us see, or the number. */
export function short(value: number): number {
  for (let digits = 1; digits <= 4; digits++) {
    const rounded = Number(value.toPrecision(digits));
    if (Math.abs(rounded - value) <= SHORT * Math.abs(value)) return rounded;
  }
  return value;
}

/** A value is off if by more than this share of what is desired there, and of what usually is. */
const OFF = 1e-3;

/**
 * The share of places in which values are not as desired. Least squares do not tell that: where a few places
 * outweigh all others, whatever is right there leaves next to nothing.
 */
export function shareOff(values: Float64Array, desired: Float64Array): number {
  const sizes = desired.map(Math.abs).sort();
  const usual = sizes[sizes.length >> 1];
  let off = 0;
  for (let i = 0; i < desired.length; i++) {
    const bound = OFF * (Math.abs(desired[i]) + usual);
    if (!(Math.abs(desired[i] - values[i]) <= bound)) off++;
  }
  return off / desired.length;
}
