/** Runs a graph on a device, where parameters and states stay from step to step. */
import type * as ort from "onnxruntime-web/wasm";
import { TensorProto_DataType as DataType } from "onnx-buf";
import { GradusError } from "../../dsl/errors.ts";
import type { GpuTensor } from "../../runtime/trees/gpu_tensor.ts";
import { type Leaf, sizeOf, spellPath } from "../../runtime/trees/leaf.ts";
import { type Engine, outputsOf, type Run, type Taken, type Value, valueOf } from "./engine.ts";
import { asHeld, type Held, type HeldArray, type HeldLeaf, isInBuffer } from "./held.ts";
import { type HostNumber, type Split, split } from "./split.ts";
import type { ReadModel } from "../onnx/proto.ts";
import { Resident, type Slot } from "./resident.ts";
import {
  inTurn,
  messageOf,
  type Opened,
  openOnDevice,
  type Optimization,
  requestDevice,
  requireDevice,
} from "./runtime.ts";
import { fed, tensorOf } from "./tensors.ts";

/** The engine of `executionProvider: "webgpu"`. */
export class WebgpuEngine implements Engine {
  readonly device: GPUDevice;
  readonly #isOwnDevice: boolean;
  #opened: Opened;
  readonly #split: Split;
  readonly #optimization: Optimization | undefined;
  readonly #resident: Resident;
  #lost: GPUDeviceLostInfo | undefined;

