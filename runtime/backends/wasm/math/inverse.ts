/** asin, acos, atan and cbrt. */
import { ASIN, ATAN, INVERSE_CBRT } from "./coefficients.ts";
import { bitsOf, type Lanes, type Quad } from "./lanes.ts";

/** x·(1 + s·p(s)): how asin and atan begin. */
function oddSeries(lanes: Lanes, x: Quad, s: Quad, coefficients: readonly number[]): Quad {
  return lanes.mul(x, lanes.add(lanes.mul(s, lanes.polynomial(s, coefficients)), 1));
}

/** asin(size) up to 1/2, and above it asin √((1 - size)/2), half of acos(size). Above 1 that is NaN. */
function partial(lanes: Lanes, size: Quad): { value: Quad; isFar: Quad } {
  const isFar = lanes.op("gt", size, 0.5);
  const halved = lanes.mul(lanes.sub(1, size), 0.5);
  const s = lanes.select(isFar, halved, lanes.mul(size, size));
  const x = lanes.select(isFar, lanes.op("sqrt", halved), size);
  return { value: oddSeries(lanes, x, s, ASIN), isFar };
}

export function asin(lanes: Lanes, x: Quad): Quad {
  const { value, isFar } = partial(lanes, lanes.widen(lanes.op("abs", x)));
  const far = lanes.sub(Math.PI / 2, lanes.add(value, value));
  return lanes.or(lanes.narrow(lanes.select(isFar, far, value)), lanes.sign(x));
}

export function acos(lanes: Lanes, x: Quad): Quad {
  const wide = lanes.widen(x);
  const { value, isFar } = partial(lanes, lanes.op("abs", wide));
  const signed = lanes.or(value, lanes.sign(wide));
  const start = lanes.select(lanes.op("lt", wide, 0), Math.PI, 0);
  const far = lanes.add(start, lanes.add(signed, signed));
  return lanes.narrow(lanes.select(isFar, far, lanes.sub(Math.PI / 2, signed)));
}

/** The ways part at π/8 and 3π/8, so that no series starts further than that from its centre. */
export function atan(lanes: Lanes, x: Quad): Quad {
  const size = lanes.widen(lanes.op("abs", x));
  const isFar = lanes.op("gt", size, Math.SQRT2 + 1);
  const isMiddle = lanes.op("gt", size, Math.SQRT2 - 1);
  const choose = (far: Quad | number, middle: Quad | number, near: Quad | number) =>
    lanes.select(isFar, far, lanes.select(isMiddle, middle, near));
  // atan(x) = π/4 + atan((x - 1)/(x + 1)) = π/2 + atan(-1/x)
  const t = lanes.div(
    choose(-1, lanes.sub(size, 1), size),
    choose(size, lanes.add(size, 1), 1),
  );
  const rest = oddSeries(lanes, t, lanes.mul(t, t), ATAN);
  const value = lanes.add(choose(Math.PI / 2, Math.PI / 4, 0), rest);
  return lanes.or(lanes.narrow(value), lanes.sign(x));
}

export function cbrt(lanes: Lanes, x: Quad): Quad {
  const size = lanes.op("abs", x);
  const wide = lanes.widen(size);
  // Bits grow like the logarithm: less a third of them from a constant leaves about size^(-1/3). They are
  // reckoned with as a float64 from 2^52 on, less the last 12; the constant keeps e below 0.1021.
  const bits = lanes.or(lanes.shift("shr_u", wide, 12), bitsOf(2 ** 52));
  const third = lanes.sub(2 ** 52 * 4 / 3 + 1363.93195 * 2 ** 40, lanes.mul(bits, 1 / 3));
  const guess = lanes.shift("shl", third, 12);
  const error = (inverse: Quad, root: Quad) => lanes.sub(1, lanes.mul(inverse, root));
  const rootOf = (inverse: Quad) => lanes.mul(wide, lanes.mul(inverse, inverse));
  const e = error(guess, rootOf(guess));
  const better = lanes.mul(guess, lanes.polynomial(e, INVERSE_CBRT));
  // One more step, of (1 - e)^(-2/3).
  const root = rootOf(better);
  const step = lanes.mul(lanes.mul(root, error(better, root)), 2 / 3);
  const value = lanes.or(lanes.narrow(lanes.add(root, step)), lanes.sign(x));
  return lanes.select(lanes.op("lt", size, Infinity), value, x);
}
