/**
 * Float64 arithmetic as an interface: a formula that is written on it once runs on numbers and, in
 * WebAssembly, on vectors. Every operation is exactly rounded, so that all have the same bits.
 */

/** Arithmetic on values `V`, with conditions `M`. */
export interface Doubles<V, M> {
  add(a: V | number, b: V | number): V;
  sub(a: V | number, b: V | number): V;
  mul(a: V | number, b: V | number): V;
  div(a: V | number, b: V | number): V;
  sqrt(x: V): V;
  abs(x: V): V;
  less(a: V | number, b: V | number): M;
  /** `a` where `condition`, `b` elsewhere. */
  select(condition: M, a: V | number, b: V | number): V;
  /** The same of what may be left uncomputed where nothing asks for it; each makes a new value. */
  choose(condition: M, rare: () => V, common: () => V): V;
  /** The exponent e and the mantissa m, from √½ to √2, of a normal x = 2^e·m above 0. */
  split(x: V): readonly [exponent: V, mantissa: V];
}

/** A polynomial by Horner's scheme, coefficients from the lowest power up. */
export function polynomial<V, M>(
  doubles: Pick<Doubles<V, M>, "add" | "mul">,
  x: V,
  coefficients: readonly number[],
): V {
  let sum: V | number = coefficients.at(-1)!;
  for (let power = coefficients.length - 2; power >= 0; power--) {
    sum = doubles.add(doubles.mul(x, sum), coefficients[power]);
  }
  return sum as V;
}

const float64 = new Float64Array(1);
const words = new Uint32Array(float64.buffer);
/** Which of the words is the upper one: engines keep numbers in the order of their machine. */
const UPPER = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1 ? 1 : 0;

/** Arithmetic on numbers. */
export const numbers: Doubles<number, boolean> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  sqrt: Math.sqrt,
  abs: Math.abs,
  less: (a, b) => a < b,
  select: (condition, a, b) => condition ? a : b,
  choose: (condition, rare, common) => condition ? rare() : common(),
  split(x) {
    float64[0] = x;
    const exponent = (words[UPPER] >>> 20) - 1023;
    words[UPPER] = (words[UPPER] & 0xfffff) | 0x3ff00000;
    const [mantissa] = float64;
    return mantissa < Math.SQRT2 ? [exponent, mantissa] : [exponent + 1, mantissa / 2];
  },
};
