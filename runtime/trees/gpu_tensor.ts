/** Arrays in buffers of a GPU, as leaves of trees. */
import { GradusError, shown } from "../../dsl/errors.ts";
import { BLOCK_SIZE } from "./block8.ts";
import { isShort, type StorageType } from "./dtype.ts";
import { isInGpuBuffer, isShape, type Leaf, sizeOf, spellPath } from "./leaf.ts";
import { dtypeOf, type RoundedStorage, type Stored, storedOf } from "./stored.ts";

/**
 * What an array on the GPU is when downloaded: an array, a tensor with a shape, one that is stored short as its
 * bits or as a `Float16Array`, or one number.
 */
export type GpuKind = "array" | "tensor" | "stored" | "halves" | "number";

/** An array in a buffer, row-major. */
export interface GpuTensor<Kind extends GpuKind = GpuKind> {
  /** Where the numbers are; made for storage and for copies from and to it. */
  readonly buffer: GPUBuffer;
  /** The byte they begin at, a multiple of 4. Default 0. */
  readonly offset?: number;
  /** The extents; the numbers are as many as their product. */
  readonly shape: readonly number[];
  /**
   * The type of the numbers. Default `"float32"`; `"int32"` is what a state counts in. Shorter ones are packed
   * without gaps, the first number in the lowest bits.
   */
  readonly dtype?: StorageType | "int32";
  /**
   * Where the second array is of a `"bfloat16+8"`, the further bits, or of a `"block8"`, the scales. Only states
   * are stored so.
   */
  readonly second?: { readonly buffer: GPUBuffer; readonly offset?: number };
  /** Of a state that is stored short, how it is rounded. Default `"nearest"`. */
  readonly rounding?: RoundedStorage["rounding"];
  /** Of a state that is rounded stochastically, what its random bits come from. */
  readonly seed?: number;
  /** Of a `"block8"`, whether none of its numbers is below 0. Default false. */
  readonly unsigned?: boolean;
  /** What it is when downloaded. Default `"tensor"`. */
  readonly kind?: Kind;
}

/** Ranges of buffers begin at multiples of this, so that each may be bound. */
export const ALIGNMENT = 256;

const padded = new WeakSet<GpuTensor>();

/** Says that the numbers up to the next multiple of four belong to a tensor too. */
export function markPadded(tensor: GpuTensor): void {
  padded.add(tensor);
}

/** Whether the numbers up to the next multiple of four belong to the tensor too. */
export function isPadded(tensor: GpuTensor): boolean {
  return padded.has(tensor);
}

/** Whether a node of a tree is an array on the GPU. */
export function isGpuTensor(node: unknown): node is GpuTensor {
  return isInGpuBuffer(node);
}

/** The arrays that something stored so consists of: how many numbers each has in a word of 32 bits. */
export function partsOfStored(stored: Stored): readonly { readonly each: number }[] {
  return PARTS[dtypeOf(stored) as StorageType].map((each) => ({ each }));
}

const PARTS: Readonly<Record<StorageType, readonly number[]>> = {
  float32: [1],
  bfloat16: [2],
  float16: [2],
  "bfloat16+8": [2, 4],
  block8: [4, BLOCK_SIZE],
};

/** The bytes of an array of so many numbers, of which a word of 32 bits has `each`. */
export function bytesOfPart(each: number, size: number): number {
  return 4 * Math.ceil(size / each);
}

/** How a tensor that was checked is stored. */
export function storedIn({ dtype = "float32", rounding, seed, unsigned }: GpuTensor): Stored {
  if (dtype === "int32" || dtype === "float32") return "float32";
  return storedOf(dtype, isShort(dtype) ? { rounding, seed } : { unsigned }, "", "");
}

const DTYPES: readonly unknown[] = Object.keys(PARTS);

/** An array on the GPU as a leaf, checked, or undefined for anything else. */
export function asGpuTensor(
  node: unknown,
  path: string,
  doing: string,
): Leaf<GpuTensor> | undefined {
  if (!isGpuTensor(node)) return undefined;
  const where = () => `${doing}: the array at ${spellPath(path)} must`;
  const { buffer, offset, shape, dtype = "float32", second, rounding, seed, unsigned } = node;
  if (dtype === "int32" || !DTYPES.includes(dtype)) {
    throw new GradusError(`${where()} be one of ${DTYPES.join(", ")}: given ${shown(dtype)}`);
  }
  if (!isShape(shape)) {
    throw new GradusError(`${where()} have a shape of whole numbers: given ${shown(shape)}`);
  }
  const size = sizeOf(shape);
  const parts = partsOfStored(dtype);
  requirePlace({ buffer, offset }, bytesOfPart(parts[0].each, size), where);
  if (parts.length > 1) {
    if (!isPlace(second)) {
      throw new GradusError(`${where()} have \`second\`, its second array: given ${shown(second)}`);
    }
    requirePlace(second, bytesOfPart(parts[1].each, size), where);
  }
  const what = `the array at ${spellPath(path)}`;
  const given = isShort(dtype) ? { rounding, seed } : { unsigned };
  const stored = dtype === "float32" ? dtype : storedOf(dtype, given, what, doing);
  return { data: node, shape, dtype, stored, isBare: false };
}

function isPlace(second: unknown): second is NonNullable<GpuTensor["second"]> {
  return typeof second === "object" && second !== null &&
    isInGpuBuffer({ ...second, shape: [] });
}

/** What a buffer must be made for, by the numbers of WebGPU. */
const USAGES = { STORAGE: 0x80, COPY_SRC: 0x04, COPY_DST: 0x08 } as const;

/** Refuses a place in a buffer that does not hold so many bytes, or is not made for it. */
function requirePlace(
  { buffer, offset = 0 }: NonNullable<GpuTensor["second"]>,
  bytes: number,
  where: () => string,
): void {
  if (!Number.isInteger(offset) || offset < 0 || offset % 4 !== 0) {
    throw new GradusError(`${where()} begin at a multiple of 4 bytes: given ${shown(offset)}`);
  }
  const end = offset + bytes;
  if (end > buffer.size) {
    throw new GradusError(
      `${where()} lie in its buffer: it ends at byte ${end} of a buffer of ${buffer.size}`,
    );
  }
  const missing = Object.entries(USAGES).flatMap(([name, flag]) =>
    (buffer.usage & flag) === 0 ? [name] : []
  );
  if (missing.length > 0) {
    throw new GradusError(
      `${where()} be in a buffer made with the usages STORAGE, COPY_SRC and COPY_DST: given one ` +
        `without ${missing.join(" and ")}`,
    );
  }
}
