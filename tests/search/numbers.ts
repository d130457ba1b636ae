/** Numbers to try operations on. */
import { Random } from "../../search/mod.ts";

const SPECIAL = [
  0,
  -0,
  1,
  -1,
  Infinity,
  -Infinity,
  NaN,
  2 ** -149,
  -(2 ** -126),
  3.4e38,
  0.5,
  -2.5,
];

/** Special ones and random ones of all sizes, a multiple of 16. */
export function numbersOfAllSizes(seed: number): Float32Array {
  const random = new Random(seed, 50, 0);
  return Float32Array.from(
    { length: 256 },
    (_, i) => i % 3 === 0 ? random.pick(SPECIAL) : random.normal() * 2 ** (random.below(60) - 30),
  );
}
