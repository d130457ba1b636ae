/** What a step dispatches, in order, and the buffers of its own. */
import { GradusError } from "../../../dsl/errors.ts";
import { type Kernel, ROW } from "./kernel.ts";
import { ALIGNMENT, type GpuTensor, markPadded } from "../../trees/gpu_tensor.ts";
import { sizeOf } from "../../trees/leaf.ts";
import type { Dispatch } from "./pieces.ts";
import { bindingsOf, type Pipeline, pipelineOf } from "./pipelines.ts";
import type { Move } from "./places.ts";

interface Command {
  readonly compiled: Pipeline;
  readonly bindGroup: GPUBindGroup;
  readonly workgroups: number;
}

/** Memory for what is computed on the way. Steps that are alike and never run at once have it in common. */
export class Scratch {
  readonly #device: GPUDevice;
  /** By the place among those that each step asks for, and by size. */
  readonly #buffers: Map<number, GPUBuffer>[] = [];

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  /** The `k`th buffer that a step asks for. */
  buffer(k: number, size: number): GPUBuffer {
    const known = this.#buffers[k] ??= new Map();
    let buffer = known.get(size);
    if (buffer === undefined) known.set(size, buffer = storage(this.#device, size));
    return buffer;
  }

  /** Gives back all of it. */
  dispose(): void {
    for (const known of this.#buffers.splice(0)) known.forEach((buffer) => buffer.destroy());
  }
}

function storage(device: GPUDevice, size: number, usage: number = 0): GPUBuffer {
  return device.createBuffer({
    // Nothing cannot be bound, and a part is of two numbers.
    size: Math.max(size, 8),
    usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | usage,
  });
}

/** The commands of a step. */
export class Commands {
  readonly #device: GPUDevice;
  readonly #scratch: Scratch;
  readonly #doing: string;
  #numbers: GPUBuffer | undefined;
  readonly #commands: Command[] = [];
  readonly #buffers: GPUBuffer[] = [];
  /** How many buffers for arrays it has asked for. */
  #asked = 0;

  constructor(device: GPUDevice, scratch: Scratch, doing: string) {
    [this.#device, this.#scratch, this.#doing] = [device, scratch, doing];
  }

  /** Makes room for the numbers of the step, before any command. */
  makeNumbers(count: number): void {
    this.#numbers = this.buffer(4 * count, GPUBufferUsage.COPY_SRC);
  }

  /** Enqueues them: `given` are the first of the numbers. */
  submit(given: Float32Array<ArrayBuffer>, moves: readonly Move[]): void {
    const refused = this.#commands.find(({ compiled }) => compiled.refusal !== undefined);
    if (refused !== undefined) {
      throw new GradusError(
        `${this.#doing}: the device must take every kernel: it refuses one, so that steps before this one did ` +
          `nothing: ${refused.compiled.refusal}`,
      );
    }
    const device = this.#device;
    device.queue.writeBuffer(this.numbers, 0, given);
    const encoder = device.createCommandEncoder();
    for (const { tensor: { buffer, offset = 0 }, before } of moves) {
      encoder.copyBufferToBuffer(buffer, offset, this.numbers, 4 * before, 4);
    }
    const pass = encoder.beginComputePass();
    for (const { compiled: { pipeline }, bindGroup, workgroups } of this.#commands) {
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, bindGroup);
      pass.dispatchWorkgroups(Math.min(workgroups, ROW), Math.ceil(workgroups / ROW));
    }
    pass.end();
    for (const { tensor: { buffer, offset = 0 }, after } of moves) {
      encoder.copyBufferToBuffer(this.numbers, 4 * after, buffer, offset, 4);
    }
    device.queue.submit([encoder.finish()]);
  }

  /** Where the numbers of the step are. */
  get numbers(): GPUBuffer {
    return this.#numbers!;
  }

  /** Gives back the buffers. */
  dispose(): void {
    this.#buffers.forEach((buffer) => buffer.destroy());
  }

  /** Adds a dispatch of a kernel on a table, on the ranges of `dispatch` and on sums. */
  add(
    kernel: Kernel,
    workgroups: number,
    header: readonly number[],
    table: readonly number[],
    dispatch?: Dispatch,
    partials?: GPUBuffer,
  ): void {
    const device = this.#device;
    const { maxStorageBuffersPerShaderStage: most } = device.limits;
    if (bindingsOf(kernel) > most) {
      throw new GradusError(
        `${this.#doing}: a loop of it must take at most ${most} buffers, which is what the device ` +
          `allows: it takes ${bindingsOf(kernel)}`,
      );
    }
    const range = dispatch?.ranges.find(({ size }) =>
      size > device.limits.maxStorageBufferBindingSize
    );
    if (range !== undefined) {
      throw new GradusError(
        `${this.#doing}: an array that is reduced over some axes or multiplied must fit into one binding of the ` +
          `device, ${device.limits.maxStorageBufferBindingSize} bytes: given ${range.size}`,
      );
    }
    const compiled = pipelineOf(device, kernel);
    const words = Uint32Array.from([...header, ...table]);
    const buffer = this.buffer(words.byteLength);
    device.queue.writeBuffer(buffer, 0, words);
    const resources: GPUBufferBinding[] = [
      { buffer },
      { buffer: this.numbers },
      ...dispatch?.ranges ?? [],
      ...(partials === undefined ? [] : [{ buffer: partials }]),
    ];
    const bindGroup = device.createBindGroup({
      layout: compiled.layout,
      entries: resources.map((resource, binding) => ({ binding, resource })),
    });
    this.#commands.push({ compiled, bindGroup, workgroups });
  }

  /** Arrays for what is computed on the way, side by side in as few buffers as the device allows. */
  arrays(shapes: readonly (readonly number[])[]): GpuTensor[] {
    const most = Math.min(this.#device.limits.maxBufferSize, 2 ** 31);
    const bytes = shapes.map((shape) =>
      Math.max(1, Math.ceil(4 * sizeOf(shape) / ALIGNMENT)) * ALIGNMENT
    );
    const tensors: GpuTensor[] = [];
    for (let from = 0, to = 0; from < shapes.length; from = to) {
      let size = 0;
      while (to < shapes.length && (to === from || size + bytes[to] <= most)) size += bytes[to++];
      if (size > most) {
        throw new GradusError(
          `${this.#doing}: a matrix that is computed on the way must fit into a buffer of the device, ` +
            `${most} bytes: given ${size}`,
        );
      }
      const buffer = this.#scratch.buffer(this.#asked++, size);
      let offset = 0;
      for (let i = from; i < to; i++) {
        const tensor: GpuTensor = { buffer, offset, shape: shapes[i], dtype: "float32" };
        markPadded(tensor);
        tensors.push(tensor);
        offset += bytes[i];
      }
    }
    return tensors;
  }

  /** A buffer that lives as long as these commands. */
  buffer(size: number, usage: number = 0): GPUBuffer {
    const buffer = storage(this.#device, size, usage);
    this.#buffers.push(buffer);
    return buffer;
  }
}
