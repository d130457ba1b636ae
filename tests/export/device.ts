/** Devices of a GPU, real or in software. */

// Mesa's drivers look for it, and complain where there is none.
if (!Deno.env.has("XDG_RUNTIME_DIR")) Deno.env.set("XDG_RUNTIME_DIR", "/tmp");

// Deno panics when it reads the limits of a device whose adapter was collected as garbage.
const adapters = new Map<GPUDevice, GPUAdapter>();

/** A device with those of `features` that there are, and the greatest limits. */
export async function deviceWith(features: readonly GPUFeatureName[]): Promise<GPUDevice> {
  // An adapter gives one device.
  const fresh = await navigator.gpu.requestAdapter();
  const requiredFeatures = features.filter((name) => fresh!.features.has(name));
  const { maxBufferSize, maxStorageBufferBindingSize, maxStorageBuffersPerShaderStage } =
    fresh!.limits;
  const device = await fresh!.requestDevice({
    requiredFeatures,
    requiredLimits: { maxBufferSize, maxStorageBufferBindingSize, maxStorageBuffersPerShaderStage },
  });
  adapters.set(device, fresh!);
  return device;
}
