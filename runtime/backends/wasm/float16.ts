/** float16 on vectors: bits widened to float32, and float32 rounded to the nearest even. */
import type { Code, Local } from "./code.ts";

/** Pushes words of the same bits, from a register where they are among {@linkcode FLOAT16_BITS}. */
type PushBits = (bits: number) => Code;

const [MAGNITUDE, EXPONENT, HALF_MAGNITUDE, HALF_SIGN] = [0x7fffffff, 0x7f800000, 0x7fff, 0x8000];
/** The bits of a float32 that a float16 drops, and by how much the biases of their exponents differ. */
const [DROPPED, REBIASED] = [13, 112];
/** A number of so many powers of two. */
const power = (exponent: number) => (exponent + 127) << 23;
/** As words: what is infinite from here on, and the least number that is not subnormal. */
const [BEYOND, LEAST] = [power(16), power(-14)];
/** The greatest bits of a finite float16, where its float32 has them. */
const LAST = (0x7bff << DROPPED) | ((1 << DROPPED) - 1);
/** What the bits of the sum and of its exponent, put together, have too much. */
const DIFFERENCE = (DROPPED << 23) + ((REBIASED + 1) << 10);
/** The bit that makes an infinity NaN. */
const QUIET = 0x200;

/** What is worth a register throughout. */
export const FLOAT16_BITS: readonly number[] = [
  ...[MAGNITUDE, EXPONENT, HALF_MAGNITUDE, HALF_SIGN, BEYOND, LEAST, LAST, DIFFERENCE],
  ...[DROPPED << 23, power(REBIASED)],
];

/** Takes the bits on the stack, in words, and pushes the numbers. */
export function widenFloat16(code: Code, push: PushBits): void {
  const [bits, magnitude] = [code.local("v128"), code.local("v128")];
  code.tee(bits);
  push(HALF_MAGNITUDE).op("v128.and").i32(DROPPED).op("i32x4.shl").tee(magnitude);
  // A product shifts the exponent, of subnormals too.
  push(power(REBIASED)).op("f32x4.mul").get(magnitude);
  push(LAST).op("i32x4.gt_s");
  push(EXPONENT).op("v128.and", "v128.or").get(bits);
  push(HALF_SIGN).op("v128.and").i32(16).op("i32x4.shl", "v128.or");
}

/** Sets `rounded` to the bits nearest to `value`, in words; a NaN comes out infinite. */
export function narrowFloat16(code: Code, push: PushBits, value: Local, rounded: Local): void {
  const [magnitude, exponent] = [code.local("v128"), code.local("v128")];
  push(BEYOND).get(value);
  push(MAGNITUDE).op("v128.and", "f32x4.pmin").tee(magnitude);
  push(EXPONENT).op("v128.and");
  push(LEAST).op("i32x4.max_u").set(exponent);
  // Beside 2^13 times its power of two, a number is rounded to the bits that stay, at the bottom of the sum.
  code.get(exponent);
  push(DROPPED << 23).op("i32x4.add").get(magnitude).op("f32x4.add").get(exponent).op("i32x4.sub");
  code.get(exponent).i32(DROPPED).op("i32x4.shr_u", "i32x4.add");
  push(DIFFERENCE).op("i32x4.sub").get(value).i32(16).op("i32x4.shr_u");
  push(HALF_SIGN).op("v128.and", "v128.or").set(rounded);
}

/** Makes NaN again of what was. */
export function mendFloat16(code: Code, value: Local, rounded: Local): void {
  code.get(value).get(value).op("f32x4.ne").bits("i32x4", QUIET).op("v128.and");
  code.get(rounded).op("v128.or").set(rounded);
}
