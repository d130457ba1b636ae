/**
 * Steps variables on tfjs's WebGPU backend, in buffers of Gradus that the variables are made of: what is read
 * is copied once on the GPU, the gradients, and what is written is not. A variable whose numbers another
 * tensor shares, such as a clone, goes on in a new buffer.
 */
import { GradusError } from "../../dsl/errors.ts";
import { elementInputs } from "../../runtime/backends/backend.ts";
import { WebGpuDevice } from "../../runtime/devices/webgpu/device.ts";
import { place } from "../../runtime/devices/webgpu/place.ts";
import { release } from "../../runtime/devices/webgpu/transfer.ts";
import type { Optimizer } from "../../runtime/optimizer.ts";
import { ruleOf } from "../../runtime/step/rule.ts";
import type { StepForm } from "../../runtime/step/form.ts";
import { Step } from "../../runtime/step/step.ts";
import type { GpuTensor } from "../../runtime/trees/gpu_tensor.ts";
import { sizeOf } from "../../runtime/trees/leaf.ts";
import type { State } from "../../runtime/trees/state.ts";
import { Named } from "./named.ts";
import { type Route, type RouteStep, type StateLeaf, treeOf, type Variables } from "./route.ts";
import type { Tfjs, TfTensor, TfVariable } from "./tf.ts";

/** tfjs's backend, as far as it is used here. */
export interface GpuBackend {
  readonly device: GPUDevice;
  readonly tensorMap: {
    has(dataId: object): boolean;
    get(dataId: object): { readonly resource?: unknown };
  };
  createTensorFromGPUData(
    data: { readonly buffer: GPUBuffer; readonly zeroCopy?: boolean },
    shape: readonly number[],
    dtype: "float32" | "int32",
  ): TfTensor;
  refCount(dataId: object): number;
  uploadToGPU(dataId: object): void;
  ensureCommandEncoderReady(): void;
  endComputePassEncoder(): void;
  submitQueue(): void;
}

/** The backend that computes now, or undefined if it is not the one on WebGPU. */
export function gpuBackendOf(tf: Tfjs): GpuBackend | undefined {
  const backend = tf.backend() as Partial<GpuBackend>;
  const { device, tensorMap, uploadToGPU, submitQueue } = backend;
  const isOne = [device, tensorMap, uploadToGPU, submitQueue].every((each) => each !== undefined);
  return isOne ? backend as GpuBackend : undefined;
}

/** A variable's numbers in a buffer of ours, and the tensor data of tfjs that is made of it. */
interface Placed {
  readonly variable: TfVariable;
  readonly tensor: GpuTensor;
  dataId: object;
}

/** Steps by Gradus's shaders on tfjs's device. */
export class WebGpuRoute implements Route {
  readonly #tf: Tfjs;
  readonly #backend: GpuBackend;
  readonly #steps: Named<Step<GpuTensor, StepForm>>;
  readonly #doing: string;
  readonly #reads: number;
  readonly #inputs: readonly string[];
  #placed = new Map<string, Placed>();
  /** Where what is read is copied to, by variable. */
  #copies = new Map<string, readonly GpuTensor[]>();
  /** Buffers that other tensors still are made of. */
  #shared: Pick<Placed, "tensor" | "dataId">[] = [];

  constructor(tf: Tfjs, optimizer: Optimizer, backend: GpuBackend, doing: string) {
    [this.#tf, this.#backend, this.#doing] = [tf, backend, doing];
    const device = new WebGpuDevice(optimizer.program, backend.device);
    this.#steps = new Named(
      optimizer,
      (configured) => new Step(ruleOf(configured), device),
      (step) => step.dispose(),
    );
    this.#inputs = elementInputs(optimizer.program);
    this.#reads = 1 + this.#inputs.length;
  }

  init(variables: Variables): State {
    this.#place(variables);
    return this.#steps.of(variables).init(
      treeOf(variables, (_, name) => this.#placed.get(name)!.tensor),
      this.#doing,
    );
  }

