/** A worker with examples of its own, which never leave it: it gives gradients of them, or trains on them for a while. */
import { type Batch, OrtTrainer } from "@gradus/gradus/train";
import type { Tensor } from "@gradus/gradus";
import { env } from "onnxruntime-web/wasm";

/** Parameters or gradients, by name. */
export type Tensors = Record<string, Tensor>;

/** What a worker is asked for. */
export type Task =
  /** To load a training step and its examples: gives the parameters in the file. `beside` is where a page has ONNX Runtime. */
  | {
    readonly kind: "load";
    readonly step: Uint8Array;
    readonly batch: Batch;
    readonly beside?: string;
  }
  /** The loss at these parameters, and its gradients. */
  | { readonly kind: "gradients"; readonly params: Tensors }
  /** So many steps from these parameters on: gives the loss before them, and the parameters after. */
  | { readonly kind: "train"; readonly params: Tensors; readonly steps: number };

/** What it answers. */
export interface Answer {
  readonly loss: number;
  readonly tensors: Tensors;
}

let trainer: OrtTrainer;
let examples: Batch;

async function answer(task: Task): Promise<Answer> {
  if (task.kind === "load") {
    if (task.beside !== undefined) env.wasm.wasmPaths = task.beside;
    examples = task.batch;
    trainer = await OrtTrainer.load(task.step, { threads: 1 });
    return { loss: NaN, tensors: await trainer.params() };
  }
  await trainer.setParams(task.params);
  if (task.kind === "gradients") {
    const { loss, gradients } = await trainer.gradients(examples);
    return { loss, tensors: gradients };
  }
  const losses: number[] = [];
  for (let step = 0; step < task.steps; step++) losses.push(await trainer.step(examples));
  return { loss: losses[0], tensors: await trainer.params() };
}

// A worker's scope has other types than a page's.
const scope = globalThis as unknown as {
  onmessage: (message: { readonly data: Task }) => void;
  postMessage(answer: Answer | { readonly error: string }): void;
};
scope.onmessage = async ({ data }) => {
  scope.postMessage(await answer(data).catch((error) => ({ error: String(error) })));
};
