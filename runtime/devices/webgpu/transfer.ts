/** The way of trees to the GPU and back. */
import { GradusError } from "../../../dsl/errors.ts";
import { allocate, memoryOf } from "../../trees/dtype.ts";
import { type GpuTensor, isGpuTensor, storedIn } from "../../trees/gpu_tensor.ts";
import { halfOf, hasHalf } from "../../trees/half.ts";
import { asHostLeaf } from "../../trees/host_leaf.ts";
import {
  type BlockTensor,
  isTensor,
  sizeOf,
  spellPath,
  type StoredTensor,
  type Tensor,
  tensorOf,
} from "../../trees/leaf.ts";
import { releaseBuffer } from "../../trees/released.ts";
import { isBranch, requireDepth } from "../../trees/structure.ts";
import { dtypeOf, isUnsigned } from "../../trees/stored.ts";
import type { State } from "../../trees/state.ts";
import { type Blank, place, placesOf, requireUsable } from "./place.ts";

/** A tree on the GPU like `T`: each array or tensor is a {@linkcode GpuTensor}. */
export type OnGpu<T> = T extends State ? State
  : T extends ArrayBufferView ? GpuTensor<"array">
  : T extends StoredTensor | BlockTensor ? GpuTensor<"stored">
  : T extends { readonly data: ArrayBufferView; readonly shape: readonly number[] }
    ? GpuTensor<"tensor">
  : T extends object ? { [K in keyof T]: OnGpu<T[K]> }
  : T;

/** A tree downloaded from one on the GPU. */
export type FromGpu<T> = T extends State ? State
  : T extends GpuTensor<infer Kind> ? Downloaded[Kind]
  : T extends object ? { [K in keyof T]: FromGpu<T[K]> }
  : T;

/** What a {@linkcode GpuTensor} becomes when it is downloaded. */
export interface Downloaded {
  /** A bare array; of float16 numbers a `Float16Array`. */
  array: Float32Array;
  /** An array with a shape. */
  tensor: Tensor;
  /** One that is stored short. */
  stored: StoredTensor | BlockTensor;
  /** A `Float16Array` with a shape. */
  halves: Tensor;
  /** One number. */
  number: number;
}

/** Copies every array of a tree to the GPU; whatever else it holds stays as it is. */
export function upload(device: GPUDevice, tree: unknown): unknown {
  const doing = "Cannot upload";
  const blanks: Blank[] = [];
  const prepared = mapLeaves(tree, doing, (node, path) => {
    const leaf = asHostLeaf(node, path, doing);
    if (leaf === undefined) return undefined;
    const { dtype, shape, stored, data, isHalf } = leaf;
    if (dtype === "float64") {
      throw new GradusError(
        `${doing}: the array at ${spellPath(path)} must be float32 or shorter: given ${dtype}`,
      );
    }
    const kind = ArrayBuffer.isView(node)
      ? "array"
      : isHalf
      ? "halves"
      : dtype === "float32"
      ? "tensor"
      : "stored";
    blanks.push({ shape, kind, stored, data });
    return new Prepared(blanks.length - 1);
  });
  const tensors = place(device, blanks, doing);
  return mapLeaves(
    prepared,
    doing,
    (node) => node instanceof Prepared ? tensors[node.index] : undefined,
  );
}

/** Where an array is to be that has no place yet. */
class Prepared {
  readonly index: number;

  constructor(index: number) {
    this.index = index;
  }
}

/** Copies every array of a tree back; whatever else it holds stays as it is. */
export async function download(device: GPUDevice, tree: unknown): Promise<unknown> {
  const doing = "Cannot download";
  const tensors: GpuTensor[] = [];
  mapTensors(tree, doing, (tensor, path) => {
    requireUsable(device, tensor, path, doing);
    tensors.push(tensor);
    return tensor;
  });
  const most = Math.min(device.limits.maxBufferSize, 2 ** 28);
  const parts = tensors.flatMap(placesOf);
  const copies: ArrayBuffer[] = [];
  for (let from = 0, to = 0; from < parts.length; from = to) {
    let size = 0;
    while (to < parts.length && (to === from || size + parts[to].bytes <= most)) {
      size += parts[to++].bytes;
    }
    const staging = device.createBuffer({
      size: Math.max(size, 4),
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    });
    const encoder = device.createCommandEncoder();
    let at = 0;
    for (const { buffer, offset, bytes } of parts.slice(from, to)) {
      if (bytes > 0) encoder.copyBufferToBuffer(buffer, offset, staging, at, bytes);
      at += bytes;
    }
    device.queue.submit([encoder.finish()]);
    await staging.mapAsync(GPUMapMode.READ);
    const mapped = staging.getMappedRange();
    let first = 0;
    for (const { bytes } of parts.slice(from, to)) copies.push(mapped.slice(first, first += bytes));
    staging.destroy();
  }
  let next = 0;
  return mapTensors(tree, doing, (tensor) => {
    const { shape, kind, dtype } = tensor;
    const own = placesOf(tensor).map(() => copies[next++]);
    if (kind === "number") {
      return dtype === "int32" ? new Int32Array(own[0])[0] : new Float32Array(own[0])[0];
    }
    const stored = storedIn(tensor);
    const array = allocate(dtypeOf(stored), sizeOf(shape), isUnsigned(stored));
    memoryOf(array).forEach((part, k) =>
      new Uint8Array(part.buffer).set(new Uint8Array(own[k], 0, part.byteLength))
    );
    const isHalf = hasHalf && dtype === "float16" && (kind === "array" || kind === "halves");
    const data = isHalf ? halfOf(array as Uint16Array) : array;
    if (kind === "array") return data;
    return isHalf ? { data, shape: [...shape] } : tensorOf(array, shape, stored);
  });
}

/** Destroys every buffer of a tree. */
export function release(tree: unknown): void {
  const buffers = new Set<GPUBuffer>();
  mapTensors(
    tree,
    "Cannot release",
    (tensor) => placesOf(tensor).forEach(({ buffer }) => buffers.add(buffer)),
  );
  buffers.forEach(releaseBuffer);
}

/** A tree with each of its tensors changed. */
function mapTensors(
  tree: unknown,
  doing: string,
  change: (tensor: GpuTensor, path: string) => unknown,
): unknown {
  return mapLeaves(
    tree,
    doing,
    (node, path) => isGpuTensor(node) ? change(node, path) : undefined,
  );
}

/** A tree with each node replaced that `change` gives something for; what is no tree stays. */
function mapLeaves(
  node: unknown,
  doing: string,
  change: (node: unknown, path: string) => unknown,
  path = "",
  depth = 0,
): unknown {
  const changed = change(node, path);
  if (changed !== undefined) return changed;
  if (typeof node !== "object" || node === null) return node;
  if (!isBranch(node) || isTensor(node) || isGpuTensor(node)) return node;
  requireDepth(depth, path, doing);
  const children = entriesOf(node).map(([key, child]) =>
    [key, mapLeaves(child, doing, change, join(path, key), depth + 1)] as const
  );
  return Array.isArray(node) ? children.map(([, child]) => child) : Object.fromEntries(children);
}

// As layouts do: sorted, so that nothing depends on the order of insertion.
function entriesOf(node: object): [string, unknown][] {
  if (Array.isArray(node)) return node.map((child, i) => [String(i), child]);
  return Object.keys(node).sort().map((key) => [key, (node as Record<string, unknown>)[key]]);
}

function join(path: string, key: string): string {
  return path === "" ? key : `${path}/${key}`;
}
