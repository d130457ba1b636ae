/** The leaves of trees: arrays and tensors, what they mirror and where they may stand. */
import { GradusError, quoted, shown } from "../../dsl/errors.ts";
import { isReleased } from "./arena.ts";
import {
  allocate,
  type DType,
  type HostArray,
  isShort,
  type MemoryArray,
  type NumberArray,
  SplitArray,
  type StorageType,
} from "./dtype.ts";
import { BlockArray } from "./block8.ts";
import { insteadOf } from "./foreign.ts";
import { bitsOf, type HalfArray, halfOf, isHalf } from "./half.ts";
import { dtypeOf, isUnsigned, type Rounding, type Stored, storedOf } from "./stored.ts";

/** An array with a shape, row-major. */
export interface Tensor {
  /** The numbers, row-major. */
  readonly data: Float32Array | Float64Array;
  /** The extents; their product is the length of `data`. */
  readonly shape: readonly number[];
}

/**
 * A parameter, gradient or state that is stored in fewer bits than float32: `data` holds the bits.
 * Declare parameters as `Tensor | StoredTensor` where their gradients or updates are float32.
 */
export interface StoredTensor {
  /** The bits of the numbers, row-major; for `"bfloat16+8"`, the upper 16 of 24 bits. */
  readonly data: Uint16Array;
  /** The extents; their product is the length of `data`. */
  readonly shape: readonly number[];
  /** What the bits mean; only those of a state may be a `"bfloat16+8"`. */
  readonly dtype: Exclude<StorageType, "float32" | "block8">;
  /** Of a state that is a `"bfloat16+8"`, the 8 bits that follow those in `data`. */
  readonly low?: Uint8Array;
  /** Of a state, how it is rounded. Default `"nearest"`. */
  readonly rounding?: Rounding;
  /** Of a state that is rounded stochastically, what its random bits come from. */
  readonly seed?: number;
}

/** A state that is stored as `"block8"`; `runtime/trees/block8.ts` says what its codes stand for. */
export interface BlockTensor {
  /** The codes of the numbers, row-major. */
  readonly data: Uint8Array;
  /** The scale of each block of 256 of them, the last of which may be shorter. */
  readonly scales: Float32Array;
  /** The extents; their product is the length of `data`. */
  readonly shape: readonly number[];
  /** What the codes mean. */
  readonly dtype: "block8";
  /** Whether none of the numbers is below 0, for which codes have another meaning. Default false. */
  readonly unsigned?: boolean;
}

/** A leaf of a tree: an array, wherever it is, and what it holds. */
export interface Leaf<A = NumberArray> {
  readonly data: A;
  readonly shape: readonly number[];
  readonly dtype: DType;
  /** How it is stored, rounding included. */
  readonly stored: Stored;
  /** Whether it is a bare array, and what mirrors it is too. */
  readonly isBare: boolean;
  /** Whether its array is a `Float16Array`, of which `data` holds the bits; what mirrors it is too. */
  readonly isHalf?: boolean;
}

/**
 * Tells a leaf from a branch, which is undefined. It throws for what can be neither; `path` says where
 * that is and `doing` begins the message.
 */
export type ReadLeaf<A> = (node: unknown, path: string, doing: string) => Leaf<A> | undefined;

/** A leaf of a parameter tree: where it is and what it is like. */
export interface LeafInfo {
  /** Its place in the tree, by which its random numbers are its own. */
  readonly number: number;
  readonly path: string;
  readonly shape: readonly number[];
  readonly size: number;
  readonly dtype: DType;
  /** Whether it is a bare array, and what mirrors it is too. */
  readonly isBare: boolean;
  /** Whether its array is a `Float16Array`, of which `data` holds the bits; what mirrors it is too. */
  readonly isHalf?: boolean;
}

/** A path as messages show it. */
export function spellPath(path: string): string {
  return path === "" ? "the root" : quoted(path);
}

/**
 * Whether a node of a tree is a tensor. Nothing else that it has is ever looked at: classes of other
 * libraries hang whole graphs on theirs.
 */
