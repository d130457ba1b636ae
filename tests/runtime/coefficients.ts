/**
 * Derives the numbers of the mathematical routines from power series, in whole multiples of 2^-320: so the
 * tables can be checked against what they are said to be.
 */

const BITS = 320n;
const ONE = 1n << BITS;

/** A number as a whole multiple of 2^-320. */
export type Fixed = bigint;

/** Coefficients of the powers from 0 up. */
type PowerSeries = (power: number) => Fixed;

/** A power series, and the interval on which a polynomial stands for it. */
export interface Approximated {
  readonly series: PowerSeries;
  readonly from: number;
  readonly to: number;
}

/** The quotient of two integers. */
export function quotient(numerator: bigint, denominator: bigint): Fixed {
  return (numerator << BITS) / denominator;
}

/** A float64 number, which must have no bits below 2^-200. */
export function fixed(value: number): Fixed {
  return BigInt(value * 2 ** 200) << (BITS - 200n);
}

/** The nearest float64 number. */
export function float64(value: Fixed): number {
  return Number(value) / 2 ** Number(BITS);
}

function times(a: Fixed, b: Fixed): Fixed {
  return (a * b) >> BITS;
}

/** The quotient of two numbers. */
export function over(a: Fixed, b: Fixed): Fixed {
  return (a << BITS) / b;
}

/** The sum of a power series at `x`, to the last bits. */
export function sum(series: PowerSeries, x: Fixed): Fixed {
  let [total, power] = [0n, ONE];
  for (let k = 0; power > 1n || power < -1n; k++) {
    total += times(series(k), power);
    power = times(power, x);
  }
  return total;
}

/** A series by its first coefficient and by what makes the `k`th of the one before it. */
function recurrence(first: Fixed, next: (before: Fixed, k: bigint) => Fixed): PowerSeries {
  const known = [first];
  return (power) => {
    while (known.length <= power) known.push(next(known.at(-1)!, BigInt(known.length)));
    return known[power];
  };
}

// artanh(√s)/√s and arctan(√s)/√s in powers of s.
const artanh: PowerSeries = (k) => quotient(1n, BigInt(2 * k + 1));
const arctan: PowerSeries = (k) => (k % 2 === 0 ? 1n : -1n) * artanh(k);

function atOneOver(n: bigint, series: PowerSeries): Fixed {
  return sum(series, quotient(1n, n * n)) / n;
}

const LN2 = 2n * atOneOver(3n, artanh);

/** By Machin: π/4 = 4·arctan(1/5) - arctan(1/239). */
export const PI: Fixed = 16n * atOneOver(5n, arctan) - 4n * atOneOver(239n, arctan);

/** What the tables of the routines approximate, by their names. */
export const approximated: Readonly<Record<string, Approximated>> = {
  EXP2: {
    series: recurrence(LN2, (before, k) => times(before, LN2) / (k + 1n)),
    from: -0.5,
    to: 0.5,
  },
  LOG2: { series: (k) => over(2n * artanh(k), LN2), from: 0, to: 0.02945 },
  SIN: {
    series: recurrence(-ONE / 6n, (before, k) => -before / ((2n * k + 2n) * (2n * k + 3n))),
    from: 0,
    to: 0.617,
  },
  COS: {
    series: recurrence(-ONE / 2n, (before, k) => -before / ((2n * k + 1n) * (2n * k + 2n))),
    from: 0,
    to: 0.617,
  },
  ASIN: {
    series: recurrence(
      ONE / 6n,
      (before, k) => before * (2n * k + 1n) ** 2n / ((2n * k + 2n) * (2n * k + 3n)),
    ),
    from: 0,
    to: 0.25,
  },
  ATAN: { series: (k) => arctan(k + 1), from: 0, to: 0.1716 },
  INVERSE_CBRT: {
    series: recurrence(ONE, (before, k) => before * (3n * k - 2n) / (3n * k)),
    from: -0.103,
    to: 0.103,
  },
};

/** The polynomial through a series at the Chebyshev nodes of its interval, lowest power first. */
export function polynomial({ series, from, to }: Approximated, degree: number): number[] {
  const nodes = Array.from({ length: degree + 1 }, (_, i) => {
    const cosine = Math.cos(Math.PI * (2 * i + 1) / (2 * degree + 2));
    // Rounded, so that the last bits of a cosine do not matter.
    return fixed(Math.round(((from + to) / 2 + (to - from) / 2 * cosine) * 2 ** 40) / 2 ** 40);
  });
  // Newton's divided differences, then Horner's scheme on polynomials.
  const differences = nodes.map((node) => sum(series, node));
  for (let order = 1; order <= degree; order++) {
    for (let i = degree; i >= order; i--) {
      differences[i] = over(differences[i] - differences[i - 1], nodes[i] - nodes[i - order]);
    }
  }
  let result: Fixed[] = [];
  for (let i = degree; i >= 0; i--) {
    const shifted = [0n, ...result];
    result = shifted.map((each, power) => each - times(nodes[i], result[power] ?? 0n));
    result[0] += differences[i];
  }
  return result.map(float64);
}

/** How far a polynomial is from a series anywhere on its interval, as seen at 101 points. */
export function largestError(
  { series, from, to }: Approximated,
  coefficients: readonly number[],
): number {
  const errors = Array.from({ length: 101 }, (_, i) => {
    const x = fixed(Math.round((from + (to - from) * i / 100) * 2 ** 40) / 2 ** 40);
    const value = coefficients.reduceRight((total, each) => times(total, x) + fixed(each), 0n);
    return Math.abs(float64(value - sum(series, x)));
  });
  return Math.max(...errors);
}
