/** log and pow, from logarithms to base 2. */
import { log2 } from "../../../../dsl/random/logarithm.ts";
import { exp2 } from "./exponential.ts";
import type { Lanes, Quad } from "./lanes.ts";

// Every float32 is a normal float64.
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
