/** log and pow, from logarithms to base 2. */
import { LOG2 } from "./coefficients.ts";
import { exp2 } from "./exponential.ts";
import { bitsOf, type Lanes, type Quad } from "./lanes.ts";

const ROOT = bitsOf(Math.SQRT1_2);

/** The logarithm of float64 above 0, to nearly all its digits, also near 1. */
function log2(lanes: Lanes, x: Quad): Quad {
  // x = 2^e·m with m from √½ to √2; every float32 is a normal float64.
  const shifted = lanes.op("i64x2.add", x, bitsOf(1) - ROOT);
  const mantissa = lanes.and(shifted, (1n << 52n) - 1n);
  const m = lanes.op("i64x2.add", mantissa, ROOT);
  // An integer below the leading bit of 2^52 is that integer, added to it.
  const e = lanes.sub(lanes.or(lanes.shift("shr_u", shifted, 52), bitsOf(2 ** 52)), 2 ** 52 + 1023);
  const f = lanes.sub(m, 1);
  const s = lanes.div(f, lanes.add(f, 2));
  return lanes.add(e, lanes.mul(s, lanes.polynomial(lanes.mul(s, s), LOG2)));
}

export function log(lanes: Lanes, x: Quad): Quad {
  const value = lanes.narrow(lanes.mul(log2(lanes, lanes.widen(x)), Math.LN2));
  const outside = lanes.select(lanes.op("eq", x, 0), -Infinity, NaN);
  const finite = lanes.select(lanes.op("gt", x, 0), value, outside);
  return lanes.select(lanes.op("eq", x, Infinity), x, finite);
}

/** x to the power y as C has it: 1 to any power is 1, and so is -1 to an infinite one. */
export function pow(lanes: Lanes, x: Quad, y: Quad): Quad {
  const base = lanes.widen(lanes.op("abs", x));
  const finite = lanes.select(lanes.op("lt", base, Infinity), log2(lanes, base), base);
  const logarithm = lanes.select(lanes.op("eq", base, 0), -Infinity, finite);
  const t = lanes.clamp(lanes.mul(logarithm, lanes.widen(y)), -200, 200);
  const size = lanes.narrow(exp2(lanes, t));

  const half = lanes.mul(y, 0.5);
  const isWhole = lanes.op("eq", y, lanes.op("trunc", y));
  const isOdd = lanes.and(isWhole, lanes.op("ne", half, lanes.op("trunc", half)));
  const signed = lanes.or(size, lanes.and(lanes.sign(x), isOdd));
  // A mask of all ones is also a NaN.
  const isNegative = lanes.and(lanes.op("lt", x, 0), lanes.op("gt", x, -Infinity));
  const value = lanes.or(signed, lanes.op("v128.andnot", isNegative, isWhole));
  const isUnit = lanes.op("eq", lanes.op("abs", x), 1);
  const isEven = lanes.and(isUnit, lanes.op("eq", lanes.op("abs", y), Infinity));
  const isOne = lanes.or(lanes.or(lanes.op("eq", x, 1), isEven), lanes.op("eq", y, 0));
  return lanes.select(isOne, 1, value);
}
