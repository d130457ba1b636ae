/** Which random bits an element gets: those of its place, by the seed and the count of the step. */
import { integers, threefry } from "./threefry.ts";

/**
 * The word of a key that stands for a number: of a whole number, its rest modulo 2^32; of any other,
 * random bits that its own 64 bits are the key of.
 */
export function wordOf(value: number): number {
  if (Number.isInteger(value)) return value >>> 0;
  // A NaN has many bit patterns, and which one is read is not said.
  if (Number.isNaN(value)) return (wordOf(Infinity) ^ 1) >>> 0;
  const bits = new DataView(new ArrayBuffer(8));
  bits.setFloat64(0, value);
  return threefry(integers, [bits.getInt32(4), bits.getInt32(0)], [0, 0])[0] >>> 0;
}

/**
 * The 64 random bits of an element: keyed by the words of seed and count, at the counter of the
 * element's number in its leaf and the leaf's number in the tree. A `stream` of its own, 0 or 1, makes
 * the bits of one distribution independent of another's.
 */
export function bitsAt(
  key: readonly [seed: number, count: number],
  element: number,
  leaf: number,
  stream: number,
): [high: number, low: number] {
  const counter = [element | 0, leaf ^ streamBit(stream)] as const;
  const [high, low] = threefry(integers, [key[0] | 0, key[1] | 0], counter);
  return [high >>> 0, low >>> 0];
}

/** What a leaf's number is joined with: no tree has 2^31 leaves. */
export function streamBit(stream: number): number {
  return stream === 0 ? 0 : 0x8000_0000;
}
