/** Gradus: the network's ONNX model, a loss and AdamW as one graph, on onnxruntime-web. */
import { adamw, GradusError } from "@gradus/gradus";
import { OrtTrainer } from "@gradus/gradus/ort";
import { crossEntropy, trainingStep } from "@gradus/gradus/train";
import { Absent } from "../contestant.ts";
import { ADAMW, type Trainer, type Training } from "./contestant.ts";
import type { Network } from "./networks.ts";

/** The bytes of a network's training step; with float64, the graph forms the numbers of a step by itself. */
export function stepOf(
  network: Network,
  precision?: "float32" | "float64",
  remat?: boolean,
): Uint8Array<ArrayBuffer> {
  const loss = crossEntropy({ logits: "logits", axis: network.axis });
  // The mask of a transformer is a constant of floats too.
  const params = Object.keys(network.params);
  return trainingStep(network.model(), adamw(ADAMW), { loss, params, precision, remat });
}

/** Training on WebAssembly, by so many threads, or on WebGPU. */
export function gradusOn(executionProvider: "wasm" | "webgpu", threads: number): Trainer {
  const where = executionProvider === "webgpu" ? "WebGPU" : `wasm, ${threads} thread`;
  return {
    name: `OrtTrainer, ${where}${threads > 1 ? "s" : ""}`,
    open: async (network): Promise<Training | Absent> => {
      const isGpu = executionProvider === "webgpu";
      if (isGpu && !await globalThis.navigator.gpu?.requestAdapter()) {
        return new Absent("there is no GPU");
      }
      const options = isGpu ? { executionProvider } : { executionProvider, threads };
      let trainer: OrtTrainer;
      try {
        trainer = await OrtTrainer.load(stepOf(network), options);
      } catch (error) {
        if (error instanceof GradusError) return new Absent(error.message);
        throw error;
      }
      return { step: () => trainer.step({ ...network.batch }), close: () => trainer.dispose() };
    },
  };
}
