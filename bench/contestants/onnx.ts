/** The same optimizer's ONNX graph on onnxruntime-web: on WebAssembly, and on a GPU. */
import * as ort from "onnxruntime-web/wasm";
import { GradusError, type Optimizer } from "@gradus/gradus";
import { toOnnx } from "@gradus/gradus/onnx";
import { type GpuTensor, OrtOptimizer } from "@gradus/gradus/ort";
import { Absent, type Contestant, type Stepper } from "../contestant.ts";
import { numbersAt, shapeOf } from "../tasks.ts";
import { ENQUEUED } from "./webgpu.ts";

/** ONNX Runtime Web on WebAssembly, one thread, run directly: no trees and no copies of ours. */
export const onnx: Contestant = {
  name: "onnxruntime-web, our ONNX graph",
  takes: () => true,
  open: async ({ optimizer }, size): Promise<Stepper | Absent> => {
    const shape = shapeOf(size);
    const bytes = exported(optimizer, shape, "float64");
    if (bytes instanceof Absent) return bytes;
    ort.env.wasm.numThreads = 1;
    const session = await ort.InferenceSession.create(bytes, { executionProviders: ["wasm"] });
    const numbers = numbersAt(size);
    const tensor = (data: Float32Array) => new ort.Tensor("float32", data, shape);
    const feeds: Record<string, ort.Tensor> = {};
    for (const input of session.inputMetadata) {
      if (!input.isTensor || input.name === "count") continue;
      const extents = input.shape.map(Number);
      const zeros = new Float32Array(extents.reduce((a, b) => a * b, 1));
      feeds[input.name] = new ort.Tensor("float32", zeros, extents);
    }
    [feeds.w, feeds.g] = [tensor(numbers.w), tensor(numbers.g)];
    let count = 0n;
    return {
      async step() {
        feeds.count = new ort.Tensor("int64", BigInt64Array.of(count++), []);
        const results = await session.run(feeds);
        for (const name of session.outputNames) {
          feeds[name.slice("next/".length)] = results[name] as ort.Tensor;
        }
      },
      result: () => feeds.w.data as Float32Array,
      close: () => session.release(),
    };
  },
};

/** ONNX Runtime Web on WebGPU, where parameters, gradients and states are on the GPU all along. */
export const onnxOnWebgpu: Contestant = {
  name: "onnxruntime-web on WebGPU, our ONNX graph",
  takes: () => true,
  open: async ({ optimizer }, size): Promise<Stepper | Absent> => {
    if (!await globalThis.navigator.gpu?.requestAdapter()) return new Absent("There is no GPU.");
    const shape = shapeOf(size);
    const bytes = exported(optimizer, shape, "float32");
    if (bytes instanceof Absent) return bytes;
    const opt = await OrtOptimizer.load(bytes, { executionProvider: "webgpu" });
    const device = opt.device!;
    const numbers = numbersAt(size);
    const params = { data: numbers.w.slice(), shape };
    const gradients = onGpu(device, numbers.g, shape);
    const state = opt.init(params);
    let enqueued = 0;
    return {
      async step() {
        await opt.step(params, gradients, state);
        if (++enqueued % ENQUEUED === 0) await device.queue.onSubmittedWorkDone();
      },
      result: async () => (await opt.download(params)).data,
      close: async () => {
        gradients.buffer.destroy();
        await opt.dispose();
      },
    };
  },
};

function exported(
  optimizer: Optimizer,
  shape: readonly number[],
  precision: "float64" | "float32",
): Uint8Array | Absent {
  try {
    return toOnnx(optimizer, shape, { precision });
  } catch (error) {
    if (error instanceof GradusError) return new Absent(error.message);
    throw error;
  }
}

function onGpu(device: GPUDevice, data: Float32Array, shape: readonly number[]): GpuTensor {
  const { STORAGE, COPY_SRC, COPY_DST } = GPUBufferUsage;
  const size = Math.ceil(data.byteLength / 16) * 16;
  const buffer = device.createBuffer({ size, usage: STORAGE | COPY_SRC | COPY_DST });
  device.queue.writeBuffer(buffer, 0, data.slice());
  return { buffer, shape };
}
