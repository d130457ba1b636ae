/** `Float16Array`, where there is one: numbers whose bits are a `float16`. */

/** What is asked of a `Float16Array`. */
export interface HalfArray extends ArrayBufferView {
  readonly length: number;
}

// Not every engine has it, nor every type checker.
const { Float16Array: Half } = globalThis as {
  readonly Float16Array?: new (
    buffer: ArrayBufferLike,
    offset: number,
    length: number,
  ) => HalfArray;
};

/** Whether there is a `Float16Array` here. */
export const hasHalf: boolean = Half !== undefined;

/** Whether a value is a `Float16Array`. */
export function isHalf(value: unknown): value is HalfArray {
  return Half !== undefined && value instanceof Half;
}

// One array of bits for each, so that what is known of it is known again.
const views = new WeakMap<HalfArray, Uint16Array>();

/** The bits of a `Float16Array`, where they are. */
export function bitsOf(half: HalfArray): Uint16Array {
  let bits = views.get(half);
  if (bits === undefined || bits.length !== half.length) {
    bits = new Uint16Array(half.buffer, half.byteOffset, half.length);
    views.set(half, bits);
  }
  return bits;
}

/** A `Float16Array` of bits, where they are. */
export function halfOf(bits: Uint16Array): HalfArray {
  const half = new Half!(bits.buffer, bits.byteOffset, bits.length);
  views.set(half, bits);
  return half;
}
