/** The way of trees to the GPU and back. */
import { GradusError } from "../../../dsl/errors.ts";
import {
  ALIGNMENT,
  type GpuKind,
  type GpuTensor,
  isGpuTensor,
  markPadded,
} from "../../trees/gpu_tensor.ts";
import { asLeaf, isTensor, sizeOf, spellPath, type Tensor } from "../../trees/leaf.ts";
import type { State } from "../../trees/state.ts";

/** A tree on the GPU like `T`: each array or tensor is a {@linkcode GpuTensor}. */
export type OnGpu<T> = T extends State ? State
  : T extends ArrayBufferView ? GpuTensor<"array">
  : T extends { readonly data: ArrayBufferView; readonly shape: readonly number[] }
    ? GpuTensor<"tensor">
  : T extends object ? { [K in keyof T]: OnGpu<T[K]> }
  : T;

/** A tree downloaded from one on the GPU. */
export type FromGpu<T> = T extends State ? State
  : T extends GpuTensor<infer Kind> ? { array: Float32Array; tensor: Tensor; number: number }[Kind]
  : T extends object ? { [K in keyof T]: FromGpu<T[K]> }
  : T;

/** Something that is to become an array on the GPU. */
export interface Blank {
  readonly shape: readonly number[];
  readonly kind: GpuKind;
  /** Default `"float32"`. */
  readonly dtype?: "float32" | "int32";
  /** Its numbers; zeros if left out. */
  readonly data?: Float32Array;
  /** What every number is, where there is no data. */
  readonly fill?: number;
}

/** Places arrays side by side in as few buffers as the device allows. */
export function place(device: GPUDevice, blanks: readonly Blank[], doing: string): GpuTensor[] {
  const most = Math.min(device.limits.maxBufferSize, 2 ** 31);
  const bytes = blanks.map((blank) =>
    Math.max(1, Math.ceil(4 * sizeOf(blank.shape) / ALIGNMENT)) * ALIGNMENT
  );
  const tensors: GpuTensor[] = [];
  for (let from = 0, to = 0; from < blanks.length; from = to) {
    let size = 0;
    while (to < blanks.length && (to === from || size + bytes[to] <= most)) size += bytes[to++];
    if (size > most) {
      throw new GradusError(
        `${doing}: an array must fit into a buffer of the device, ${most} bytes: given ${size}`,
      );
    }
    const buffer = device.createBuffer({
      size: Math.max(size, ALIGNMENT),
      usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
      mappedAtCreation: true,
    });
    const range = buffer.getMappedRange();
    const mapped = { float32: new Float32Array(range), int32: new Int32Array(range) };
    let offset = 0;
    for (let i = from; i < to; i++) {
      const { shape, kind, dtype = "float32", data, fill = 0 } = blanks[i];
      if (data !== undefined) mapped[dtype].set(data, offset / 4);
      else if (!Object.is(fill, 0)) {
        mapped[dtype].fill(fill, offset / 4, offset / 4 + sizeOf(shape));
      }
      const tensor: GpuTensor = { buffer, offset, shape: [...shape], dtype, kind };
      markPadded(tensor);
      tensors.push(tensor);
      offset += bytes[i];
    }
    buffer.unmap();
  }
  return tensors;
}

/** Copies every array of a tree to the GPU; whatever else it holds stays as it is. */
export function upload(device: GPUDevice, tree: unknown): unknown {
  const doing = "Cannot upload";
  const blanks: Blank[] = [];
  const prepared = mapLeaves(tree, "", (node, path) => {
    const leaf = asLeaf(node, path, doing);
    if (leaf === undefined) return undefined;
    if (leaf.dtype !== "float32") {
      throw new GradusError(
        `${doing}: the array at ${spellPath(path)} must be float32: given ${leaf.dtype}`,
      );
    }
    const kind = ArrayBuffer.isView(node) ? "array" : "tensor";
    blanks.push({ shape: leaf.shape, kind, data: leaf.data as Float32Array });
    return new Prepared(blanks.length - 1);
  });
  const tensors = place(device, blanks, doing);
  return mapLeaves(
    prepared,
    "",
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
  const tensors: GpuTensor[] = [];
  mapTensors(tree, (tensor) => tensors.push(tensor));
  const most = Math.min(device.limits.maxBufferSize, 2 ** 28);
  const arrays: Float32Array[] = [];
  for (let from = 0, to = 0; from < tensors.length; from = to) {
    let size = 0;
    while (to < tensors.length && (to === from || size + 4 * sizeOf(tensors[to].shape) <= most)) {
      size += 4 * sizeOf(tensors[to++].shape);
    }
    const staging = device.createBuffer({
      size: Math.max(size, 4),
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    });
    const encoder = device.createCommandEncoder();
    let at = 0;
    for (const tensor of tensors.slice(from, to)) {
      const bytes = 4 * sizeOf(tensor.shape);
      if (bytes === 0) continue;
      encoder.copyBufferToBuffer(tensor.buffer, tensor.offset ?? 0, staging, at, bytes);
      at += bytes;
    }
    device.queue.submit([encoder.finish()]);
    await staging.mapAsync(GPUMapMode.READ);
    const mapped = new Float32Array(staging.getMappedRange());
    let first = 0;
    for (const tensor of tensors.slice(from, to)) {
      arrays.push(mapped.slice(first, first += sizeOf(tensor.shape)));
    }
    staging.destroy();
  }
  let next = 0;
  return mapTensors(tree, ({ shape, kind, dtype }) => {
    const data = arrays[next++];
    if (kind === "number") return dtype === "int32" ? new Int32Array(data.buffer)[0] : data[0];
    return kind === "array" ? data : { data, shape: [...shape] };
  });
}

/** Destroys every buffer of a tree. */
export function release(tree: unknown): void {
  const buffers = new Set<GPUBuffer>();
  mapTensors(tree, ({ buffer }) => buffers.add(buffer));
  buffers.forEach((buffer) => buffer.destroy());
}

/** A tree with each of its tensors changed. */
export function mapTensors(tree: unknown, change: (tensor: GpuTensor) => unknown): unknown {
  return mapLeaves(tree, "", (node) => isGpuTensor(node) ? change(node) : undefined);
}

/** A tree with each node replaced that `change` gives something for; what is no tree stays. */
function mapLeaves(
  node: unknown,
  path: string,
  change: (node: unknown, path: string) => unknown,
): unknown {
  const changed = change(node, path);
  if (changed !== undefined) return changed;
  if (typeof node !== "object" || node === null) return node;
  if (ArrayBuffer.isView(node) || isTensor(node) || isGpuTensor(node)) return node;
  const children = entriesOf(node).map(([key, child]) =>
    [key, mapLeaves(child, join(path, key), change)] as const
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
