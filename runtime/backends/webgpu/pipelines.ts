/** Pipelines of kernels, compiled once for a device. */
import type { Kernel } from "./kernel.ts";

/** A compiled kernel. */
export interface Pipeline {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
}

const compiled = new WeakMap<GPUDevice, Map<string, Pipeline>>();
const refused = new WeakMap<GPUDevice, string>();

/** What a device has said of a kernel that it refuses: it says so some time after it is asked. */
export function refusalOf(device: GPUDevice): string | undefined {
  return refused.get(device);
}

/** The pipeline of a kernel: kernels of equal text share it, whatever their programs. */
export function pipelineOf(device: GPUDevice, kernel: Kernel): Pipeline {
  let known = compiled.get(device);
  if (known === undefined) compiled.set(device, known = new Map());
  let pipeline = known.get(kernel.code);
  if (pipeline === undefined) {
    device.pushErrorScope("validation");
    known.set(kernel.code, pipeline = compile(device, kernel));
    // Of a device that is lost nothing is said.
    device.popErrorScope().then(
      (error) => error && refused.set(device, error.message),
      () => {},
    );
  }
  return pipeline;
}

/** How many buffers a kernel binds. */
export function bindingsOf({ arrays, partials }: Kernel): number {
  return 2 + arrays.length + (partials === "none" ? 0 : 1);
}

function compile(device: GPUDevice, kernel: Kernel): Pipeline {
  const { arrays, partials, writesNumbers, code } = kernel;
  const isWritten = [
    ...[false, writesNumbers],
    ...arrays.map((each) => each.isWritten),
    ...(partials === "none" ? [] : [partials === "written"]),
  ];
  const layout = device.createBindGroupLayout({
    entries: isWritten.map((written, binding) => ({
      binding,
      visibility: GPUShaderStage.COMPUTE,
      buffer: { type: written ? "storage" : "read-only-storage" },
    })),
  });
  const pipeline = device.createComputePipeline({
    layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
    compute: { module: device.createShaderModule({ code }), entryPoint: "main" },
  });
  return { pipeline, layout };
}
