/** Runs a graph on WebAssembly: arrays go in and come back at every step, so it holds none. */
import type * as ort from "onnxruntime-web/wasm";
import { GradusError } from "../../dsl/errors.ts";
import type { LeafInfo } from "../../runtime/leaves.ts";
import type { DType, NumberArray } from "../../runtime/storage.ts";
import type { Layout } from "../../runtime/trees.ts";
import type { ReadModel } from "../onnx/proto.ts";
import type { Engine, Run } from "./engine.ts";
import type { GpuTensor, Held } from "./gpu_tensor.ts";
import { messageOf, type Opened } from "./runtime.ts";
import { at, copyInto, layoutOf, numberOf, tensorOf } from "./tensors.ts";

/** The engine of `executionProvider: "wasm"`. */
export class WasmEngine implements Engine {
  readonly device: undefined = undefined;
  readonly #session: ort.InferenceSession;
  readonly #model: ReadModel;

  constructor({ session }: Opened, model: ReadModel) {
    [this.#session, this.#model] = [session, model];
  }

  layoutOf(params: unknown, doing: string): Layout {
    return layoutOf(params, this.#model, doing);
  }

  align(
    layout: Layout,
    tree: unknown,
    what: string,
    doing: string,
    dtypeOf: (info: LeafInfo) => DType,
  ): NumberArray[] {
    return layout.align(tree, what, doing, (info) => [dtypeOf(info)], ({ shape }) => shape);
  }

  async run({ layout, written, gradients, numbers, doing }: Run): Promise<void> {
    const feeds: Record<string, ort.Tensor> = {};
    for (const [name, number] of numbers) feeds[name] = numberOf(name, number, this.#model);
    for (const [name, arrays] of [...written, ["g", gradients] as const]) {
      layout.leaves.forEach((info, i) =>
        feeds[at(name, info)] = tensorOf(arrays[i] as NumberArray, info.shape)
      );
    }
    let results: ort.InferenceSession.OnnxValueMapType;
    try {
      results = await this.#session.run(feeds);
    } catch (error) {
      throw new GradusError(`${doing}: ONNX Runtime failed: ${messageOf(error)}`);
    }
    for (const [name, arrays] of written) {
      layout.leaves.forEach((info, i) =>
        copyInto(arrays[i] as NumberArray, results[`next/${at(name, info)}`] as ort.Tensor)
      );
    }
  }

  download(): Promise<ReadonlyMap<GpuTensor, Float32Array>> {
    return Promise.resolve(new Map());
  }

  upload(): void {}

  bufferOf(_leaf: Held): undefined {}

  release(): void {}

  dispose(): Promise<void> {
    return this.#session.release();
  }
}
