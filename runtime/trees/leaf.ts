/** The leaves of trees: arrays and tensors, what they mirror and where they may stand. */
import { GradusError, shown } from "../../dsl/errors.ts";
import { allocate, type DType, isShort, type NumberArray } from "./dtype.ts";

/** An array with a shape, row-major. */
export interface Tensor {
  /** The numbers, row-major. */
  readonly data: Float32Array | Float64Array;
  /** The extents; their product is the length of `data`. */
  readonly shape: readonly number[];
}

/**
 * A parameter, gradient or state that is stored short: `data` holds the bits. Declare parameters as
 * `Tensor | StoredTensor` where their gradients or updates are float32.
 */
export interface StoredTensor {
  /** The bits of the numbers, row-major. */
  readonly data: Uint16Array;
  /** The extents; their product is the length of `data`. */
  readonly shape: readonly number[];
  /** What the bits mean. */
  readonly dtype: "bfloat16" | "float16";
}

/** An array as the runtime sees it. */
export interface Leaf {
  readonly data: NumberArray;
  readonly shape: readonly number[];
  readonly dtype: DType;
}

/** A leaf of a parameter tree: where it is and what it is like. */
export interface LeafInfo {
  readonly path: string;
  readonly shape: readonly number[];
  readonly size: number;
  readonly dtype: DType;
  /** Whether it is a bare array, and what mirrors it is too. */
  readonly isBare: boolean;
}

/** A path as messages show it. */
export function spellPath(path: string): string {
  return path === "" ? "the root" : `\`${path}\``;
}

/** An array or tensor as a leaf, or undefined for anything else. */
export function asLeaf(node: unknown, path: string, doing: string): Leaf | undefined {
  if (node instanceof Float32Array) return { data: node, shape: [node.length], dtype: "float32" };
  if (node instanceof Float64Array) return { data: node, shape: [node.length], dtype: "float64" };
  if (ArrayBuffer.isView(node)) {
    throw new GradusError(
      `${doing}: ${spellPath(path)} must be a Float32Array, a Float64Array or a Tensor: ` +
        `given ${shown(node)}`,
    );
  }
  if (typeof node !== "object" || node === null) return undefined;
  const { data, shape, dtype } = node as { data?: unknown; shape?: unknown; dtype?: unknown };
  if (!ArrayBuffer.isView(data) || !Array.isArray(shape)) return undefined;
  if (ArrayBuffer.isView(shape[0])) return undefined;
  const isStored = data instanceof Uint16Array && isShort(dtype as DType);
  if (!(data instanceof Float32Array || data instanceof Float64Array) && !isStored) {
    const hint = data instanceof Uint16Array ? "; bits need a `dtype`, bfloat16 or float16" : "";
    throw new GradusError(
      `${doing}: the tensor at ${spellPath(path)} must hold a Float32Array or a Float64Array: ` +
        `given ${shown(data)}${hint}`,
    );
  }
  if (!isShape(shape) || shape.reduce((a, b) => a * b, 1) !== (data as NumberArray).length) {
    throw new GradusError(
      `${doing}: the tensor at ${
        spellPath(path)
      } must have a shape whose product is the length of ` +
        `its data, ${(data as NumberArray).length}: given [${shape.slice(0, 8).join(", ")}]`,
    );
  }
  const kind = isStored ? dtype as DType : data instanceof Float32Array ? "float32" : "float64";
  return { data: data as NumberArray, shape, dtype: kind };
}

/** Whether a value is a list of extents. */
export function isShape(node: unknown): node is readonly number[] {
  return Array.isArray(node) && node.every((extent) => Number.isInteger(extent) && extent >= 0);
}

/** A new leaf that mirrors a parameter: a bare array for a bare array of the same type and shape. */
export function mirror(info: LeafInfo, dtype: DType, shape: readonly number[]): unknown {
  const data = allocate(dtype, shape.reduce((a, b) => a * b, 1));
  if (info.isBare && dtype === info.dtype) return data;
  return tensorOf(data, shape, dtype);
}

/** `data` as a leaf like the one it is to replace. */
export function wrap(info: LeafInfo, data: NumberArray): unknown {
  return info.isBare ? data : tensorOf(data, info.shape, info.dtype);
}

/** A tensor of `data`, which says its type where that is short. */
export function tensorOf(data: NumberArray, shape: readonly number[], dtype: DType): object {
  return isShort(dtype) ? { data, shape: [...shape], dtype } : { data, shape: [...shape] };
}

/** Refuses arrays that share memory at two places, since both would be written. */
export function requireDistinct(
  arrays: Iterable<readonly [array: NumberArray, place: string]>,
  doing: string,
): void {
  const buffers = new Map<ArrayBufferLike, { array: NumberArray; place: string }[]>();
  for (const [array, place] of arrays) {
    if (array.length === 0) continue;
    const sharing = buffers.get(array.buffer);
    if (sharing === undefined) buffers.set(array.buffer, [{ array, place }]);
    else sharing.push({ array, place });
  }
  for (const sharing of buffers.values()) {
    sharing.sort((a, b) => a.array.byteOffset - b.array.byteOffset);
    sharing.slice(1).forEach(({ array, place }, i) => {
      const before = sharing[i];
      if (before.array.byteOffset + before.array.byteLength <= array.byteOffset) return;
      throw new GradusError(
        `${doing}: every array must be at one place of the tree: given one at both ` +
          `${before.place} and ${place}; pass a tied parameter once`,
      );
    });
  }
}

/** `arrays`, each copied that shares memory with one that is `written`. */
export function apartFrom(
  arrays: readonly NumberArray[],
  written: readonly NumberArray[],
): NumberArray[] {
  const buffers = new Map<ArrayBufferLike, NumberArray[]>();
  for (const array of written) {
    const sharing = buffers.get(array.buffer);
    if (sharing === undefined) buffers.set(array.buffer, [array]);
    else sharing.push(array);
  }
  for (const sharing of buffers.values()) sharing.sort((a, b) => a.byteOffset - b.byteOffset);
  return arrays.map((array) => {
    const sharing = buffers.get(array.buffer);
    if (sharing === undefined) return array;
    // The last that begins before the end of `array`; written arrays do not overlap each other.
    const end = array.byteOffset + array.byteLength;
    let [low, high] = [0, sharing.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sharing[middle].byteOffset < end) low = middle + 1;
      else high = middle;
    }
    const last = sharing[low - 1];
    const isShared = last !== undefined && last.byteOffset + last.byteLength > array.byteOffset;
    return isShared ? array.slice() : array;
  });
}

/** Whether two shapes are equal. */
export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((extent, i) => extent === b[i]);
}
