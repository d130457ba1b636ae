/** A device of one's own. */
import { GradusError } from "../../../dsl/errors.ts";

// Deno 2.9 ends the process where a device is asked for its adapter after that was collected.
const adapters = new WeakMap<GPUDevice, GPUAdapter>();

/** Opens a device with the adapter's greatest limits on buffers. */
export async function openDevice(doing: string): Promise<GPUDevice> {
  const adapter = await globalThis.navigator?.gpu?.requestAdapter();
  if (!adapter) {
    throw new GradusError(
      `${doing}: a WebGPU adapter is needed: this place has ${
        globalThis.navigator?.gpu ? "no adapter" : "no WebGPU"
      }`,
    );
  }
  const { maxBufferSize, maxStorageBufferBindingSize, maxStorageBuffersPerShaderStage } =
    adapter.limits;
  const device = await adapter.requestDevice({
    requiredLimits: { maxBufferSize, maxStorageBufferBindingSize, maxStorageBuffersPerShaderStage },
  });
  adapters.set(device, adapter);
  return device;
}
