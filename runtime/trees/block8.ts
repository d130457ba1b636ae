/**
 * `"block8"`: eight bits a number. Blocks of 256 numbers, in row-major order, each have a scale, the one of the
 * greatest magnitude as float32; a number is stored as a code, which stands for a fraction of the scale.
 *
 * The fractions are those of the dynamic map: most digits near 1, and seven decades below it. The decade up to
 * 10^-d, for d from 0 to 6, is cut into n equal parts, whose middles are fractions; n is 2^(6 - d) where there
 * are as many below 0, and 2^(7 - d) where no number is below 0, and d = 0 has the most. To these come 0 and 1,
 * and not -1: the least fraction is -0.9929688 where numbers are signed. Each fraction is rounded to float32,
 * and codes count them from the least to the greatest.
 *
 * The scale has the sign of its number, so that this one is always the fraction 1: what was read and is stored
 * again stays as it is, step for step. A scale that is a magnitude would take 0.7 % of the greatest number
 * each time, where that is below 0.
 *
 * Dettmers 2015, 8-Bit Approximations for Parallelism in Deep Learning, arXiv 1511.04561; Dettmers et al. 2021,
 * 8-bit Optimizers via Block-wise Quantization, arXiv 2110.02861.
 */

/** How many numbers have one scale. */
export const BLOCK_SIZE = 256;

/** Arrays of fewer numbers are not stored so: they save little, and among them are the most delicate. */
export const LEAST_BLOCKED = 4096;

const DECADES = 7;

/** The numbers of `"block8"`: a code each, and a scale a block. */
export class BlockArray {
  readonly codes: Uint8Array;
  readonly scales: Float32Array;
  /** Whether none is below 0. */
  readonly isUnsigned: boolean;

  constructor(codes: Uint8Array, scales: Float32Array, isUnsigned: boolean) {
    [this.codes, this.scales, this.isUnsigned] = [codes, scales, isUnsigned];
  }

  /** As many zeros. */
  static zeros(size: number, isUnsigned: boolean): BlockArray {
    const codes = new Uint8Array(size).fill(tablesOf(isUnsigned).zero);
    return new BlockArray(codes, new Float32Array(scalesOf(size)), isUnsigned);
  }

  /** How many numbers there are. */
  get length(): number {
    return this.codes.length;
  }
}

/** How many scales so many numbers have. */
export function scalesOf(size: number): number {
  return Math.ceil(size / BLOCK_SIZE);
}

/** What codes are made and read by. */
export interface BlockTables {
  /** The fraction of each code. */
  readonly fractions: Float32Array;
  /** The code of 0. */
  readonly zero: number;
  /**
   * By the place of a magnitude among those that there are, the greatest number that is not nearer to the next.
   * Behind the last, infinity.
   */
  readonly limits: Float32Array;
  /**
   * By the upper bits of a float32 from 0 to 1, less {@linkcode FIRST_BITS}, the place of the magnitude nearest to
   * the least number that has them. Between it and the next such number is at most one limit.
   */
  readonly places: Uint8Array;
}

/** How many of the lower bits of a float32 the places do not look at. */
export const LOWER_BITS = 16;
/** The upper bits of 2^-23, below which the nearest magnitude is 0. */
export const FIRST_BITS = (127 - 23) << (23 - LOWER_BITS);
const LAST_BITS = 127 << (23 - LOWER_BITS);
/** How many upper bits there are, those of 1 the last. */
export const PLACES = LAST_BITS - FIRST_BITS + 1;

const word = new Uint32Array(1);
const single = new Float32Array(word.buffer);

function tables(isUnsigned: boolean): BlockTables {
  const magnitudes = [0];
  for (let decade = DECADES - 1; decade >= 0; decade--) {
    const parts = 2 ** (DECADES - decade - (isUnsigned ? 0 : 1));
    for (let k = 0; k < parts; k++) {
      magnitudes.push(Math.fround((0.1 + 0.9 * (k + 0.5) / parts) / 10 ** decade));
    }
  }
  magnitudes.push(1);
  const below = isUnsigned ? [] : magnitudes.slice(1, -1).map((magnitude) => -magnitude).reverse();
  const limits = new Float32Array(256).fill(Infinity);
  for (let k = 0; k + 1 < magnitudes.length; k++) {
    limits[k] = notAbove((magnitudes[k] + magnitudes[k + 1]) / 2);
  }
  const places = new Uint8Array(PLACES);
  for (let i = 0, place = 0; i < places.length; i++) {
    word[0] = (FIRST_BITS + i) << LOWER_BITS;
    while (single[0] > limits[place]) place++;
    places[i] = place;
  }
  return {
    fractions: Float32Array.from([...below, ...magnitudes]),
    zero: below.length,
    limits,
    places,
  };
}

/** The greatest float32 that is not above a positive number. */
function notAbove(value: number): number {
  single[0] = value;
  if (single[0] > value) word[0]--;
  return single[0];
}

let [signed, unsigned]: (BlockTables | undefined)[] = [];

/** The tables, for numbers of both signs or of none below 0. */
export function tablesOf(isUnsigned: boolean): BlockTables {
  return isUnsigned ? unsigned ??= tables(true) : signed ??= tables(false);
}

/** The number that a code stands for, beside a scale. */
export function fromCode(code: number, scale: number, isUnsigned: boolean): number {
  return Math.fround(tablesOf(isUnsigned).fractions[code] * scale);
}

/**
 * Stores `values` as the codes from `at` on, and their scale, of two equally great ones that above 0. A number x
 * of scale s is stored as the fraction nearest to x/s, rounded to float32, of two equally near ones that nearer to
 * 0. The sign of a zero is lost. Of numbers that are unsigned, one below 0 counts as 0. A block with a NaN or an
 * infinity is NaN from there on: its scale is.
 */
export function storeBlock(
  values: Float32Array,
  { codes, scales, isUnsigned }: BlockArray,
  at: number,
): void {
  const { zero, limits, places } = tablesOf(isUnsigned);
  let [least, greatest] = [0, 0];
  for (let i = 0; i < values.length; i++) {
    least = Math.min(least, values[i]);
    greatest = Math.max(greatest, values[i]);
  }
  const isFinite = least > -Infinity && greatest < Infinity;
  const scale = !isFinite ? NaN : isUnsigned || greatest >= -least ? greatest : least;
  scales[at / BLOCK_SIZE] = scale;
  for (let i = 0; i < values.length; i++) {
    single[0] = values[i] / scale;
    const isBelow = single[0] < 0;
    // Where the scale is 0 or NaN, so is all.
    single[0] = isBelow && isUnsigned || Number.isNaN(single[0]) ? 0 : Math.abs(single[0]);
    let place = places[Math.max(0, (word[0] >>> LOWER_BITS) - FIRST_BITS)];
    if (single[0] > limits[place]) place++;
    // There is no -1.
    codes[at + i] = isBelow ? zero - Math.min(place, zero) : zero + place;
  }
}

/** What stores the numbers of an array in order, from the first to the last. */
export function storesInOrder(array: BlockArray): (i: number, value: number) => void {
  const block = new Float32Array(BLOCK_SIZE);
  return (i, value) => {
    const k = i % BLOCK_SIZE;
    block[k] = value;
    if (k === BLOCK_SIZE - 1 || i === array.length - 1) {
      storeBlock(block.subarray(0, k + 1), array, i - k);
    }
  };
}
