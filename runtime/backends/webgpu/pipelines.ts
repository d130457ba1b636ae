/** Pipelines of kernels, compiled once for a device. */
import { featuresOf } from "./features.ts";
import { codeOf, type Kernel } from "./kernel.ts";

/** A compiled kernel. */
export interface Pipeline {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
  /** Why the device refuses it, which is known some time after it is asked. */
  refusal?: string;
}

const compiled = new WeakMap<GPUDevice, Map<string, Pipeline>>();

/** The pipeline of a kernel: kernels of equal text share it, whatever their programs. */
export function pipelineOf(device: GPUDevice, kernel: Kernel): Pipeline {
  let known = compiled.get(device);
  if (known === undefined) compiled.set(device, known = new Map());
  const code = codeOf(kernel, featuresOf(device));
  let pipeline = known.get(code);
  if (pipeline === undefined) {
    device.pushErrorScope("validation");
    const made: Pipeline = compile(device, kernel, code);
    known.set(code, pipeline = made);
    // Of a device that is lost nothing is said.
    device.popErrorScope().then(
      (error) => {
        if (error) made.refusal = error.message;
      },
      () => {},
    );
  }
  return pipeline;
}

/** How many buffers a kernel binds. */
export function bindingsOf({ arrays, partials }: Kernel): number {
  return 2 + arrays.length + (partials === "none" ? 0 : 1);
}

function compile(device: GPUDevice, kernel: Kernel, code: string): Pipeline {
  const { arrays, partials, writesNumbers } = kernel;
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