  private constructor(
    device: GPUDevice,
    isOwnDevice: boolean,
    opened: Opened,
    split: Split,
    optimization: Optimization | undefined,
  ) {
    this.#optimization = optimization;
    [this.device, this.#isOwnDevice, this.#opened] = [device, isOwnDevice, opened];
    [this.#split, this.#resident] = [split, new Resident(device)];
    device.lost.then((info) => this.#lost = info);
  }

  /**
   * Opens a model on the caller's device, or on one of its own; `numbers` are the inputs of the step that
   * are one number.
   */
  static async open(
    bytes: Uint8Array,
    model: ReadModel,
    numbers: ReadonlySet<string>,
    given: GPUDevice | undefined,
    doing: string,
    optimization?: Optimization,
  ): Promise<WebgpuEngine> {
    if (given !== undefined) requireDevice(given, doing);
    const parts = split(bytes, (name) => !numbers.has(name), doing);
    const device = given ?? await requestDevice(doing);
    try {
      await requireAble(device, model, doing);
      const opened = await openOnDevice(parts.bytes, device, doing, optimization);
      return new WebgpuEngine(device, given === undefined, opened, parts, optimization);
    } catch (error) {
      if (given === undefined) device.destroy();
      throw error;
    }
  }

  read(node: unknown, path: string, doing: string): Leaf<HeldLeaf> | undefined {
    const leaf = asHeld(node, path, doing);
    if (leaf !== undefined && isInBuffer(leaf.data) && this.#resident.owns(leaf.data.buffer)) {
      throw new GradusError(
        `${doing}: ${
          spellPath(path)
        } must not be in a buffer that \`buffers\` handed out, which the ` +
          `next step may write: pass the array it stands for`,
      );
    }
    return leaf;
  }

  async run(run: Run): Promise<ReadonlyMap<string, number>> {
    const { written, read, numbers, further, doing } = run;
    this.#requirePresent(doing);
    const feeds: Record<string, ort.Tensor> = {};
    const fetches: Record<string, ort.Tensor | null> = {};
    const slots: Slot[] = [];
    const { given, made } = this.#split.numbersOf(numbers);
    for (const [name, number] of given) feeds[name] = this.#number(number);
    for (const taken of written) {
      const { name, leaf, dtype, shape } = taken;
      const slot = this.#resident.take(leaf, sizeOf(shape), dtype, doing);
      slots.push(slot);
      feeds[name] = this.#inBuffer(slot.front, taken);
      fetches[`next/${name}`] = this.#inBuffer(slot.back, taken);
    }
    for (const taken of read) {
      const { name, leaf, shape } = taken;
      feeds[name] = isInBuffer(leaf)
        ? this.#inBuffer(leaf.buffer, taken)
        : tensorOf(leaf, shape, this.#opened.Tensor);
    }
    for (const [name, value] of further?.feeds ?? []) {
      feeds[name] = fed(value, this.#opened.Tensor);
    }
    // Numbers that rest on data come back: a step that has any waits for them.
    const outputs = outputsOf(this.#opened.session.outputNames, run);
    for (const name of outputs) fetches[name] ??= null;
    let results: ort.InferenceSession.OnnxValueMapType;
    try {
      results = await inTurn(() => this.#opened.session.run(feeds, fetches));
    } catch (error) {
      // That the device is lost may be the reason, and be told only now.
      await aWhile();
      this.#requirePresent(doing);
      await this.#reopen(doing);
      throw new GradusError(`${doing}: ONNX Runtime failed: ${messageOf(error)}`);
    }
    const all = new Map(made);
    const places = new Set(written.map(({ name }) => `next/${name}`));
    const asked = new Map<string, Value>();
    for (const name of outputs) {
      if (places.has(name)) continue;
      const result = results[name] as ort.Tensor;
      const data = await inTurn(() => result.getData(true));
      if (further?.outputs.includes(name)) asked.set(name, valueOf(result, data));
      else all.set(name, Number(data[0]));
    }
    this.#requirePresent(doing);
    further?.take(asked);
    const encoder = this.device.createCommandEncoder();
    for (const slot of slots) slot.turn(encoder);
    this.device.queue.submit([encoder.finish()]);
    return all;
  }

  async download(
    leaves: ReadonlySet<Held>,
    doing: string,
  ): Promise<ReadonlyMap<GpuTensor, Float32Array>> {
    const wanted = new Map<HeldArray, GPUBuffer>();
    const copies = new Map<GpuTensor, Float32Array>();
    for (const leaf of leaves) {
      if (isInBuffer(leaf)) {
        const copy = new Float32Array(sizeOf(leaf.shape));
        copies.set(leaf, copy);
        wanted.set(copy, leaf.buffer);
      } else {
        const slot = this.#resident.find(leaf);
        if (slot !== undefined) wanted.set(leaf, slot.front);
      }
    }
    await this.#fetch(wanted, doing);
    return copies;
  }

  async numbersIn(
    leaves: ReadonlySet<Held>,
    doing: string,
  ): Promise<ReadonlyMap<Held, HeldArray>> {
    const wanted = new Map<HeldArray, GPUBuffer>();
    const copies = new Map<Held, HeldArray>();
    for (const leaf of leaves) {
      const from = isInBuffer(leaf) ? leaf.buffer : this.#resident.find(leaf)?.front;
      const copy = isInBuffer(leaf)
        ? leaf.dtype === "float16"
          ? new Uint16Array(sizeOf(leaf.shape))
          : new Float32Array(sizeOf(leaf.shape))
        : leaf.slice();
      copies.set(leaf, copy);
      if (from !== undefined) wanted.set(copy, from);
    }
    await this.#fetch(wanted, doing);
    return copies;
  }

  async #fetch(wanted: ReadonlyMap<HeldArray, GPUBuffer>, doing: string): Promise<void> {
    this.#requirePresent(doing);
    try {
      await this.#resident.download(wanted);
    } catch (error) {
      this.#requirePresent(doing);
      throw new GradusError(`${doing}: the device failed: ${messageOf(error)}`);
    }
    this.#requirePresent(doing);
  }

  upload(leaves: ReadonlySet<Held>, doing: string): void {
    this.#requirePresent(doing);
    for (const leaf of leaves) {
      const slot = this.#resident.find(leaf);
      if (slot !== undefined) this.#resident.upload(slot);
    }
  }

  bufferOf(leaf: Held): GPUBuffer | undefined {
    return this.#resident.find(leaf)?.front;
  }

  release(leaves: ReadonlySet<Held>): void {
    for (const leaf of leaves) this.#resident.release(leaf);
  }

  async dispose(): Promise<void> {
    await inTurn(() => this.#opened.session.release());
    this.#resident.dispose();
    if (this.#isOwnDevice) this.device.destroy();
  }

  // A session that has failed would take the whole build down with its next run.
  async #reopen(doing: string): Promise<void> {
    const { session } = this.#opened;
    await inTurn(() => session.release());
    this.#opened = await openOnDevice(this.#split.bytes, this.device, doing, this.#optimization);
  }

  #inBuffer(buffer: GPUBuffer, { dtype, shape }: Taken): ort.Tensor {
    const dataType = dtype as "float32" | "float16";
    return this.#opened.Tensor.fromGpuBuffer(buffer, { dataType, dims: [...shape] });
  }

  #number({ value, type }: HostNumber): ort.Tensor {
    const { Tensor } = this.#opened;
    if (type === DataType.INT64) return new Tensor("int64", BigInt64Array.of(BigInt(value)), []);
    if (type === DataType.BOOL) return new Tensor("bool", Uint8Array.of(value), []);
    return new Tensor("float32", Float32Array.of(value), []);
  }

  // ONNX Runtime runs on a device that is gone as if it were there.
  #requirePresent(doing: string): void {
    if (this.#lost !== undefined) throw lostError(this.#lost, doing);
  }
}

async function requireAble(
  device: GPUDevice,
  model: ReadModel,
  doing: string,
): Promise<void> {
  const lost = await Promise.race([device.lost, aWhile()]);
  if (lost) throw lostError(lost, doing);
  const codes = model.inputs.find(({ type }) => type === "uint8");
  if (codes !== undefined) {
    throw new GradusError(
      `${doing}: \`${codes.name}\` is stored as block8, of which WebGPU has no buffers: load it with ` +
        `\`executionProvider: "wasm"\``,
    );
  }
  const short = model.inputs.find(({ type }) => type === "float16");
  if (short !== undefined && !device.features.has("shader-f16")) {
    throw new GradusError(
      `${doing}: \`${short.name}\` is float16, and the device must have the feature "shader-f16": ` +
        `given one without`,
    );
  }
}

/** Lets what has happened be told. */
function aWhile(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

function lostError({ reason, message }: GPUDeviceLostInfo, doing: string): GradusError {
  return new GradusError(
    `${doing}: the GPUDevice must be at hand: it was lost (${
      reason || "unknown"
    }: ${message}); load ` +
      `the optimizer again, and go on from what was last downloaded`,
  );
}
