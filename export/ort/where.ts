/** Where graphs run: what is said of it, and an engine there. */
import { GradusError, shown } from "../../dsl/errors.ts";
import { readModel } from "../onnx/proto.ts";
import type { Engine } from "./engine.ts";
import { openOnWasm, type Optimization } from "./runtime.ts";
import { WasmEngine } from "./wasm.ts";
import { WebgpuEngine } from "./webgpu.ts";

/** Where a graph runs. */
export interface WhereOptions {
  /**
   * Where the graph runs. Default `"wasm"`; `"webgpu"` loads another build of ONNX Runtime Web, of 17 MB
   * (27 MB where the engine's WebAssembly cannot wait for promises).
   */
  readonly executionProvider?: "wasm" | "webgpu";
  /**
   * The device that `"webgpu"` runs on. Default one of its own, gone with `dispose`. Hold on to
   * its adapter too: Deno 2.9 ends when it is asked for the limits of a device whose adapter is gone.
   */
  readonly device?: GPUDevice;
}

/** Refuses what is no place to run; `what` is run there. */
export function requireWhere(
  { executionProvider = "wasm", device }: WhereOptions,
  doing: string,
): void {
  if (executionProvider !== "wasm" && executionProvider !== "webgpu") {
    throw new GradusError(
      `${doing}: \`executionProvider\` must be "wasm" or "webgpu": given ${
        shown(executionProvider)
      }`,
    );
  }
  if (executionProvider === "wasm" && device !== undefined) {
    throw new GradusError(
      `${doing}: \`device\` is for \`executionProvider\` "webgpu": given one for "wasm"`,
    );
  }
}

/** Opens a model, whose inputs and outputs `numbers` are formed once a step. */
export async function openEngine(
  bytes: Uint8Array,
  numbers: ReadonlySet<string>,
  { executionProvider = "wasm", device }: WhereOptions,
  optimization: Optimization,
  doing: string,
): Promise<Engine> {
  const model = readModel(bytes);
  return executionProvider === "wasm"
    ? new WasmEngine(await openOnWasm(bytes, doing, optimization), model)
    : await WebgpuEngine.open(bytes, model, numbers, device, doing, optimization);
}
