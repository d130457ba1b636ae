/** Tells cheaply whether a tree still holds the very arrays it held before. */
import { releases } from "./arena.ts";
import { type DType, isShort } from "./dtype.ts";
import type { GpuTensor } from "./gpu_tensor.ts";
import { isInGpuBuffer, isTensor, partsOf } from "./leaf.ts";
import { isReleased } from "./released.ts";

/** A tensor that is an array and its shape: most of a tree, so that it is looked at in place. */
interface Plain {
  readonly tensor: { readonly data?: unknown; readonly shape?: unknown; readonly dtype?: unknown };
  readonly data: ArrayLike<unknown>;
  readonly length: number;
  readonly shape: readonly unknown[];
  readonly extents: readonly unknown[];
  readonly dtype: unknown;
}

/** What is looked at of an object. */
type Look = (object: object) => readonly unknown[];

const branch: Look = Object.values;
const tensor: Look = (object) => {
  const { data, shape, dtype } = object as Record<string, unknown>;
  if (dtype === "block8") {
    const { scales, unsigned } = object as Record<string, unknown>;
    return [data, shape, dtype, scales, unsigned];
  }
  if (!isShort(dtype as DType)) return [data, shape, dtype];
  const { low, rounding, seed } = object as Record<string, unknown>;
  return [data, shape, dtype, low, rounding, seed];
};
const gpuTensor: Look = (object) => {
  return [isReleased((object as GpuTensor).buffer), ...Object.values(object)];
};
const list: Look = (object) => object as readonly unknown[];

/** A tree as it was: its containers and what was in each. */
export class Snapshot {
  readonly #root: unknown;
  readonly #containers: {
    readonly object: object;
    readonly look: Look;
    readonly values: readonly unknown[];
  }[] = [];
  readonly #plain: Plain[] = [];
  readonly #arrays: { readonly array: ArrayLike<unknown>; readonly length: number }[] = [];
  readonly #releases = releases();

  constructor(root: unknown) {
    this.#root = root;
    const visit = (node: unknown): void => {
      if (typeof node !== "object" || node === null) return;
      if (ArrayBuffer.isView(node)) {
        const array = node as unknown as ArrayLike<unknown>;
        this.#arrays.push({ array, length: array.length });
        return;
      }
      const isOnGpu = isInGpuBuffer(node);
      const isLeaf = isOnGpu || isTensor(node);
      const look = isOnGpu ? gpuTensor : isLeaf ? tensor : Array.isArray(node) ? list : branch;
      const values = [...look(node)];
      if (look === tensor && values.length === 3) {
        const [data, shape, dtype] = values as [Plain["data"], Plain["shape"], unknown];
        const { length } = data;
        this.#plain.push({ tensor: node, data, length, shape, extents: [...shape], dtype });
        return;
      }
      this.#containers.push({ object: node, look, values });
      if (!isLeaf) return values.forEach(visit);
      const { shape } = node as { shape: object };
      partsOf(node).forEach(visit);
      this.#containers.push({ object: shape, look: list, values: [...list(shape)] });
    };
    visit(root);
  }

  /** Whether `root` is that tree, unchanged but for the numbers in its arrays, all of which are there. */
  matches(root: unknown): boolean {
    if (root !== this.#root || this.#releases !== releases()) return false;
    // An array whose buffer was transferred is the same object, and empty.
    for (const { tensor, data, length, shape, extents, dtype } of this.#plain) {
      if (tensor.data !== data || tensor.shape !== shape || tensor.dtype !== dtype) return false;
      if (data.length !== length || !isSame(shape, extents)) return false;
    }
    for (const { object, look, values } of this.#containers) {
      if (!isSame(look(object), values)) return false;
    }
    for (const { array, length } of this.#arrays) if (array.length !== length) return false;
    return true;
  }
}

function isSame(now: readonly unknown[], before: readonly unknown[]): boolean {
  if (now.length !== before.length) return false;
  for (let i = 0; i < before.length; i++) if (now[i] !== before[i]) return false;
  return true;
}
