/**
 * ONNX Runtime Web: which of its builds runs what, and all that is known of where they fall short.
 *
 * - The builds for WebGPU have no float64 kernel, on the GPU or beside it.
 * - Their reductions see but a part of what has 65535·256 elements or more, unless it is by axes of few;
 *   in float32 those of all builds add one element after the other, which ends at 2^24 equal ones.
 * - All builds make, run and release one session at a time, across all sessions: two runs at once take each
 *   other's names and numbers.
 * - They take a device as an option of the provider, and ignore `env.webgpu.device`.
 * - They check neither that a buffer is long enough nor that its device is still there: run on one that
 *   was lost a moment ago, they end for good.
 * - A session whose run has failed takes the build down with its next run.
 * - Where a build fails to start, it never starts again; in Deno it does so for more than one thread, whose
 *   workers it begins from a blob.
 * - In Deno, a build that starts overwrites `Worker`.
 * - A worker of Deno has a location without an origin, of which none of them can be loaded.
 * - In a page whose memory cannot be shared they have one thread, whatever was asked for.
 * - Deno 2.9 panics when it is asked for the limits of a device whose adapter is garbage.
 */
import { hideLocation, showLocation } from "./location.ts";
import * as wasm from "onnxruntime-web/wasm";
import { GradusError, shown } from "../../dsl/errors.ts";

showLocation();

/** A build of ONNX Runtime Web. */
export type Runtime = Pick<typeof wasm, "InferenceSession" | "Tensor">;

/** A model that is ready to run, and the build that runs it. */
export interface Opened {
  readonly session: wasm.InferenceSession;
  readonly Tensor: Runtime["Tensor"];
}

/**
 * How far ONNX Runtime rewrites a graph before it runs it. Default `"disabled"`: of a step alone, its rewriting
 * (1/a·b into b/a, for one) changes bits and gains nothing.
 */
export type Optimization = NonNullable<
  wasm.InferenceSession.SessionOptions["graphOptimizationLevel"]
>;

/** Opens a model on WebAssembly. */
export function openOnWasm(
  bytes: Uint8Array,
  doing: string,
  optimization: Optimization = "disabled",
): Promise<Opened> {
  isOpen = true;
  const options = { executionProviders: ["wasm"], graphOptimizationLevel: optimization };
  return inTurn(() => open(wasm, bytes, options, doing));
}

let isOpen = false;

/** Sets how many threads WebAssembly runs on: one number for all sessions, before the first. */
export function requireThreads(threads: unknown, doing: string): void {
  if (typeof threads !== "number" || !Number.isInteger(threads) || threads < 1) {
    throw new GradusError(
      `${doing}: \`threads\` must be a whole number from 1: given ${shown(threads)}`,
    );
  }
  if (threads > 1 && "Deno" in globalThis) {
    throw new GradusError(
      `${doing}: \`threads\` must be 1 in Deno, which cannot start ONNX Runtime's worker threads: ` +
        `given ${threads}`,
    );
  }
  const { crossOriginIsolated } = globalThis as { readonly crossOriginIsolated?: boolean };
  if (threads > 1 && crossOriginIsolated === false) {
    throw new GradusError(
      `${doing}: \`threads\` must be 1 in a page that is not cross-origin isolated, where memory cannot be ` +
        `shared: given ${threads}`,
    );
  }
  const { numThreads = 0 } = wasm.env.wasm;
  if (isOpen && numThreads !== threads) {
    throw new GradusError(
      `${doing}: \`threads\` is one number for all sessions of ONNX Runtime, told with the first: ` +
        `given ${threads} after ${numThreads || "none"}`,
    );
  }
  wasm.env.wasm.numThreads = threads;
}

/** Opens a model on a device. */
export function openOnDevice(
  bytes: Uint8Array,
  device: GPUDevice,
  doing: string,
  optimization: Optimization = "disabled",
): Promise<Opened> {
  return inTurn(async () => {
    let runtime: Runtime;
    try {
      runtime = await webgpuBuild();
    } catch (error) {
      throw new GradusError(
        `${doing}: ONNX Runtime for WebGPU could not be loaded: ${messageOf(error)}`,
      );
    }
    // The types of 1.30 do not know of the device yet.
    const provider = { name: "webgpu", device } as wasm.InferenceSession.ExecutionProviderConfig;
    const options = {
      executionProviders: [provider],
      preferredOutputLocation: "gpu-buffer" as const,
      graphOptimizationLevel: optimization,
    };
    return open(runtime, bytes, options, doing);
  });
}

let build: Promise<Runtime> | undefined;

/**
 * The build for WebGPU, loaded when it is first asked for. Of the two, the one that waits by promises
 * of WebAssembly is 10 MB smaller and faster; where an engine has none, the other has its own means.
 */
function webgpuBuild(): Promise<Runtime> {
  if (build !== undefined) return build;
  hideLocation();
  build = "Suspending" in WebAssembly
    ? import("onnxruntime-web/jspi")
    : import("onnxruntime-web/webgpu");
  build.catch(() => build = undefined).finally(showLocation);
  return build;
}

async function open(
  { InferenceSession, Tensor }: Runtime,
  bytes: Uint8Array,
  options: wasm.InferenceSession.SessionOptions,
  doing: string,
): Promise<Opened> {
  const { Worker } = globalThis;
  try {
    const session = await InferenceSession.create(bytes, {
      ...options,
      // Errors: it would warn of each whole number that is counted on the processor.
      logSeverityLevel: 3,
    });
    return { session, Tensor };
  } catch (error) {
    throw new GradusError(`${doing}: ONNX Runtime refused the model: ${messageOf(error)}`);
  } finally {
    // A build that starts puts Node's workers in the place of the web's, whose scripts find no `self` there.
    if (globalThis.Worker !== Worker) Object.assign(globalThis, { Worker });
  }
}

let last: Promise<unknown> = Promise.resolve();

/** Does what concerns sessions once all that was begun before has ended. */
export function inTurn<T>(work: () => Promise<T>): Promise<T> {
  const result = last.then(work);
  last = result.catch(() => {});
  return result;
}

/** Keeps adapters for as long as their devices. */
const adapters = new WeakMap<GPUDevice, GPUAdapter>();

/** A device of our own, with all that the adapter has which an optimizer may need. */
export async function requestDevice(doing: string): Promise<GPUDevice> {
  const adapter = await globalThis.navigator?.gpu?.requestAdapter({
    powerPreference: "high-performance",
  });
  if (!adapter) {
    const given = globalThis.navigator?.gpu === undefined ? "no `navigator.gpu`" : "no adapter";
    throw new GradusError(
      `${doing}: \`executionProvider\` "webgpu" needs a GPU, or a driver that stands in for one: ` +
        `given ${given}`,
    );
  }
  const { maxBufferSize, maxStorageBufferBindingSize, maxStorageBuffersPerShaderStage } =
    adapter.limits;
  const device = await adapter.requestDevice({
    requiredFeatures: adapter.features.has("shader-f16") ? ["shader-f16"] : [],
    requiredLimits: { maxBufferSize, maxStorageBufferBindingSize, maxStorageBuffersPerShaderStage },
  });
  adapters.set(device, adapter);
  return device;
}

/** Refuses what is no device. */
export function requireDevice(device: unknown, doing: string): asserts device is GPUDevice {
  if (typeof GPUDevice !== "undefined" && device instanceof GPUDevice) return;
  throw new GradusError(`${doing}: \`device\` must be a GPUDevice: given ${shown(device)}`);
}

/** What an error says, no longer than a message may be. */
export function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).slice(0, 500);
}
