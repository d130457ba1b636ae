/** Arrays on the GPU: trees of them, and the way there and back. */
import { GradusError, shown } from "../../../dsl/errors.ts";
import { asLeaf, isShape, spellPath, type Tensor } from "../../trees/leaf.ts";
import type { State } from "../../trees/state.ts";
import type { Layout } from "../../trees/layout.ts";

/** What an array on the GPU is when downloaded: an array, a tensor with a shape, or one number. */
export type GpuKind = "array" | "tensor" | "number";

/** An array of float32 numbers in a buffer, row-major. */
export interface GpuTensor<Kind extends GpuKind = GpuKind> {
  /** Where the numbers are; made for storage and for copies from and to it. */
  readonly buffer: GPUBuffer;
  /** The byte they begin at, a multiple of 4. Default 0. */
  readonly offset?: number;
  /** The extents; the numbers are as many as their product. */
  readonly shape: readonly number[];
  /** The type of the numbers. */
  readonly dtype: "float32";
  /** What it is when downloaded. Default `"tensor"`. */
  readonly kind?: Kind;
}

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

/** A leaf of a tree and its place. */
export interface Placed {
  readonly path: string;
  readonly tensor: GpuTensor;
}

/** Ranges of buffers begin at multiples of this, so that each may be bound. */
export const ALIGNMENT = 256;

const padded = new WeakSet<GpuTensor>();

/** Whether the numbers up to the next multiple of four belong to the tensor too. */
export function isPadded(tensor: GpuTensor): boolean {
  return padded.has(tensor);
}

/** The number of numbers. */
export function sizeOf({ shape }: Pick<GpuTensor, "shape">): number {
  return shape.reduce((a, b) => a * b, 1);
}

/** Whether a node of a tree is an array on the GPU. */
export function isGpuTensor(node: unknown): node is GpuTensor {
  return typeof node === "object" && node !== null && "buffer" in node && "shape" in node;
}

/** The leaves of a tree in the order of a layout: keys sorted. */
export function leavesOf(tree: unknown, what: string, doing: string): Placed[] {
  const placed: Placed[] = [];
  const visit = (node: unknown, path: string): void => {
    const where = `${doing}: ${what} at ${spellPath(path)} must`;
    if (isGpuTensor(node)) {
      requireTensor(node, where);
      placed.push({ path, tensor: node });
      return;
    }
    if (typeof node !== "object" || node === null || ArrayBuffer.isView(node)) {
      throw new GradusError(
        `${where} be on the GPU, as \`upload\` places it: given ${shown(node)}`,
      );
    }
    for (const [key, child] of entriesOf(node)) visit(child, join(path, key));
  };
  visit(tree, "");
  return placed;
}

function requireTensor(tensor: GpuTensor, where: string): void {
  const { buffer, offset = 0, shape, dtype } = tensor;
  if (dtype !== "float32") {
    throw new GradusError(`${where} be float32: given ${shown(dtype)}`);
  }
  if (!isShape(shape)) {
    throw new GradusError(`${where} have a shape of whole numbers: given ${shown(shape)}`);
  }
  if (!Number.isInteger(offset) || offset < 0 || offset % 4 !== 0) {
    throw new GradusError(`${where} begin at a multiple of 4 bytes: given ${shown(offset)}`);
  }
  const end = offset + 4 * sizeOf(tensor);
  if (end > buffer.size) {
    throw new GradusError(
      `${where} lie in its buffer: it ends at byte ${end} of a buffer of ${buffer.size}`,
    );
  }
  const needed = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  if ((buffer.usage & needed) !== needed) {
    throw new GradusError(
      `${where} be in a buffer made with the usages STORAGE, COPY_SRC and COPY_DST: given usage ` +
        `${buffer.usage}`,
    );
  }
}

