/** A device of one's own. */
import { GradusError } from "../../../dsl/errors.ts";

// Deno 2.9 ends the process where a device is asked for its adapter after that was collected.
const adapters = new WeakMap<GPUDevice, GPUAdapter>();

/** What kernels use where it is there. */
const USED = ["subgroups"] as const;

/** Opens a device with the adapter's greatest limits on buffers, and with what kernels use of its features. */
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
    requiredFeatures: USED.filter((feature) => adapter.features.has(feature)),
    requiredLimits: { maxBufferSize, maxStorageBufferBindingSize, maxStorageBuffersPerShaderStage },
  });
  adapters.set(device, adapter);
  return device;
}
