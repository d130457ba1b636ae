/**
 * Sobol' points, scrambled by a seed: any 2^k of the first points of a block of 2^k are spread evenly. Direction
 * numbers: Joe and Kuo 2008, Constructing Sobol sequences with better two-dimensional projections, SIAM J. Sci.
 * Comput. 30, 2635-2654, their file new-joe-kuo-6.21201. Scrambling: Matousek 1998, On the L2-discrepancy for
 * anchored boxes, J. Complexity 14, 527-556: random linear maps of the digits, and a random shift.
 */
import { DRAWS, Random } from "../programs/random.ts";

/** Of each dimension from the second on: the primitive polynomial's inner coefficients, and the first numbers. */
const DIRECTIONS: readonly (readonly [a: number, m: readonly number[]])[] = [
  [0, [1]],
  [1, [1, 3]],
  [1, [1, 3, 1]],
  [2, [1, 1, 1]],
  [1, [1, 1, 3, 3]],
  [4, [1, 3, 5, 13]],
  [2, [1, 1, 5, 5, 17]],
  [4, [1, 1, 5, 5, 5]],
  [7, [1, 1, 7, 11, 19]],
  [11, [1, 1, 5, 1, 1]],
  [13, [1, 1, 1, 3, 11]],
  [14, [1, 3, 5, 5, 31]],
  [1, [1, 3, 3, 9, 7, 49]],
  [13, [1, 1, 1, 15, 21, 21]],
  [16, [1, 3, 1, 13, 27, 49]],
  [19, [1, 1, 1, 15, 7, 5]],
  [22, [1, 3, 1, 15, 13, 25]],
  [25, [1, 1, 5, 5, 19, 61]],
  [1, [1, 3, 7, 11, 23, 15, 103]],
  [4, [1, 3, 7, 13, 13, 15, 69]],
];

/** How many dimensions points have at most. */
export const MOST_DIMENSIONS: number = DIRECTIONS.length + 1;

const BITS = 32;

/** The points of a number of dimensions, by their index; without a seed they are not scrambled. */
export function sobol(dimensions: number, seed?: number): (index: number) => number[] {
  const each = Array.from({ length: dimensions }, (_, dimension) => {
    const plain = directions(dimension);
    if (seed === undefined) return { numbers: plain, shift: 0 };
    const random = new Random(seed, DRAWS.scramble, dimension);
    // The row of a digit keeps it, and adds what it draws of the digits before it.
    const rows = plain.map((_, row) => {
      const before = row === 0 ? 0 : random.bits() >>> (BITS - row) << (BITS - row);
      return (before | 1 << (BITS - 1 - row)) >>> 0;
    });
    const numbers = plain.map((number) =>
      rows.reduce((sum, mask, row) => sum | parity(mask & number) << (BITS - 1 - row), 0)
    );
    return { numbers, shift: random.bits() };
  });
  return (index) => {
    const gray = index ^ index >>> 1;
    return each.map(({ numbers, shift }) => {
      const bits = numbers.reduce((sum, number, k) => gray >>> k & 1 ? sum ^ number : sum, shift);
      return (bits >>> 0) * 2 ** -BITS;
    });
  };
}

/** The direction numbers of a dimension, as digits after the point. */
function directions(dimension: number): number[] {
  if (dimension === 0) return Array.from({ length: BITS }, (_, k) => 1 << (BITS - 1 - k));
  const [a, first] = DIRECTIONS[dimension - 1];
  const degree = first.length;
  const numbers = first.map((m, k) => m << (BITS - 1 - k));
  for (let k = degree; k < BITS; k++) {
    let next = numbers[k - degree] ^ numbers[k - degree] >>> degree;
    for (let i = 1; i < degree; i++) {
      if (a >>> (degree - 1 - i) & 1) next ^= numbers[k - i];
    }
    numbers.push(next);
  }
  return numbers;
}

function parity(bits: number): number {
  let odd = bits;
  for (let by = 16; by > 0; by >>= 1) odd ^= odd >>> by;
  return odd & 1;
}
