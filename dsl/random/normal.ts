/**
 * The quantile function of the normal distribution, by the rational functions of Wichura (1988),
 * Algorithm AS 241, Applied Statistics 37(3), 477-484. From exactly rounded operations only, so that
 * it has the same bits wherever it is computed; `Math.log` and `Math.cos` differ between engines.
 */
import { type Doubles, polynomial } from "./doubles.ts";
import { log2 } from "./logarithm.ts";

/** A quotient of polynomials, lowest powers first. */
export interface Rational {
  readonly above: readonly number[];
  readonly below: readonly number[];
}

/** Quantile/q for q from -0.425 to 0.425, of 0.425² - q². */
export const MIDDLE: Rational = {
  above: [
    3.3871328727963665,
    133.14166789178438,
    1971.5909503065513,
    13731.69376550946,
    45921.95393154987,
    67265.7709270087,
    33430.57558358813,
    2509.0809287301227,
  ],
  below: [
    1,
    42.31333070160091,
    687.1870074920579,
    5394.196021424751,
    21213.794301586597,
    39307.89580009271,
    28729.085735721943,
    5226.495278852854,
  ],
};

/** Quantile for r = √(-ln p) up to 5, of r - 1.6. */
export const TAIL: Rational = {
  above: [
    1.4234371107496835,
    4.630337846156546,
    5.769497221460691,
    3.6478483247632045,
    1.2704582524523684,
    0.2417807251774506,
    0.022723844989269184,
    0.0007745450142783414,
  ],
  below: [
    1,
    2.053191626637759,
    1.6763848301838038,
    0.6897673349851,
    0.14810397642748008,
    0.015198666563616457,
    0.0005475938084995345,
    1.0507500716444169e-9,
  ],
};

/** Quantile for r beyond 5, of r - 5: there is one such number in 36 thousand million. */
export const FAR_TAIL: Rational = {
  above: [
    6.657904643501103,
    5.463784911164114,
    1.7848265399172913,
    0.29656057182850487,
    0.026532189526576124,
    0.0012426609473880784,
    0.000027115555687434876,
    2.0103343992922881e-7,
  ],
  below: [
    1,
    0.599832206555888,
    0.1369298809227358,
    0.014875361290850615,
    0.0007868691311456133,
    0.000018463183175100548,
    1.421511758316446e-7,
    2.0442631033899397e-15,
  ],
};

/**
 * The number that a normal number is below with probability ½ + q, for q between -½ and ½, both
 * excluded; within 1e-15 of it, relative to its size.
 */
export function normalQuantile<V, M>(doubles: Doubles<V, M>, q: V): V {
  const isTail = doubles.less(0.425, doubles.abs(q));
  return doubles.choose(isTail, () => tail(doubles, q), () => {
    const x = doubles.sub(0.180625, doubles.mul(q, q));
    return doubles.mul(q, quotient(doubles, x, MIDDLE));
  });
}

function tail<V, M>(doubles: Doubles<V, M>, q: V): V {
  const p = doubles.sub(0.5, doubles.abs(q));
  const r = doubles.sqrt(doubles.mul(log2(doubles, p), -Math.LN2));
  const size = doubles.choose(
    doubles.less(5, r),
    () => quotient(doubles, doubles.sub(r, 5), FAR_TAIL),
    () => quotient(doubles, doubles.sub(r, 1.6), TAIL),
  );
  return doubles.select(doubles.less(q, 0), doubles.sub(0, size), size);
}

function quotient<V, M>(doubles: Doubles<V, M>, x: V, { above, below }: Rational): V {
  return doubles.div(polynomial(doubles, x, above), polynomial(doubles, x, below));
}