/** The leaves of `tree`, which must have the structure and the shapes of `layout`. */
export function align(
  layout: Layout,
  tree: unknown,
  shapeOf: (leaf: number) => readonly number[],
  what: string,
  doing: string,
): GpuTensor[] {
  const placed = leavesOf(tree, what, doing);
  layout.leaves.forEach(({ path }, i) => {
    if (placed[i]?.path !== path) {
      throw new GradusError(
        `${doing}: ${what} must have the parameters' structure: at ${spellPath(path)} given ` +
          (placed[i] === undefined ? "nothing" : `a leaf at ${spellPath(placed[i].path)}`),
      );
    }
    const shape = shapeOf(i);
    if (placed[i].tensor.shape.join() !== shape.join()) {
      throw new GradusError(
        `${doing}: ${what} at ${spellPath(path)} must have shape [${shape.join(", ")}]: given ` +
          `[${placed[i].tensor.shape.join(", ")}]`,
      );
    }
  });
  if (placed.length > layout.leaves.length) {
    const { path } = placed[layout.leaves.length];
    throw new GradusError(`${doing}: ${what}: there is no parameter at ${spellPath(path)}`);
  }
  return placed.map(({ tensor }) => tensor);
}

/** Something that is to become an array on the GPU. */
export interface Blank {
  readonly shape: readonly number[];
  readonly kind: GpuKind;
  /** Its numbers; zeros if left out. */
  readonly data?: Float32Array;
  /** What every number is, where there is no data. */
  readonly fill?: number;
}

/** Places arrays side by side in as few buffers as the device allows. */
export function place(device: GPUDevice, blanks: readonly Blank[], doing: string): GpuTensor[] {
  const most = Math.min(device.limits.maxBufferSize, 2 ** 31);
  const bytes = blanks.map((blank) =>
    Math.max(1, Math.ceil(4 * sizeOf(blank) / ALIGNMENT)) * ALIGNMENT
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
    const mapped = new Float32Array(buffer.getMappedRange());
    let offset = 0;
    for (let i = from; i < to; i++) {
      const { shape, kind, data, fill = 0 } = blanks[i];
      if (data !== undefined) mapped.set(data, offset / 4);
      else if (!Object.is(fill, 0)) {
        mapped.fill(fill, offset / 4, offset / 4 + sizeOf(blanks[i]));
      }
      const tensor: GpuTensor = { buffer, offset, shape: [...shape], dtype: "float32", kind };
      padded.add(tensor);
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
    return { blank: blanks.length - 1 };
  });
  const tensors = place(device, blanks, doing);
  let next = 0;
  return mapLeaves(
    prepared,
    "",
    (node) =>
      typeof node === "object" && node !== null && "blank" in node ? tensors[next++] : undefined,
  );
}

/** Copies every array of a tree back; whatever else it holds stays as it is. */
export async function download(device: GPUDevice, tree: unknown): Promise<unknown> {
  const tensors: GpuTensor[] = [];
  mapTensors(tree, (tensor) => tensors.push(tensor));
  const most = Math.min(device.limits.maxBufferSize, 2 ** 28);
  const arrays: Float32Array[] = [];
  for (let from = 0, to = 0; from < tensors.length; from = to) {
    let size = 0;
    while (to < tensors.length && (to === from || size + 4 * sizeOf(tensors[to]) <= most)) {
      size += 4 * sizeOf(tensors[to++]);
    }
    const staging = device.createBuffer({
      size: Math.max(size, 4),
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    });
    const encoder = device.createCommandEncoder();
    let at = 0;
    for (const tensor of tensors.slice(from, to)) {
      const bytes = 4 * sizeOf(tensor);
      if (bytes === 0) continue;
      encoder.copyBufferToBuffer(tensor.buffer, tensor.offset ?? 0, staging, at, bytes);
      at += bytes;
    }
    device.queue.submit([encoder.finish()]);
    await staging.mapAsync(GPUMapMode.READ);
    const mapped = new Float32Array(staging.getMappedRange());
    let first = 0;
    for (const tensor of tensors.slice(from, to)) {
      arrays.push(mapped.slice(first, first += sizeOf(tensor)));
    }
    staging.destroy();
  }
  let next = 0;
  return mapTensors(tree, ({ shape, kind }) => {
    const data = arrays[next++];
    if (kind === "number") return data[0];
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
  if (typeof node !== "object" || node === null || ArrayBuffer.isView(node)) return node;
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
