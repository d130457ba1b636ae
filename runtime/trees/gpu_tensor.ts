/** Arrays in buffers of a GPU, as leaves of trees. */
import { GradusError, shown } from "../../dsl/errors.ts";
import { bytesOf } from "./dtype.ts";
import { isInGpuBuffer, isShape, type Leaf, sizeOf, spellPath } from "./leaf.ts";

/** What an array on the GPU is when downloaded: an array, a tensor with a shape, or one number. */
export type GpuKind = "array" | "tensor" | "number";

/** An array in a buffer, row-major. */
export interface GpuTensor<Kind extends GpuKind = GpuKind> {
  /** Where the numbers are; made for storage and for copies from and to it. */
  readonly buffer: GPUBuffer;
  /** The byte they begin at, a multiple of 4. Default 0. */
  readonly offset?: number;
  /** The extents; the numbers are as many as their product. */
  readonly shape: readonly number[];
  /**
   * The type of the numbers. Default `"float32"`; `"float16"` is for states of exported graphs only, and
   * `"int32"` is what a state counts in.
   */
  readonly dtype?: "float32" | "float16" | "int32";
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

/** An array on the GPU as a leaf, checked, or undefined for anything else. */
export function asGpuTensor(
  node: unknown,
  path: string,
  doing: string,
): Leaf<GpuTensor> | undefined {
  if (!isGpuTensor(node)) return undefined;
  const where = () => `${doing}: the array at ${spellPath(path)} must`;
  const { buffer, offset = 0, shape, dtype = "float32" } = node;
  if (dtype !== "float32" && dtype !== "float16") {
    throw new GradusError(`${where()} be float32 or float16: given ${shown(dtype)}`);
  }
  if (!isShape(shape)) {
    throw new GradusError(`${where()} have a shape of whole numbers: given ${shown(shape)}`);
  }
  if (!Number.isInteger(offset) || offset < 0 || offset % 4 !== 0) {
    throw new GradusError(`${where()} begin at a multiple of 4 bytes: given ${shown(offset)}`);
  }
  const end = offset + bytesOf(dtype) * sizeOf(shape);
  if (end > buffer.size) {
    throw new GradusError(
      `${where()} lie in its buffer: it ends at byte ${end} of a buffer of ${buffer.size}`,
    );
  }
  const missing = (["STORAGE", "COPY_SRC", "COPY_DST"] as const).filter((name) =>
    (buffer.usage & GPUBufferUsage[name]) === 0
  );
  if (missing.length > 0) {
    throw new GradusError(
      `${where()} be in a buffer made with the usages STORAGE, COPY_SRC and COPY_DST: given one ` +
        `without ${missing.join(" and ")}`,
    );
  }
  return { data: node, shape, dtype, stored: dtype, isBare: false };
}
