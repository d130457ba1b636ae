/** Where arrays lie on the GPU: side by side in as few buffers as the device allows. */
import { GradusError } from "../../../dsl/errors.ts";
import { type HostArray, memoryOf, type StorageType } from "../../trees/dtype.ts";
import {
  ALIGNMENT,
  bytesOfPart,
  type GpuKind,
  type GpuTensor,
  markPadded,
  partsOfStored,
  storedIn,
} from "../../trees/gpu_tensor.ts";
import { sizeOf, spellPath } from "../../trees/leaf.ts";
import { isReleased } from "../../trees/released.ts";
import { dtypeOf, type Stored } from "../../trees/stored.ts";

/** Something that is to become an array on the GPU. */
export interface Blank {
  readonly shape: readonly number[];
  readonly kind: GpuKind;
  /** Default `"float32"`. */
  readonly stored?: Stored | "int32";
  /** Its numbers; zeros if left out. */
  readonly data?: HostArray;
  /** What every number is, of float32 and int32 numbers for which there is no data. */
  readonly fill?: number;
}

/** An array of what is placed. */
interface Part {
  readonly bytes: number;
  readonly begin: (range: ArrayBuffer, offset: number) => void;
}

/** The devices of the buffers that were made here. */
const devices = new WeakMap<GPUBuffer, GPUDevice>();

/** Refuses an array in a buffer that was released, or that another device has. */
export function requireUsable(
  device: GPUDevice,
  tensor: GpuTensor,
  path: string,
  doing: string,
): void {
  for (const { buffer } of placesOf(tensor)) {
    const refuse = (message: string): never => {
      throw new GradusError(`${doing}: the array at ${spellPath(path)} must ${message}`);
    };
    if (isReleased(buffer)) refuse("not have been released: given one whose buffer was");
    if ((devices.get(buffer) ?? device) !== device) {
      refuse("be on the optimizer's device: given one on another");
    }
  }
}

/** Places arrays side by side in as few buffers as the device allows. */
export function place(device: GPUDevice, blanks: readonly Blank[], doing: string): GpuTensor[] {
  const parts = blanks.map(partsTo);
  // Second arrays lie behind all first ones, so that those of one state are side by side too.
  const places = placeParts(
    device,
    [...parts.map(([first]) => first), ...parts.flatMap(([, ...second]) => second)],
    doing,
  );
  let second = blanks.length;
  return blanks.map(({ shape, kind, stored = "float32" }, i) => {
    const dtype = stored === "int32" ? stored : dtypeOf(stored) as StorageType;
    const how = typeof stored === "object" ? stored : {};
    const tensor: GpuTensor = { ...places[i], shape: [...shape], kind, ...how, dtype };
    const all = parts[i].length === 1 ? tensor : { ...tensor, second: places[second++] };
    markPadded(all);
    return all;
  });
}

/** The arrays that something is placed as. */
function partsTo({ shape, stored = "float32", data, fill = 0 }: Blank): Part[] {
  const size = sizeOf(shape);
  const given = data === undefined ? [] : memoryOf(data);
  return partsOfStored(stored === "int32" ? "float32" : stored).map(({ each }, k) => ({
    bytes: Math.max(1, Math.ceil(bytesOfPart(each, size) / ALIGNMENT)) * ALIGNMENT,
    begin: (range, offset) => {
      if (data !== undefined) {
        const { buffer, byteOffset, byteLength } = given[k];
        new Uint8Array(range, offset).set(new Uint8Array(buffer, byteOffset, byteLength));
      } else if (!Object.is(fill, 0)) {
        const Numbers = stored === "int32" ? Int32Array : Float32Array;
        new Numbers(range, offset, size).fill(fill);
      }
    },
  }));
}

function placeParts(
  device: GPUDevice,
  parts: readonly Part[],
  doing: string,
): { readonly buffer: GPUBuffer; readonly offset: number }[] {
  const most = Math.min(device.limits.maxBufferSize, 2 ** 31);
  const places: { readonly buffer: GPUBuffer; readonly offset: number }[] = [];
  for (let from = 0, to = 0; from < parts.length; from = to) {
    let size = 0;
    while (to < parts.length && (to === from || size + parts[to].bytes <= most)) {
      size += parts[to++].bytes;
    }
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
    devices.set(buffer, device);
    const range = buffer.getMappedRange();
    let offset = 0;
    for (const { bytes, begin } of parts.slice(from, to)) {
      begin(range, offset);
      places.push({ buffer, offset });
      offset += bytes;
    }
    buffer.unmap();
  }
  return places;
}

/** Where the arrays of a tensor are, and their bytes. */
export function placesOf(
  tensor: GpuTensor,
): { readonly buffer: GPUBuffer; readonly offset: number; readonly bytes: number }[] {
  const size = sizeOf(tensor.shape);
  return partsOfStored(storedIn(tensor)).map(({ each }, k) => {
    const { buffer, offset = 0 } = k === 0 ? tensor : tensor.second!;
    return { buffer, offset, bytes: bytesOfPart(each, size) };
  });
}
