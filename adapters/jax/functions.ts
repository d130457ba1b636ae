/**
 * Functions that jax-js computes with few right digits somewhere, made of others of its own. All use up
 * their arrays, as its own do.
 */
import type { Operand } from "../library.ts";
import type { JaxArray, JaxNumpy } from "./types.ts";

const absolute = <A extends JaxArray>(np: JaxNumpy<A>, x: A): A =>
  np.maximum(x.ref, np.multiply(x, -1));

/**
 * ln x. Near 1 it is the series of 2·artanh((x - 1)/(x + 1)); elsewhere jax-js's own, which in WebAssembly
 * is off by up to 1e-5, and what that is off by, if it is not so large that this is lost.
 */
export function logarithm<A extends JaxArray>(np: JaxNumpy<A>, x: A): A {
  const s = np.divide(np.add(x.ref, -1), np.add(x.ref, 1));
  const square = np.multiply(s.ref, s.ref);
  const series = [7, 5, 3, 1].reduce<A | number>(
    (sum, odd) => np.add(np.multiply(square.ref, sum), 2 / odd),
    2 / 9,
  );
  square.dispose();
  const near = np.multiply(s, series);
  const rough = np.log(x.ref);
  const rest = np.add(np.multiply(x.ref, np.exp(np.multiply(rough.ref, -1))), -1);
  const mended = np.add(
    rough.ref,
    np.add(rest.ref, np.multiply(np.multiply(rest.ref, rest), -0.5)),
  );
  const isMended = np.less(absolute(np, rough.ref), 80);
  const isNear = np.logicalAnd(np.greater(x.ref, 0.75), np.less(x, 1.375));
  return np.where(isNear, near, np.where(isMended, mended, rough));
}

/** tanh x, below 1 by Lambert's continued fraction: jax-js's own loses all digits near 0. */
export function hyperbolicTangent<A extends JaxArray>(np: JaxNumpy<A>, x: A): A {
  const square = np.multiply(x.ref, x.ref);
  const below = [9, 7, 5, 3].reduce<A | number>(
    (below, odd) => np.add(np.divide(square.ref, below), odd),
    11,
  );
  const small = np.divide(x.ref, np.add(np.divide(square, below), 1));
  const isSmall = np.less(absolute(np, x.ref), 1);
  return np.where(isSmall, small, np.tanh(x));
}

/** arccos x, which near 1 is an arcsine of what is small. */
export function arccosine<A extends JaxArray>(np: JaxNumpy<A>, x: A): A {
  const half = np.sqrt(np.multiply(np.add(np.multiply(x.ref, -1), 1), 0.5));
  const near = np.multiply(np.asin(half), 2);
  const rest = np.add(np.multiply(np.asin(x.ref), -1), Math.PI / 2);
  return np.where(np.greater(x, 0.5), near, rest);
}

/** The largest whole exponent that is multiplied out. */
const MOST_FACTORS = 16;

/**
 * x^y as in C; of the operands, which it borrows, at least one is an array. jax-js's own forgets the sign
 * of -0, and the cases where a logarithm that is 0 or infinite comes to nothing.
 */
export function power<A extends JaxArray>(np: JaxNumpy<A>, x: Operand<A>, y: Operand<A>): A {
  if (typeof y === "number" && typeof x !== "number") {
    if (Number.isInteger(y) && y !== 0 && Math.abs(y) <= MOST_FACTORS) return multiplied(np, x, y);
    if (y === 0.5) {
      return np.where(np.equal(x.ref, -Infinity), Infinity, absolute(np, np.sqrt(x.ref)));
    }
  }
  const array = (operand: Operand<A>) =>
    typeof operand === "number" ? np.full([], operand, { dtype: "float32" as never }) : operand.ref;
  const [a, b] = [array(x), array(y)];
  const size = absolute(np, a.ref);
  // Of a number, the logarithm is rounded once.
  const log = typeof x === "number" ? Math.log(Math.abs(x)) : logarithm(np, size.ref);
  const value = np.exp(np.multiply(log, typeof y === "number" ? y : y.ref));
  const half = np.multiply(b.ref, 0.5);
  const isWhole = np.equal(np.floor(b.ref), b.ref);
  const isOdd = np.logicalAnd(isWhole.ref, np.logicalNot(np.equal(np.floor(half.ref), half)));
  // Of -0, the reciprocal is below 0.
  const isNegative = np.logicalOr(np.less(a.ref, 0), np.less(np.divide(1, a.ref), 0));
  const signed = np.multiply(value, np.where(np.logicalAnd(isNegative, isOdd), -1, 1));
  const isNegativeNumber = np.logicalAnd(np.less(a.ref, 0), np.less(size.ref, Infinity));
  const isImaginary = np.logicalAnd(isNegativeNumber, np.logicalNot(isWhole));
  const isUnit = np.logicalAnd(np.equal(size, 1), np.equal(absolute(np, b.ref), Infinity));
  const isOne = np.logicalOr(np.logicalOr(np.equal(b, 0), np.equal(a, 1)), isUnit);
  return np.where(isOne, 1, np.where(isImaginary, NaN, signed));
}

/** x^n for a whole n that is not 0, by squaring. */
function multiplied<A extends JaxArray>(np: JaxNumpy<A>, x: A, n: number): A {
  let made: A | undefined;
  let square = x.ref;
  for (let left = Math.abs(n);; left >>= 1) {
    if (left & 1) made = made === undefined ? square.ref : np.multiply(made, square.ref);
    if (left <= 1) break;
    square = np.multiply(square.ref, square);
  }
  square.dispose();
  return n > 0 ? made! : np.divide(1, made!);
}
