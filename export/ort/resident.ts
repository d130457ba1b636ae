/** Arrays that live on a device from step to step, each in two buffers that change places. */
import { GradusError } from "../../dsl/errors.ts";
import type { DType } from "../../runtime/trees/dtype.ts";
import { bytesFor, type Held, type HeldArray, isInBuffer } from "./held.ts";

/** An array on the device: read from one buffer and written to the other, since no graph runs in place. */
export class Slot {
  /** What the array is now. */
  front: GPUBuffer;
  /** Where the next step writes. */
  back: GPUBuffer;
  /** Whether `front` is the caller's, who finds every step's result in it. */
  readonly isCallers: boolean;
  readonly #array: HeldArray | undefined;

  constructor(leaf: Held, make: () => GPUBuffer) {
    this.isCallers = isInBuffer(leaf);
    this.#array = isInBuffer(leaf) ? undefined : leaf;
    this.front = isInBuffer(leaf) ? leaf.buffer : make();
    this.back = make();
  }

  /** The array as the caller holds it. */
  get array(): HeldArray | undefined {
    return this.#array;
  }

  /** Makes what was written what the array is. */
  turn(encoder: GPUCommandEncoder): void {
    if (this.isCallers) {
      encoder.copyBufferToBuffer(this.back, 0, this.front, 0, this.back.size);
    } else {
      [this.front, this.back] = [this.back, this.front];
    }
  }

  /** Destroys what is not the caller's. */
  destroy(): void {
    if (!this.isCallers) this.front.destroy();
    this.back.destroy();
  }
}

/** What is held on a device. */
export class Resident {
  readonly #device: GPUDevice;
  readonly #slots = new Map<HeldArray | GPUBuffer, Slot>();
  /** The largest buffer that can be bound. */
  readonly #most: number;

  constructor(device: GPUDevice) {
    const { maxBufferSize, maxStorageBufferBindingSize } = device.limits;
    [this.#device, this.#most] = [device, Math.min(maxBufferSize, maxStorageBufferBindingSize)];
  }

  /** The place of an array, which is taken there if it is not yet. */
  take(leaf: Held, size: number, dtype: DType, doing: string): Slot {
    const known = this.find(leaf);
    if (known !== undefined) return known;
    const bytes = bytesFor(size, dtype);
    const slot = new Slot(leaf, () => this.#make(bytes, doing));
    this.#slots.set(isInBuffer(leaf) ? leaf.buffer : leaf, slot);
    this.upload(slot);
    return slot;
  }

  find(leaf: Held): Slot | undefined {
    return this.#slots.get(isInBuffer(leaf) ? leaf.buffer : leaf);
  }

  /** Whether a buffer is one of these, not one of the caller's. */
  owns(buffer: GPUBuffer): boolean {
    return [...this.#slots.values()].some(({ front, back, isCallers }) =>
      buffer === back || (buffer === front && !isCallers)
    );
  }

  /** Writes the caller's array into its place. */
  upload({ array, front }: Slot): void {
    if (array === undefined || array.length === 0) return;
    // Whole words of unshared memory, which is all that devices take.
    const isPlain = array.buffer instanceof ArrayBuffer && array.byteLength % 4 === 0;
    const bytes = new Uint8Array(isPlain ? array.byteLength : Math.ceil(array.byteLength / 4) * 4);
    if (!isPlain) bytes.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
    const source = isPlain ? array as HeldArray & ArrayBufferView<ArrayBuffer> : bytes;
    this.#device.queue.writeBuffer(front, 0, source);
  }

  /** Reads places and other buffers into arrays; each must hold what its array does, or more. */
  async download(wanted: ReadonlyMap<HeldArray, GPUBuffer>): Promise<void> {
    const encoder = this.#device.createCommandEncoder();
    const staged = [...wanted].filter(([array]) => array.length > 0).map(([array, from]) => {
      const size = Math.ceil(array.byteLength / 4) * 4;
      const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
      const staging = this.#device.createBuffer({ size, usage });
      encoder.copyBufferToBuffer(from, 0, staging, 0, size);
      return { array, staging };
    });
    this.#device.queue.submit([encoder.finish()]);
    try {
      await Promise.all(staged.map(({ staging }) => staging.mapAsync(GPUMapMode.READ)));
      for (const { array, staging } of staged) {
        const bytes = new Uint8Array(staging.getMappedRange(), 0, array.byteLength);
        new Uint8Array(array.buffer, array.byteOffset, array.byteLength).set(bytes);
      }
    } finally {
      for (const { staging } of staged) staging.destroy();
    }
  }

  release(leaf: Held): void {
    const key = isInBuffer(leaf) ? leaf.buffer : leaf;
    this.#slots.get(key)?.destroy();
    this.#slots.delete(key);
  }

  dispose(): void {
    for (const slot of this.#slots.values()) slot.destroy();
    this.#slots.clear();
  }

  #make(size: number, doing: string): GPUBuffer {
    if (size > this.#most) {
      throw new GradusError(
        `${doing}: an array must fit into a buffer that the device can bind, ${this.#most} bytes: ` +
          `given ${size}`,
      );
    }
    const { STORAGE, COPY_SRC, COPY_DST } = GPUBufferUsage;
    return this.#device.createBuffer({ size, usage: STORAGE | COPY_SRC | COPY_DST });
  }
}