export function isTensor(
  node: object,
): node is { readonly data: ArrayBufferView; readonly shape: unknown[]; readonly dtype?: unknown } {
  const { data, shape } = node as { data?: unknown; shape?: unknown };
  return ArrayBuffer.isView(data) && Array.isArray(shape) && !ArrayBuffer.isView(shape[0]);
}

/** What a tensor holds: its array, and the further bits or scales that belong to it. */
export function partsOf(tensor: object): readonly unknown[] {
  const { data, dtype } = tensor as { data: unknown; dtype?: unknown };
  if (dtype === "bfloat16+8") return [data, (tensor as StoredTensor).low];
  return dtype === "block8" ? [data, (tensor as BlockTensor).scales] : [data];
}

/** An array or tensor in the memory of the host as a leaf, or undefined for anything else. */
export function asLeaf(node: unknown, path: string, doing: string): Leaf | undefined {
  if (node instanceof Float32Array || node instanceof Float64Array) {
    requireKept(node, path, doing);
    const dtype = node instanceof Float32Array ? "float32" : "float64";
    return { data: node, shape: [node.length], dtype, stored: dtype, isBare: true };
  }
  if (isHalf(node)) {
    const data = bitsOf(node);
    requireKept(data, path, doing);
    const stored = "float16" as const;
    return { data, shape: [data.length], dtype: stored, stored, isBare: true, isHalf: true };
  }
  if (ArrayBuffer.isView(node)) {
    throw new GradusError(
      `${doing}: ${spellPath(path)} must be a Float32Array, a Float64Array, a Float16Array or a ` +
        `Tensor: given ${shown(node)}${insteadOf(node)}`,
    );
  }
  if (typeof node !== "object" || node === null || !isTensor(node)) return undefined;
  const { shape } = node;
  const isOfHalves = isHalf(node.data) && (node.dtype ?? "float16") === "float16";
  const [data, dtype] = isOfHalves
    ? [bitsOf(node.data as HalfArray), "float16"]
    : [node.data, node.dtype];
  if (dtype === "bfloat16+8" || dtype === "block8") {
    throw new GradusError(
      `${doing}: the tensor at ${spellPath(path)} must be of another type: given ${dtype}, which ` +
        `only states are stored as, beside parameters in ordinary or resident arrays`,
    );
  }
  const isStored = data instanceof Uint16Array && isShort(dtype as DType);
  if (!(data instanceof Float32Array || data instanceof Float64Array) && !isStored) {
    const hint = data instanceof Uint16Array
      ? "; bits need a `dtype`, bfloat16 or float16"
      : insteadOf(data);
    throw new GradusError(
      `${doing}: the tensor at ${spellPath(path)} must hold a Float32Array or a Float64Array: ` +
        `given ${shown(data)}${hint}`,
    );
  }
  const array = data as NumberArray;
  requireKept(array, path, doing);
  if (!isShape(shape) || sizeOf(shape) !== array.length) {
    throw new GradusError(
      `${doing}: the tensor at ${
        spellPath(path)
      } must have a shape whose product is the length of ` +
        `its data, ${array.length}: given [${shape.slice(0, 8).map(shown).join(", ")}]`,
    );
  }
  const kind = isStored ? dtype as DType : data instanceof Float32Array ? "float32" : "float64";
  const stored = roundedAs(kind, node, path, doing);
  const leaf = { data: array, shape, dtype: kind, stored, isBare: false };
  return isOfHalves ? { ...leaf, isHalf: true } : leaf;
}

/** How a tensor that is stored short says that it is rounded. */
function roundedAs(dtype: DType, node: object, path: string, doing: string): Stored {
  // What else a tensor of another type has is not ours.
  if (!isShort(dtype)) return dtype;
  const { rounding, seed } = node as { rounding?: unknown; seed?: unknown };
  if (rounding === undefined && seed === undefined) return dtype;
  return storedOf(dtype, { rounding, seed }, `the tensor at ${spellPath(path)}`, doing);
}

/** Refuses an array whose memory is gone. */
export function requireKept(array: MemoryArray, path: string, doing: string): void {
  const isGone = isReleased(array)
    ? "have been given back by `release`"
    : array.length === 0 && isDetached(array.buffer)
    ? "have been transferred to another place"
    : undefined;
  if (isGone === undefined) return;
  throw new GradusError(
    `${doing}: the array at ${spellPath(path)} must not ${isGone}: given one that was`,
  );
}

