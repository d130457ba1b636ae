/** The types that tensors in a safetensors file may have, and the arrays that hold their numbers. */

/** What holds the numbers of a tensor. */
export type SafeArray =
  | Float64Array
  | Float32Array
  | BigInt64Array
  | BigUint64Array
  | Int32Array
  | Uint32Array
  | Int16Array
  | Uint16Array
  | Int8Array
  | Uint8Array;

type ArrayType<A extends SafeArray = SafeArray> =
  & (new (buffer: ArrayBufferLike, byteOffset: number, length: number) => A)
  & { readonly BYTES_PER_ELEMENT: number };

/** A row: how many bits an element takes, and the array that holds such elements. */
interface DTypeRow {
  readonly bits: number;
  readonly array: ArrayType;
}

/**
 * The type of a tensor's elements. Numbers that JavaScript has an array for are held in that; others are
 * held as their bits: `F16` and `BF16` in a `Uint16Array`, types of 8 bits or less in a `Uint8Array`, those
 * of 4 and 6 bits packed as in the file. `BOOL` is 0 or 1 in a `Uint8Array`; `C64` is real and imaginary
 * parts by turns.
 */
export type SafeDType =
  | "BOOL"
  | "F4"
  | "F6_E2M3"
  | "F6_E3M2"
  | "U8"
  | "I8"
  | "F8_E5M2"
  | "F8_E4M3"
  | "F8_E8M0"
  | "F8_E4M3FNUZ"
  | "F8_E5M2FNUZ"
  | "I16"
  | "U16"
  | "F16"
  | "BF16"
  | "I32"
  | "U32"
  | "F32"
  | "C64"
  | "F64"
  | "I64"
  | "U64";

// From the narrowest to the widest, in the format's own order: files hold their tensors the other way round,
// so that each begins at a multiple of what its elements take.
const ROWS: Readonly<Record<SafeDType, DTypeRow>> = {
  BOOL: { bits: 8, array: Uint8Array },
  F4: { bits: 4, array: Uint8Array },
  F6_E2M3: { bits: 6, array: Uint8Array },
  F6_E3M2: { bits: 6, array: Uint8Array },
  U8: { bits: 8, array: Uint8Array },
  I8: { bits: 8, array: Int8Array },
  F8_E5M2: { bits: 8, array: Uint8Array },
  F8_E4M3: { bits: 8, array: Uint8Array },
  F8_E8M0: { bits: 8, array: Uint8Array },
  F8_E4M3FNUZ: { bits: 8, array: Uint8Array },
  F8_E5M2FNUZ: { bits: 8, array: Uint8Array },
  I16: { bits: 16, array: Int16Array },
  U16: { bits: 16, array: Uint16Array },
  F16: { bits: 16, array: Uint16Array },
  BF16: { bits: 16, array: Uint16Array },
  I32: { bits: 32, array: Int32Array },
  U32: { bits: 32, array: Uint32Array },
  F32: { bits: 32, array: Float32Array },
  C64: { bits: 64, array: Float32Array },
  F64: { bits: 64, array: Float64Array },
  I64: { bits: 64, array: BigInt64Array },
  U64: { bits: 64, array: BigUint64Array },
};

/** Every {@linkcode SafeDType}, from the narrowest to the widest. */
export const DTYPES: readonly SafeDType[] = Object.keys(ROWS) as SafeDType[];

/** What is known of a type. */
export function rowOf(dtype: SafeDType): DTypeRow {
  return ROWS[dtype];
}

/** Whether a value names a type. */
export function isDType(value: unknown): value is SafeDType {
  return typeof value === "string" && Object.hasOwn(ROWS, value);
}

/** The type of an array that is given without one, by what the array is. */
export function dtypeFor(data: unknown): SafeDType | undefined {
  const plain = ["F64", "F32", "I64", "U64", "I32", "U32", "I16", "U16", "I8", "U8"] as const;
  return plain.find((dtype) => data instanceof ROWS[dtype].array);
}

/**
 * How many bytes a tensor takes: no whole number where it cannot have that shape, and undefined where that, or
 * a product of some extents, is no exact number.
 */
export function bytesFor(dtype: SafeDType, shape: readonly number[]): number | undefined {
  let bits = ROWS[dtype].bits;
  for (const extent of shape) {
    bits *= extent;
    if (!Number.isSafeInteger(bits)) return undefined;
  }
  return bits / 8;
}
