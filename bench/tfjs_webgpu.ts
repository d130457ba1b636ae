/** Lets tfjs compute on WebGPU, where there is a GPU. */

/** Whether tfjs has its backend on WebGPU now. */
export async function hasTfjsWebGpu(): Promise<boolean> {
  if (!await globalThis.navigator.gpu?.requestAdapter()) return false;
  // tfjs looks for a page or a worker before it looks for WebGPU.
  if (!("WorkerGlobalScope" in globalThis)) {
    Object.assign(globalThis, { WorkerGlobalScope: class {} });
  }
  await import("@tensorflow/tfjs-backend-webgpu");
  return true;
}