  step({ variables, reads, state, inputs }: RouteStep): void {
    this.#place(
      new Map([...reads.keys()].map((name) => [name, variables.get(name)!] as const)),
      [...reads.values()].flat(),
    );
    const encoder = this.#backend.device.createCommandEncoder();
    for (const [name, tensors] of reads) {
      const copies = this.#copiesOf(name, variables.get(name)!);
      tensors.forEach((tensor, k) => this.#copyInto(encoder, tensor, copies[k]));
    }
    this.#backend.device.queue.submit([encoder.finish()]);
    const read = Array.from(
      { length: this.#reads },
      (_, k) => treeOf(reads, (_, name) => this.#copies.get(name)![k]),
    );
    const [gradients, ...others] = read;
    const all = { ...inputs };
    this.#inputs.forEach((name, k) => all[name] = others[k]);
    const params = treeOf(variables, (_, name) => this.#placed.get(name)!.tensor);
    this.#steps.of(variables)
      .step(params, gradients, state, all, this.#doing, { missing: "skip" });
    for (const name of reads.keys()) this.#give(this.#placed.get(name)!);
  }

  evaluate(variables: Variables, state: State, doing: string): Map<string, TfTensor> {
    this.#place(variables);
    const params = treeOf(variables, (_, name) => this.#placed.get(name)!.tensor);
    const made = this.#steps.of(variables).evaluate(params, state, doing) as Record<
      string,
      GpuTensor
    >;
    try {
      return new Map(
        Object.entries(made).map(([name, leaf]) => [name, this.tensor(leaf)] as const),
      );
    } finally {
      release(made);
    }
  }

  read(leaf: StateLeaf): ArrayLike<number> {
    const tensor = this.tensor(leaf);
    try {
      return tensor.dataSync();
    } catch (error) {
      throw new GradusError(
        `${this.#doing}: its state is on the GPU, and cannot be read there at once (${error}): ` +
          `\`await optimizer.setWeights(await optimizer.getWeights())\` brings it to the host`,
      );
    } finally {
      tensor.dispose();
    }
  }

  write(leaf: StateLeaf, numbers: Float32Array<ArrayBuffer>): void {
    const { buffer, offset = 0 } = leaf as GpuTensor;
    this.#backend.device.queue.writeBuffer(buffer, offset, numbers);
  }

  copy(from: StateLeaf, to: StateLeaf): void {
    const [source, target] = [from as GpuTensor, to as GpuTensor];
    this.#enqueue((encoder) =>
      encoder.copyBufferToBuffer(
        source.buffer,
        source.offset ?? 0,
        target.buffer,
        target.offset ?? 0,
        4 * sizeOf(source.shape),
      )
    );
  }

  tensor(leaf: StateLeaf): TfTensor {
    const { shape, dtype } = leaf as GpuTensor;
    if (sizeOf(shape) === 0) return this.#tf.tensor(new Float32Array(0), [...shape], "float32");
    const own = this.#bufferFor(shape);
    this.copy(leaf, own);
    // tfjs copies it into a buffer of its own.
    const tensor = this.#backend.createTensorFromGPUData(
      { buffer: own.buffer },
      [...shape],
      dtype === "int32" ? "int32" : "float32",
    );
    own.buffer.destroy();
    return tensor;
  }

  release(state: State): void {
    release(state);
  }

  dispose(): void {
    const isCurrent = this.#tf.backend() === this.#backend;
    for (const { variable, tensor, dataId } of this.#placed.values()) {
      // The variable goes on in a buffer of tfjs's own; on another backend tfjs moves it.
      if (isCurrent && !variable.isDisposed && variable.dataId === dataId) {
        this.#assign(variable, { buffer: tensor.buffer }, tensor.shape);
      }
      this.#retire({ tensor, dataId });
    }
    this.#copies.forEach((tensors) => release([...tensors]));
    this.#steps.dispose();
    [this.#placed, this.#copies] = [new Map(), new Map()];
    this.#flush();
  }

  /**
   * Sees to it that the numbers of variables are in buffers of ours, which nothing else is made of, and those
   * of others on the GPU.
   */
  #place(variables: Variables, others: readonly TfTensor[] = []): void {
    const { device, tensorMap } = this.#backend;
    for (const [name, placed] of this.#placed) {
      if (!placed.variable.isDisposed) continue;
      this.#placed.delete(name);
      release([...this.#copies.get(name) ?? []]);
      this.#copies.delete(name);
      this.#retire(placed);
    }
    for (const { dataId } of [...variables.values(), ...others]) this.#backend.uploadToGPU(dataId);
    this.#flush();
    const encoder = device.createCommandEncoder();
    for (const [name, variable] of variables) {
      const known = this.#placed.get(name);
      const isOurs = known?.dataId === variable.dataId;
      if (isOurs && this.#backend.refCount(variable.dataId) <= 1) continue;
      const isFree = known !== undefined && !isOurs && !tensorMap.has(known.dataId);
      const tensor = isFree ? known.tensor : this.#bufferFor(variable.shape);
      this.#copyInto(encoder, variable, tensor);
      if (known !== undefined && !isFree) this.#retire(known);
      this.#placed.set(name, { variable, tensor, dataId: variable.dataId });
    }
    device.queue.submit([encoder.finish()]);
  }

  /** Gives a variable what its buffer holds: as other data than before, since tfjs keeps what it has read. */
  #give(placed: Placed): void {
    const { variable, tensor } = placed;
    this.#assign(variable, { buffer: tensor.buffer, zeroCopy: true }, tensor.shape);
    placed.dataId = variable.dataId;
  }

  #assign(
    variable: TfVariable,
    data: { readonly buffer: GPUBuffer; readonly zeroCopy?: boolean },
    shape: readonly number[],
  ): void {
    // A buffer has a number at least, and tfjs reads all of it.
    if (sizeOf(shape) === 0) return;
    const tensor = this.#backend.createTensorFromGPUData(data, [...shape], "float32");
    variable.assign(tensor);
    tensor.dispose();
  }

  #copiesOf(name: string, { shape }: TfVariable): readonly GpuTensor[] {
    let copies = this.#copies.get(name);
    if (copies === undefined) {
      const blanks = Array.from(
        { length: this.#reads },
        () => ({ shape, kind: "tensor" as const }),
      );
      copies = place(this.#backend.device, blanks, this.#doing);
      this.#copies.set(name, copies);
    }
    return copies;
  }

  #copyInto(encoder: GPUCommandEncoder, { dataId, shape }: TfTensor, to: GpuTensor): void {
    const bytes = 4 * sizeOf(shape);
    if (bytes === 0) return;
    const { resource } = this.#backend.tensorMap.get(dataId);
    encoder.copyBufferToBuffer(resource as GPUBuffer, 0, to.buffer, to.offset ?? 0, bytes);
  }

  #enqueue(record: (encoder: GPUCommandEncoder) => void): void {
    const encoder = this.#backend.device.createCommandEncoder();
    record(encoder);
    this.#backend.device.queue.submit([encoder.finish()]);
  }

  /** Has tfjs submit what it has recorded, which is of tensors as they are now. */
  #flush(): void {
    this.#backend.ensureCommandEncoderReady();
    this.#backend.endComputePassEncoder();
    this.#backend.submitQueue();
    this.#shared = this.#shared.filter(({ tensor, dataId }) => {
      if (this.#backend.tensorMap.has(dataId)) return true;
      tensor.buffer.destroy();
      return false;
    });
  }

  #retire({ tensor, dataId }: Pick<Placed, "tensor" | "dataId">): void {
    this.#shared.push({ tensor, dataId });
  }

  /** A buffer of exactly so many numbers, as tfjs asks for. */
  #bufferFor(shape: readonly number[]): GpuTensor {
    const buffer = this.#backend.device.createBuffer({
      size: Math.max(4, 4 * sizeOf(shape)),
      usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
    });
    return { buffer, shape: [...shape], kind: "tensor" };
  }
}