function isDetached(buffer: ArrayBufferLike): boolean {
  try {
    new Uint8Array(buffer);
    return false;
  } catch {
    return true;
  }
}

/**
 * What stands for a leaf where only shapes are asked for: a list of extents, what has a float32 type and a
 * shape but no numbers at hand, or an array.
 */
export function asShape(
  node: unknown,
  path: string,
  doing: string,
): Leaf<NumberArray | undefined> | undefined {
  const shape = isShape(node) ? node : declaredShape(node);
  if (shape === undefined) return asLeaf(node, path, doing);
  if (!shape.every(Number.isSafeInteger) || !Number.isSafeInteger(sizeOf(shape))) {
    throw new GradusError(
      `${doing}: the shape at ${spellPath(path)} must be one that an array can have: ` +
        `given [${shape.slice(0, 8).map(shown).join(", ")}]`,
    );
  }
  return { data: undefined, shape, dtype: "float32", stored: "float32", isBare: false };
}

/** The shape of what has one and no numbers at hand. */
function declaredShape(node: unknown): readonly number[] | undefined {
  if (typeof node !== "object" || node === null || !("shape" in node) || "data" in node) return;
  return "dtype" in node && node.dtype === "float32" && isShape(node.shape)
    ? node.shape
    : undefined;
}

/** The number of numbers of a shape. */
export function sizeOf(shape: readonly number[]): number {
  let size = 1;
  for (let axis = 0; axis < shape.length; axis++) size *= shape[axis];
  return size;
}

/** Whether a value is a list of extents. */
export function isShape(node: unknown): node is readonly number[] {
  return Array.isArray(node) && node.every((extent) => Number.isInteger(extent) && extent >= 0);
}

/**
 * A leaf that mirrors a parameter: a bare array for a bare array of the same type and shape, or of the type
 * that it is computed in beside a `Float16Array`. Default of zeros.
 */
export function mirror(
  info: LeafInfo,
  stored: Stored,
  shape: readonly number[],
  data: HostArray = allocate(dtypeOf(stored), sizeOf(shape), isUnsigned(stored)),
): unknown {
  if (stored === info.dtype) return wrap({ ...info, shape }, data as NumberArray);
  if (info.isBare && info.isHalf && stored === "float32") return data;
  return tensorOf(data, shape, stored);
}

/** `data` as a leaf like the one it is to replace. */
export function wrap(info: LeafInfo, data: NumberArray): unknown {
  const array = info.isHalf ? halfOf(data as Uint16Array) : data;
  if (info.isBare) return array;
  return info.isHalf
    ? { data: array, shape: [...info.shape] }
    : tensorOf(data, info.shape, info.dtype);
}

/** A tensor of `data`, which says how it is stored where that is short. */
export function tensorOf(array: HostArray, shape: readonly number[], stored: Stored): object {
  if (array instanceof BlockArray) {
    const { codes, scales, isUnsigned } = array;
    const tensor = { data: codes, scales, shape: [...shape], dtype: "block8" };
    return isUnsigned ? { ...tensor, unsigned: true } : tensor;
  }
  const tensor = array instanceof SplitArray
    ? { data: array.high, low: array.low, shape: [...shape] }
    : { data: array, shape: [...shape] };
  if (typeof stored !== "string") return { ...tensor, ...stored };
  return isShort(stored) ? { ...tensor, dtype: stored } : tensor;
}

/** Whether two shapes are equal. */
export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  if (a.length !== b.length) return false;
  for (let axis = 0; axis < a.length; axis++) if (a[axis] !== b[axis]) return false;
  return true;
}

/** Whether a node of a tree is an array in a buffer of a GPU; this place need not have one. */
export function isInGpuBuffer(node: unknown): boolean {
  if (typeof node !== "object" || node === null || ArrayBuffer.isView(node)) return false;
  // A branch may have parameters of these names.
  const { buffer, shape } = node as { buffer?: unknown; shape?: unknown };
  const { mapAsync } = (buffer ?? {}) as { mapAsync?: unknown };
  return shape !== undefined && typeof mapAsync === "function";
}
