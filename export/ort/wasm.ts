/** Runs a graph on WebAssembly: arrays go in and come back at every step, so it holds none. */
import type * as ort from "onnxruntime-web/wasm";
import { GradusError } from "../../dsl/errors.ts";
import type { ReadLeaf } from "../../runtime/trees/leaf.ts";
import type { ReadModel } from "../onnx/proto.ts";
import type { GpuTensor } from "../../runtime/trees/gpu_tensor.ts";
import { type Engine, outputsOf, type Run, valueOf } from "./engine.ts";
import { asArray, type Held, type HeldArray, type HeldLeaf } from "./held.ts";
import { inTurn, messageOf, type Opened } from "./runtime.ts";
import { copyInto, fed, numberFor, numberOf, tensorOf } from "./tensors.ts";

/** The engine of `executionProvider: "wasm"`. */
export class WasmEngine implements Engine {
  readonly device: undefined = undefined;
  readonly read: ReadLeaf<HeldLeaf> = asArray;
  readonly #session: ort.InferenceSession;
  readonly #model: ReadModel;

  constructor({ session }: Opened, model: ReadModel) {
    [this.#session, this.#model] = [session, model];
  }

  async run(run: Run): Promise<ReadonlyMap<string, number>> {
    const { written, read, numbers, further, doing } = run;
    const feeds: Record<string, ort.Tensor> = {};
    for (const [name, number] of numbers) feeds[name] = numberFor(name, number, this.#model);
    for (const { name, leaf, shape } of [...written, ...read]) {
      feeds[name] = tensorOf(leaf as HeldArray, shape);
    }
    for (const [name, value] of further?.feeds ?? []) feeds[name] = fed(value);
    let results: ort.InferenceSession.OnnxValueMapType;
    try {
      results = await inTurn(() =>
        this.#session.run(feeds, outputsOf(this.#session.outputNames, run))
      );
    } catch (error) {
      throw new GradusError(`${doing}: ONNX Runtime failed: ${messageOf(error)}`);
    }
    further?.take(
      new Map(further.outputs.map((name) => {
        const result = results[name] as ort.Tensor;
        return [name, valueOf(result, result.data)];
      })),
    );
    const places = new Map(written.map(({ name, leaf }) => [`next/${name}`, leaf]));
    const made = new Map<string, number>();
    for (const [name, result] of Object.entries(results)) {
      const leaf = places.get(name);
      if (further?.outputs.includes(name)) continue;
      if (leaf === undefined) made.set(name, numberOf(result as ort.Tensor));
      else copyInto(leaf as HeldArray, result as ort.Tensor);
    }
    return made;
  }

  download(): Promise<ReadonlyMap<GpuTensor, Float32Array>> {
    return Promise.resolve(new Map());
  }

  numbersIn(leaves: ReadonlySet<Held>): Promise<ReadonlyMap<Held, HeldArray>> {
    return Promise.resolve(new Map([...leaves].map((leaf) => [leaf, leaf as HeldArray])));
  }

  upload(): void {}

  bufferOf(_leaf: Held): undefined {}

  release(): void {}

  dispose(): Promise<void> {
    return inTurn(() => this.#session.release());
  }
}
