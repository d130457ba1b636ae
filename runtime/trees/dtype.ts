/** How numbers are stored: float32 and float64 as they are, the short types as their bits, or in blocks. */
import { BLOCK_SIZE, BlockArray, fromCode, storesInOrder } from "./block8.ts";

/**
 * What a state may be stored as, whatever its parameter is; {@linkcode InitOptions} says what suits which.
 *
 * | type           | bytes | significand | magnitudes                | source                                 |
 * | -------------- | ----- | ----------- | ------------------------- | -------------------------------------- |
 * | `"float32"`    | 4     | 24 bits     | 2^-126 to 2^128           | IEEE 754-2019, binary32                |
 * | `"bfloat16+8"` | 3     | 16 bits     | as float32                | a bfloat16 and the 8 bits that follow  |
 * | `"bfloat16"`   | 2     | 8 bits      | as float32                | Kalamkar et al. 2019, arXiv 1905.12322 |
 * | `"float16"`    | 2     | 11 bits     | 2^-14 to 65,504           | IEEE 754-2019, binary16                |
 * | `"block8"`     | 1.016 | 1 to 7 bits | 2^-126 to 2^128           | Dettmers et al. 2021, arXiv 2110.02861 |
 *
 * Of a `"block8"`, 256 numbers share a scale, their greatest magnitude, and each is a code
 * of 8 bits, for a fraction of it: to 7 bits near the scale and fewer below, down to 2^-22 of it.
 *
 * Below the least magnitude in the table, numbers are spaced as just above it: the least float16 above 0
 * is 2^-24.
 */
export type StorageType = "float32" | "bfloat16" | "float16" | "bfloat16+8" | "block8";

/** The types whose numbers take fewer bits than are computed with, each by itself. */
export type ShortType = Exclude<StorageType, "float32" | "block8">;

/** Every {@linkcode StorageType}. */
export const STORAGE_TYPES: readonly StorageType[] = [
  "float32",
  "bfloat16",
  "float16",
  "bfloat16+8",
  "block8",
];

/** Every type an array of Gradus may hold. */
export type DType = StorageType | "float64";

/** What arithmetic is rounded to. */
export type Arithmetic = "float32" | "float64";

/** Whether numbers of a type are stored, each by itself, in fewer bits than they are computed with, as float32. */
export function isShort(dtype: DType): dtype is ShortType {
  return dtype === "bfloat16" || dtype === "float16" || dtype === "bfloat16+8";
}

/** The bits of the significand of each short type, the leading one among them. */
export const SIGNIFICANT: Readonly<Record<ShortType, number>> = {
  bfloat16: 8,
  float16: 11,
  "bfloat16+8": 16,
};

/** What is computed in where the parameter is stored as `dtype`. */
export function arithmeticOf(dtype: DType): Arithmetic {
  return dtype === "float64" ? "float64" : "float32";
}

/** Arrays of most types: the short ones hold their bits. */
export type NumberArray = Float32Array | Float64Array | Uint16Array;

/** The bits of `"bfloat16+8"`: those of a bfloat16 that was cut off, and the 8 that follow. */
export class SplitArray {
  readonly high: Uint16Array;
  readonly low: Uint8Array;

  constructor(high: Uint16Array, low: Uint8Array) {
    [this.high, this.low] = [high, low];
  }

  /** How many numbers there are. */
  get length(): number {
    return this.high.length;
  }
}

/** Arrays of each type, in the memory of the host. */
export type HostArray = NumberArray | SplitArray | BlockArray;

/** What lies in memory of an array. */
export type MemoryArray = NumberArray | Uint8Array;

/** The parts of an array that lie in memory: one, or a second that belongs to it. */
export function memoryOf(array: HostArray): readonly MemoryArray[] {
  if (array instanceof SplitArray) return [array.high, array.low];
  return array instanceof BlockArray ? [array.codes, array.scales] : [array];
}

/** An array of the same numbers. */
export function copyOf(array: HostArray): HostArray {
  if (array instanceof SplitArray) return new SplitArray(array.high.slice(), array.low.slice());
  if (!(array instanceof BlockArray)) return array.slice();
  return new BlockArray(array.codes.slice(), array.scales.slice(), array.isUnsigned);
}

/** A new array of zeros; `isUnsigned` is of a `"block8"`. */
export function allocate(
  dtype: Exclude<DType, "bfloat16+8" | "block8">,
  size: number,
): NumberArray;
export function allocate(dtype: Exclude<DType, "block8">, size: number): NumberArray | SplitArray;
export function allocate(dtype: DType, size: number, isUnsigned?: boolean): HostArray;
export function allocate(dtype: DType, size: number, isUnsigned = false): HostArray {
  if (dtype === "block8") return BlockArray.zeros(size, isUnsigned);
  if (dtype === "bfloat16+8") return new SplitArray(new Uint16Array(size), new Uint8Array(size));
  if (dtype === "float64") return new Float64Array(size);
  return dtype === "float32" ? new Float32Array(size) : new Uint16Array(size);
}

