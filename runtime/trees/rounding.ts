/**
 * Stochastic rounding: of the two neighbours of a number, the nearer one is the likelier, so that what is
 * stored is right on average and changes below half a unit add up. P(up) = (x - low)/(high - low).
 */
import { bitsAt, wordOf } from "../../dsl/random/draw.ts";
import { integers, threefry } from "../../dsl/random/threefry.ts";
import { oddBits, type ShortType, SIGNIFICANT } from "./dtype.ts";

/** How many of the 24 bits of a float32's significand `dtype` drops, where its numbers are not subnormal. */
export function droppedBits(dtype: ShortType): number {
  return 24 - SIGNIFICANT[dtype];
}

/** The bits of 2^-14: below it a float16 is a multiple of {@linkcode FLOAT16_UNIT}. */
export const FLOAT16_NORMAL = 0x38800000;
/** The least float16 above 0. */
export const FLOAT16_UNIT = 2 ** -24;

const word = new Uint32Array(1);
const single = new Float32Array(word.buffer);

/** A neighbour of `value` that `dtype` has, chosen by 16 random bits; infinities and NaN stay. */
export function roundStochastically(dtype: ShortType, value: number, random: number): number {
  if (!Number.isFinite(value)) return value;
  word[0] = oddBits(value);
  if (dtype === "float16" && (word[0] & 0x7fffffff) < FLOAT16_NORMAL) {
    const units = Math.abs(single[0]) / FLOAT16_UNIT;
    const whole = Math.floor(units);
    const isUp = (random + 0.5) * 2 ** -16 < units - whole;
    const magnitude = (isUp ? whole + 1 : whole) * FLOAT16_UNIT;
    return word[0] >>> 31 === 1 ? -magnitude : magnitude;
  }
  // The random bits carry into what is kept as often as the dropped bits are of their range.
  const dropped = droppedBits(dtype);
  word[0] = (word[0] + (random >>> (16 - dropped))) & -(1 << dropped);
  return single[0];
}

/** What random bits are keyed by that round the `state`th state of a program at a step. */
export function roundingKey(
  seed: number,
  count: number,
  state: number,
): readonly [number, number] {
  const [high, low] = threefry(integers, [wordOf(seed) | 0, wordOf(count) | 0], [state, ROUNDING]);
  return [high >>> 0, low >>> 0];
}

// No tree has so many leaves, whose numbers stand here where a program draws.
const ROUNDING = 0x4000_0000;

/**
 * The counter of an element's random bits: 64 are enough for four elements, those that four vectors of
 * four have in one lane.
 */
export function roundingCounter(element: number): number {
  return ((element >>> 4) << 2) | (element & 3);
}

/** Those of 64 bits that are an element's. */
export function bitsWithin(element: number, high: number, low: number): number {
  const both = element & 8 ? low : high;
  return element & 4 ? both & 0xffff : both >>> 16;
}

/** The 16 random bits that round an element of a leaf. */
export function roundingBits(
  key: readonly [number, number],
  element: number,
  leaf: number,
): number {
  return bitsWithin(element, ...bitsAt(key, roundingCounter(element), leaf, 0));
}
