/** Leaves as ONNX Runtime takes them: in arrays, or in buffers of the caller's. */
import { GradusError, shown } from "../../dsl/errors.ts";
import { bytesOf, type DType, type NumberArray } from "../../runtime/trees/dtype.ts";
import { asGpuTensor, type GpuTensor, isGpuTensor } from "../../runtime/trees/gpu_tensor.ts";
import { BlockArray } from "../../runtime/trees/block8.ts";
import { asHostLeaf } from "../../runtime/trees/host_leaf.ts";
import { bitsOf, isHalf } from "../../runtime/trees/half.ts";
import {
  asLeaf,
  isTensor,
  type Leaf,
  partsOf,
  sizeOf,
  spellPath,
  type Tensor,
} from "../../runtime/trees/leaf.ts";
import type { State } from "../../runtime/trees/state.ts";

/** A leaf in an array. */
export type InArray = ArrayBufferView | {
  readonly data: ArrayBufferView;
  readonly shape: readonly number[];
};

/** A tree like `T` in which any leaf may be an array, a tensor or a {@linkcode GpuTensor}. */
export type OnGpu<T> = T extends GpuTensor ? GpuTensor | Float32Array | Tensor
  : T extends Float32Array ? Float32Array | GpuTensor
  : T extends Float64Array ? Float64Array
  : T extends InArray ? T | GpuTensor
  : T extends object ? { [K in keyof T]: OnGpu<T[K]> }
  : T;

/** A tree like `T` whose leaves are in arrays: a {@linkcode GpuTensor} has become a tensor. */
export type OffGpu<T> = T extends GpuTensor ? Tensor
  : T extends State ? T
  : T extends InArray ? T
  : T extends object ? { [K in keyof T]: OffGpu<T[K]> }
  : T;

/** A tree like `T` whose leaves are in buffers. */
export type OnBuffers<T> = T extends GpuTensor | InArray ? GpuTensor
  : T extends object ? { [K in keyof T]: OnBuffers<T[K]> }
  : T;

/** An array as an engine takes it; the codes of what is stored in blocks have 8 bits. */
export type HeldArray = NumberArray | Uint8Array;

/** What an engine takes: an array, or one in a buffer. */
export type Held = HeldArray | GpuTensor;

/** A leaf of a tree; of one that is stored in blocks, an engine takes two arrays. */
export type HeldLeaf = NumberArray | BlockArray | GpuTensor;

/** What an engine takes of a leaf. */
export function heldParts(leaf: HeldLeaf): readonly Held[] {
  return leaf instanceof BlockArray ? [leaf.codes, leaf.scales] : [leaf];
}

/** Whether what is taken is in a buffer. */
export function isInBuffer(leaf: Held | HeldLeaf): leaf is GpuTensor {
  return !ArrayBuffer.isView(leaf) && !(leaf instanceof BlockArray);
}

/** A leaf in an array, be it stored in blocks. */
export function asArray(node: unknown, path: string, doing: string): Leaf<HeldLeaf> | undefined {
  const isBlocked = typeof node === "object" && node !== null && isTensor(node) &&
    node.dtype === "block8";
  return isBlocked ? asHostLeaf(node, path, doing) as Leaf<BlockArray> : asLeaf(node, path, doing);
}

/** Bytes of a buffer for `size` numbers, as shaders bind it. */
export function bytesFor(size: number, dtype: DType): number {
  return Math.max(16, Math.ceil(size * bytesOf(dtype) / 16) * 16);
}

/** `tree` with each array in a buffer changed; what holds none stays the same object. */
export function mapGpuTensors(tree: unknown, change: (tensor: GpuTensor) => unknown): unknown {
  if (isGpuTensor(tree)) return change(tree);
  if (typeof tree !== "object" || tree === null) return tree;
  if (ArrayBuffer.isView(tree) || isTensor(tree)) return tree;
  const changed = Object.entries(tree).map(([key, child]) =>
    [key, mapGpuTensors(child, change)] as const
  );
  if (changed.every(([key, child]) => child === (tree as Record<string, unknown>)[key])) {
    return tree;
  }
  return Array.isArray(tree) ? changed.map(([, child]) => child) : Object.fromEntries(changed);
}

/** A tree with the arrays of `tree` in their buffers; `bufferOf` finds them. */
export function mapToBuffers(
  tree: unknown,
  bufferOf: (data: NumberArray) => GPUBuffer | undefined,
  doing: string,
  path = "",
): unknown {
  if (typeof tree !== "object" || tree === null || isGpuTensor(tree)) return tree;
  const { data, shape = undefined } = isTensor(tree) ? tree : {};
  const array = ArrayBuffer.isView(tree) ? tree : data;
  if (!ArrayBuffer.isView(array)) {
    const children = Object.entries(tree).map(([key, child]) => {
      const place = path === "" ? key : `${path}/${key}`;
      return [key, mapToBuffers(child, bufferOf, doing, place)] as const;
    });
    return Array.isArray(tree) ? children.map(([, child]) => child) : Object.fromEntries(children);
  }
  const buffer = bufferOf(array as NumberArray);
  if (buffer !== undefined) {
    return { buffer, shape: [...shape as number[] ?? [(array as NumberArray).length]] };
  }
  throw new GradusError(
    `${doing}: ${
      spellPath(path)
    } must be on a device, where its first step takes it: given an array ` +
      `that is not`,
  );
}

/** Every array of a tree, be it in a buffer or not. */
export function leavesIn(tree: unknown, found: Set<Held> = new Set()): Set<Held> {
  if (
    isGpuTensor(tree) || tree instanceof Float32Array || tree instanceof Uint16Array ||
    tree instanceof Uint8Array
  ) {
    found.add(tree);
  } else if (isHalf(tree)) {
    found.add(bitsOf(tree));
  } else if (typeof tree === "object" && tree !== null && !ArrayBuffer.isView(tree)) {
    const children = isTensor(tree) ? partsOf(tree) : Object.values(tree);
    for (const child of children) leavesIn(child, found);
  }
  return found;
}

/** A leaf in an array or in a buffer as a whole, checked, or undefined for anything else. */
export function asHeld(node: unknown, path: string, doing: string): Leaf<HeldLeaf> | undefined {
  const leaf = asGpuTensor(node, path, doing);
  if (leaf === undefined) return asArray(node, path, doing);
  requireWhole(leaf, `${doing}: the array at ${spellPath(path)} must`);
  return leaf;
}

// ONNX Runtime checks none of this: it reads and writes past a buffer that is short.
function requireWhole({ data, shape, dtype }: Leaf<GpuTensor>, where: string): void {
  if (dtype !== "float32" && dtype !== "float16") {
    throw new GradusError(`${where} be float32 or float16: given ${shown(dtype)}`);
  }
  const { buffer, offset = 0 } = data;
  const bytes = bytesFor(sizeOf(shape), dtype);
  if (offset !== 0) {
    throw new GradusError(
      `${where} begin at the first byte of its buffer, since ONNX Runtime takes whole buffers: given ` +
        `\`offset\` ${shown(offset)}`,
    );
  }
  if (buffer.size < bytes || buffer.size % 16 !== 0) {
    throw new GradusError(
      `${where} be in a buffer of ${bytes} bytes, or more by a multiple of 16: given ${buffer.size}`,
    );
  }
}