/** Bytes of one number; of a `"block8"`, with its part of a scale. */
export function bytesOf(dtype: DType): number {
  const bytes = { float64: 8, float32: 4, "bfloat16+8": 3, bfloat16: 2, float16: 2 };
  return dtype === "block8" ? 1 + 4 / BLOCK_SIZE : bytes[dtype];
}

const word = new Uint32Array(1);
const single = new Float32Array(word.buffer);

/** The bits of a float32 that is `value` or, if that is none, the neighbour towards 0 made odd. */
export function oddBits(value: number): number {
  single[0] = value;
  const nearest = single[0];
  if (nearest === value || Number.isNaN(value)) return word[0];
  // Rounding to odd keeps what a second rounding must know, so that the two equal one.
  const bits = Math.abs(nearest) > Math.abs(value) ? word[0] - 1 : word[0];
  return (bits | 1) >>> 0;
}

/** The bfloat16 bits nearest to `value`, ties to even. */
export function toBfloat16(value: number): number {
  const bits = oddBits(value);
  if (Number.isNaN(value)) return (bits >>> 16) | 0x40;
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}

/** The 24 bits of `"bfloat16+8"` nearest to `value`, ties to even. */
export function toSplit(value: number): number {
  const bits = oddBits(value);
  if (Number.isNaN(value)) return (bits >>> 8) | 0x4000;
  return (bits + 0x7f + ((bits >>> 8) & 1)) >>> 8;
}

/** The value of the bits of `"bfloat16+8"`, upper and lower. */
export function fromSplit(high: number, low: number): number {
  word[0] = (high << 16) | (low << 8);
  return single[0];
}

/** The value of bfloat16 bits. */
export function fromBfloat16(bits: number): number {
  word[0] = bits << 16;
  return single[0];
}

/** The float16 bits nearest to `value`, ties to even. */
export function toFloat16(value: number): number {
  const bits = oddBits(value);
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude >= 0x47800000) return sign | 0x7c00;
  const exponent = magnitude >>> 23;
  if (exponent < 102) return sign;
  // Normal numbers drop 13 bits; subnormal ones drop more, with the hidden bit made visible.
  const isNormal = exponent >= 113;
  const dropped = isNormal ? 13 : 126 - exponent;
  const whole = isNormal ? magnitude - 0x38000000 : (magnitude & 0x7fffff) | 0x800000;
  const kept = whole >>> dropped;
  const rest = whole & ((1 << dropped) - 1);
  const half = 1 << (dropped - 1);
  return sign | (kept + (rest > half || (rest === half && (kept & 1) === 1) ? 1 : 0));
}

/** The value of float16 bits. */
export function fromFloat16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction ? NaN : sign * Infinity;
  return exponent === 0
    ? sign * fraction * 2 ** -24
    : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** Reads element `i` of an array of `dtype`. */
export function load(dtype: DType, array: HostArray, i: number): number {
  if (array instanceof SplitArray) return fromSplit(array.high[i], array.low[i]);
  if (array instanceof BlockArray) {
    return fromCode(array.codes[i], array.scales[Math.floor(i / BLOCK_SIZE)], array.isUnsigned);
  }
  if (dtype === "bfloat16") return fromBfloat16(array[i]);
  return dtype === "float16" ? fromFloat16(array[i]) : array[i];
}

/** Writes element `i` of an array of `dtype`, rounding to nearest even. */
export function store(
  dtype: DType,
  array: Exclude<HostArray, BlockArray>,
  i: number,
  value: number,
): void {
  if (array instanceof SplitArray) {
    const bits = toSplit(value);
    [array.high[i], array.low[i]] = [bits >>> 8, bits & 0xff];
    return;
  }
  array[i] = dtype === "bfloat16"
    ? toBfloat16(value)
    : dtype === "float16"
    ? toFloat16(value)
    : value;
}

/** What writes the elements of an array of `dtype` in order, rounding to nearest. */
export function storesTo(dtype: DType, array: HostArray): (i: number, value: number) => void {
  if (array instanceof BlockArray) return storesInOrder(array);
  return (i, value) => store(dtype, array, i, value);
}

/** Writes all elements of an array of `dtype`, rounding to nearest. */
export function storeAll(dtype: DType, array: HostArray, valueOf: (i: number) => number): void {
  const write = storesTo(dtype, array);
  for (let i = 0; i < array.length; i++) write(i, valueOf(i));
}
