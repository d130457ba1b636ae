/** Arrays in buffers of the caller's, as leaves of trees. */
import { GradusError, shown } from "../../dsl/errors.ts";
import {
  asLeaf,
  isShape,
  type LeafInfo,
  requireDistinct,
  sameShape,
  spellPath,
  type Tensor,
} from "../../runtime/trees/leaf.ts";
import type { State } from "../../runtime/trees/state.ts";
import { bytesOf, type DType, type NumberArray } from "../../runtime/trees/dtype.ts";
import type { Layout } from "../../runtime/trees/layout.ts";
import type { Kind } from "./engine.ts";

/**
 * An array in a buffer, row-major from its first byte. The buffer is made for `STORAGE`, `COPY_SRC` and
 * `COPY_DST`, and is as long as its numbers, rounded up to a multiple of 16 bytes, or longer.
 */
export interface GpuTensor {
  /** Where the numbers are. */
  readonly buffer: GPUBuffer;
  /** The extents; the numbers are as many as their product. */
  readonly shape: readonly number[];
}

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

/** A leaf of a tree as an engine takes it. */
export type Held = NumberArray | GpuTensor;

/** Whether a node of a tree is an array in a buffer. */
export function isGpuTensor(node: unknown): node is GpuTensor {
  return typeof GPUBuffer !== "undefined" && typeof node === "object" && node !== null &&
    (node as { buffer?: unknown }).buffer instanceof GPUBuffer;
}

/** Whether a leaf is in a buffer. */
export function isInBuffer(leaf: Held): leaf is GpuTensor {
  return !ArrayBuffer.isView(leaf);
}

/** How many numbers a shape has. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((a, b) => a * b, 1);
}

/** Bytes of a buffer for `size` numbers, as shaders bind it. */
export function bytesFor(size: number, dtype: DType): number {
  return Math.max(16, Math.ceil(size * bytesOf(dtype) / 16) * 16);
}

/** `tree` with each array in a buffer changed; what holds none stays the same object. */
export function mapGpuTensors(tree: unknown, change: (tensor: GpuTensor) => unknown): unknown {
  if (isGpuTensor(tree)) return change(tree);
  if (typeof tree !== "object" || tree === null || ArrayBuffer.isView(tree)) return tree;
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
  const { data, shape } = tree as { data?: unknown; shape?: readonly number[] };
  const array = ArrayBuffer.isView(tree) ? tree : data;
  if (!ArrayBuffer.isView(array)) {
    const children = Object.entries(tree).map(([key, child]) => {
      const place = path === "" ? key : `${path}/${key}`;
      return [key, mapToBuffers(child, bufferOf, doing, place)] as const;
    });
    return Array.isArray(tree) ? children.map(([, child]) => child) : Object.fromEntries(children);
  }
  const buffer = bufferOf(array as NumberArray);
  if (buffer !== undefined) return { buffer, shape: [...shape ?? [(array as NumberArray).length]] };
  throw new GradusError(
    `${doing}: ${
      spellPath(path)
    } must be on a device, where its first step takes it: given an array ` +
      `that is not`,
  );
}

/** Every array of a tree, be it in a buffer or not. */
export function leavesIn(tree: unknown, found: Set<Held> = new Set()): Set<Held> {
  if (isGpuTensor(tree) || tree instanceof Float32Array || tree instanceof Uint16Array) {
    found.add(tree);
  } else if (typeof tree === "object" && tree !== null && !ArrayBuffer.isView(tree)) {
    for (const child of Object.values(tree)) leavesIn(child, found);
  }
  return found;
}

/** The leaves of a tree that mirrors the parameters, in their order. */
export function alignHeld(
  layout: Layout,
  tree: unknown,
  what: string,
  doing: string,
  kindOf: (info: LeafInfo) => Kind,
): Held[] {
  return layout.prefix(tree, what, doing, isLeaf).map(({ value, position }, i) => {
    const info = layout.leaves[i];
    const where = `${doing}: ${what} at ${spellPath(info.path)} must`;
    if (position !== info.path) {
      throw new GradusError(
        `${doing}: ${what} at ${
          spellPath(position)
        } must have the parameters' structure: given an array`,
      );
    }
    const { dtype, shape: wanted } = kindOf(info);
    const leaf = isGpuTensor(value)
      ? undefined
      : asLeaf(value, info.path, `${doing}: reading ${what}`)!;
    if (leaf !== undefined && leaf.dtype !== dtype) {
      throw new GradusError(`${where} be ${dtype}: given ${leaf.dtype}`);
    }
    const { shape } = leaf ?? value as GpuTensor;
    if (!isShape(shape) || !sameShape(shape, wanted)) {
      const same = sameShape(info.shape, wanted) ? " as the parameter has" : "";
      throw new GradusError(
        `${where} have shape [${wanted.join(", ")}]${same}: given ` +
          (isShape(shape) ? `[${shape.join(", ")}]` : shown(shape)),
      );
    }
    if (leaf !== undefined) return leaf.data;
    requireBuffer(value as GpuTensor, bytesFor(sizeOf(wanted), dtype), where);
    return value as GpuTensor;
  });
}

function isLeaf(node: unknown): boolean {
  if (ArrayBuffer.isView(node) || isGpuTensor(node)) return true;
  if (typeof node !== "object" || node === null) return false;
  const { data, shape } = node as { data?: unknown; shape?: unknown };
  return ArrayBuffer.isView(data) && Array.isArray(shape);
}

// ONNX Runtime checks none of this: it reads and writes past a buffer that is short.
function requireBuffer(tensor: GpuTensor, bytes: number, where: string): void {
  const { buffer, offset = 0 } = tensor as GpuTensor & { readonly offset?: unknown };
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
  const missing = (["STORAGE", "COPY_SRC", "COPY_DST"] as const).filter((name) =>
    (buffer.usage & GPUBufferUsage[name]) === 0
  );
  if (missing.length > 0) {
    throw new GradusError(
      `${where} be in a buffer made with the usages STORAGE, COPY_SRC and COPY_DST: given one without ` +
        missing.join(" and "),
    );
  }
}

/** Refuses leaves that share memory at two places, since both would be written. */
export function requireApart(
  leaves: readonly (readonly [leaf: Held, place: string])[],
  doing: string,
): void {
  requireDistinct(
    leaves.flatMap(([leaf, place]) => isInBuffer(leaf) ? [] : [[leaf, place] as const]),
    doing,
  );
  const buffers = new Map<GPUBuffer, string>();
  for (const [leaf, place] of leaves) {
    if (!isInBuffer(leaf)) continue;
    const other = buffers.get(leaf.buffer);
    if (other !== undefined) {
      throw new GradusError(
        `${doing}: every buffer must be at one place of the tree: given one at both ${other} and ${place}`,
      );
    }
    buffers.set(leaf.buffer, place);
  }
}
