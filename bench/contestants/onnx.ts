/** The same optimizer's ONNX graph on onnxruntime-web, run directly: no trees and no copies of ours. */
import * as ort from "onnxruntime-web/wasm";
import { GradusError } from "@gradus/gradus";
import { toOnnx } from "@gradus/gradus/onnx";
import { Absent, type Contestant, type Stepper } from "../contestant.ts";
import { numbersAt, shapeOf } from "../tasks.ts";

/** ONNX Runtime Web on WebAssembly, one thread. */
export const onnx: Contestant = {
  name: "onnxruntime-web, our ONNX graph",
  takes: () => true,
  open: async ({ optimizer }, size): Promise<Stepper | Absent> => {
    const shape = shapeOf(size);
    let bytes: Uint8Array;
    try {
      bytes = toOnnx(optimizer, shape);
    } catch (error) {
      if (error instanceof GradusError) return new Absent(error.message);
      throw error;
    }
    ort.env.wasm.numThreads = 1;
    const session = await ort.InferenceSession.create(bytes, { executionProviders: ["wasm"] });
    const numbers = numbersAt(size);
    const tensor = (data: Float32Array) => new ort.Tensor("float32", data, shape);
    const feeds: Record<string, ort.Tensor> = Object.fromEntries(
      session.inputNames.map((name) => [name, tensor(new Float32Array(size))]),
    );
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
