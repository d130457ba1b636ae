/// <reference lib="dom" />
/** Loads a step where it is to run: on the GPU if there is one, or else on the processor. */
import { OrtTrainer } from "../../../export/train/mod.ts";
import type { Plan } from "../protocol.ts";

/** A step that can be run. */
export interface Loaded {
  readonly trainer: OrtTrainer;
  readonly device: "webgpu" | "wasm";
  /** Why it does not run on the GPU, though there is one. */
  readonly note?: string;
}

/** Loads a step. */
export async function loaded(step: Uint8Array, device: Plan["device"]): Promise<Loaded> {
  if (device === "webgpu" || (device === "auto" && await hasGpu())) {
    try {
      const trainer = await OrtTrainer.load(step, { executionProvider: "webgpu" });
      return { trainer, device: "webgpu" };
    } catch (error) {
      if (device === "webgpu") throw error;
      const note = `The GPU could not be used, so it runs on the processor: ${
        (error as Error).message
      }`;
      return { ...await onWasm(step), note };
    }
  }
  return await onWasm(step);
}

async function onWasm(step: Uint8Array): Promise<Loaded> {
  // A static host gives no memory to share.
  return { trainer: await OrtTrainer.load(step, { threads: 1 }), device: "wasm" };
}

/** Whether there is a GPU that is none in software, which would be slower than the processor itself. */
async function hasGpu(): Promise<boolean> {
  const adapter = await navigator.gpu?.requestAdapter().catch(() => null);
  return adapter !== null && adapter !== undefined && !adapter.info.isFallbackAdapter;
}
