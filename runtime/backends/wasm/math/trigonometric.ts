/** sin, cos and tan. */
import { COS, HALF_PI, SIN, TURN } from "./coefficients.ts";
import { type Lanes, type Quad, ROUND, type Routine } from "./lanes.ts";

/** An angle as quarters of a turn, an integer in the low bits, and a rest of at most π/4 in size. */
interface Angle {
  readonly rest: Quad;
  readonly quarters: Quad;
}

const LARGE = 2 ** 20;

function reduce(lanes: Lanes, x: Quad): Angle {
  const angle = lanes.widen(x);
  const quarters = lanes.add(lanes.mul(angle, 2 / Math.PI), ROUND);
  const k = lanes.sub(quarters, ROUND);
  // Below 2^20 the first product and difference are exact. The second part of π/2 leaves an error of
  // 2^-66, and no float32 there comes closer than 2^-28 to a multiple of π/2.
  const near = lanes.sub(angle, lanes.mul(k, HALF_PI[0]));
  const rest = lanes.sub(near, lanes.mul(k, HALF_PI[1]));
  lanes.whenAny(lanes.op("ge", lanes.op("abs", x), LARGE), () => {
    const [largeRest, largeQuarters] = lanes.call(reduceLarge, x);
    const isLarge = lanes.op("ge", lanes.op("abs", angle), LARGE);
    lanes.assign(rest, lanes.select(isLarge, largeRest, rest));
    lanes.assign(quarters, lanes.select(isLarge, largeQuarters, quarters));
  });
  return { rest, quarters };
}

/**
 * The same for any angle: a float32 times 29 bits of 1/(2π) is exact in float64, and so is leaving out whole
 * turns. Seven pieces reach 2^-75 of a turn at 2^128.
 */
const reduceLarge: Routine = {
  type: {
    name: "math.reduce",
    params: ["v128"],
    results: ["v128", "v128", "v128", "v128"],
  },
  write(lanes: Lanes): void {
    const angle = lanes.widen(lanes.param(0));
    const fraction = (turns: Quad) => lanes.sub(turns, lanes.op("nearest", turns));
    const [first, ...others] = TURN.map((bits, j) =>
      fraction(lanes.mul(angle, bits * 2 ** (-29 * (j + 1))))
    );
    let [turns, error] = [first, lanes.mul(first, 0)];
    for (const part of others) {
      // Knuth's sum, which also gives what its rounding lost.
      const sum = lanes.add(turns, part);
      const added = lanes.sub(sum, turns);
      const lost = lanes.add(lanes.sub(turns, lanes.sub(sum, added)), lanes.sub(part, added));
      [turns, error] = [fraction(sum), lanes.add(error, lost)];
    }
    const fourfold = lanes.mul(turns, 4);
    const quarters = lanes.add(fourfold, ROUND);
    const near = lanes.sub(fourfold, lanes.sub(quarters, ROUND));
    const rest = lanes.mul(lanes.add(near, lanes.mul(error, 4)), Math.PI / 2);
    lanes.give(rest, quarters);
  },
};

/** sin and cos of the rest of an angle, and whether an odd number of quarters exchanges them. */
function both(lanes: Lanes, { rest, quarters }: Angle): { sin: Quad; cos: Quad; isOdd: Quad } {
  const square = lanes.mul(rest, rest);
  const correction = lanes.mul(square, lanes.polynomial(square, SIN));
  return {
    // A product rather than a sum, as -0 + 0 is not -0.
    sin: lanes.mul(rest, lanes.add(correction, 1)),
    cos: lanes.add(lanes.mul(square, lanes.polynomial(square, COS)), 1),
    isOdd: lanes.op("i64x2.sub", 0n, lanes.and(quarters, 1n)),
  };
}

/** The sine of an angle that so many more quarters are added to. */
function sine(lanes: Lanes, { rest, quarters }: Angle): Quad {
  const { sin, cos, isOdd } = both(lanes, { rest, quarters });
  const isBeyondHalf = lanes.shift("shl", lanes.and(quarters, 2n), 62);
  return lanes.narrow(lanes.xor(lanes.select(isOdd, cos, sin), isBeyondHalf));
}

export function sin(lanes: Lanes, x: Quad): Quad {
  return sine(lanes, reduce(lanes, x));
}

export function cos(lanes: Lanes, x: Quad): Quad {
  const { rest, quarters } = reduce(lanes, x);
  return sine(lanes, { rest, quarters: lanes.op("i64x2.add", quarters, 1n) });
}

export function tan(lanes: Lanes, x: Quad): Quad {
  const angle = reduce(lanes, x);
  const { sin, cos, isOdd } = both(lanes, angle);
  const quotient = lanes.div(lanes.select(isOdd, cos, sin), lanes.select(isOdd, sin, cos));
  return lanes.narrow(lanes.xor(quotient, lanes.sign(isOdd)));
}
