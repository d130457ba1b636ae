/** exp, sinh, cosh and tanh, from powers of 2. */
import { EXP2 } from "./coefficients.ts";
import { bitsOf, type Lanes, type Quad, ROUND } from "./lanes.ts";

/** A power of 2 in two factors, so that neither it nor what it exceeds 1 by loses digits. */
interface Power {
  /** A whole power of 2. */
  readonly scale: Quad;
  /** By how much the other factor exceeds 1. */
  readonly excess: Quad;
}

/** 2^t for float64 `t` of at most some hundreds. */
function power2(lanes: Lanes, t: Quad): Power {
  const shifted = lanes.add(t, ROUND);
  const f = lanes.sub(t, lanes.sub(shifted, ROUND));
  const exponent = lanes.shift("shl", shifted, 52);
  return {
    scale: lanes.op("i64x2.add", exponent, bitsOf(1)),
    excess: lanes.mul(f, lanes.polynomial(f, EXP2)),
  };
}

/** 2^t for float64 `t` of at most some hundreds. */
export function exp2(lanes: Lanes, t: Quad): Quad {
  const { scale, excess } = power2(lanes, t);
  return lanes.add(scale, lanes.mul(scale, excess));
}

/** e^t - 1, to the same number of digits near 0. */
function expm1(lanes: Lanes, t: Quad): Quad {
  const { scale, excess } = power2(lanes, lanes.mul(t, Math.LOG2E));
  return lanes.add(lanes.mul(scale, excess), lanes.sub(scale, 1));
}

// Beyond these all functions here have reached their limits in float32.
const [LEAST, MOST] = [-110, 100];

export function exp(lanes: Lanes, x: Quad): Quad {
  const t = lanes.mul(lanes.widen(lanes.clamp(x, LEAST, MOST)), Math.LOG2E);
  return lanes.narrow(exp2(lanes, t));
}

/** |x| as float64, no more than `most`. */
function size(lanes: Lanes, x: Quad, most: number): Quad {
  return lanes.widen(lanes.op("pmin", lanes.op("abs", x), most));
}

export function cosh(lanes: Lanes, x: Quad): Quad {
  const power = exp2(lanes, lanes.mul(size(lanes, x, MOST), Math.LOG2E));
  return lanes.narrow(lanes.mul(lanes.add(power, lanes.div(1, power)), 0.5));
}

export function sinh(lanes: Lanes, x: Quad): Quad {
  const m = expm1(lanes, size(lanes, x, MOST));
  const twice = lanes.add(m, lanes.div(m, lanes.add(m, 1)));
  return lanes.or(lanes.narrow(lanes.mul(twice, 0.5)), lanes.sign(x));
}

export function tanh(lanes: Lanes, x: Quad): Quad {
  // tanh(10) rounds to 1.
  const m = expm1(lanes, lanes.mul(size(lanes, x, 10), 2));
  return lanes.or(lanes.narrow(lanes.div(m, lanes.add(m, 2))), lanes.sign(x));
}
