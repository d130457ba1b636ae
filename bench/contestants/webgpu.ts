/** Gradus on WebGPU: the planned loops as compute shaders, everything on the GPU all along. */
import { GradusError } from "@gradus/gradus";
import { WebGpuOptimizer } from "@gradus/gradus/webgpu";
import { Absent, type Contestant, type Stepper } from "../contestant.ts";
import { numbersAt, shapeOf } from "../tasks.ts";

/** How many steps are enqueued before one is waited for: a training loop does not wait for each. */
export const ENQUEUED = 10;

/** Gradus on WebGPU. */
export const webgpu: Contestant = {
  name: "Gradus, WebGPU",
  takes: () => true,
  open: async ({ optimizer }, size): Promise<Stepper | Absent> => {
    if (!await globalThis.navigator.gpu?.requestAdapter()) return new Absent("There is no GPU.");
    const gpu = await WebGpuOptimizer.create(optimizer);
    const { w, g } = numbersAt(size);
    const shape = shapeOf(size);
    const params = gpu.upload({ data: w, shape });
    const gradients = gpu.upload({ data: g, shape });
    try {
      const state = gpu.init(params);
      let enqueued = 0;
      return {
        step() {
          gpu.step(params, gradients, state);
          if (++enqueued % ENQUEUED === 0) return gpu.device.queue.onSubmittedWorkDone();
        },
        result: async () => (await gpu.download(params)).data as Float32Array,
        close: () => gpu.dispose(),
      };
    } catch (error) {
      gpu.dispose();
      if (error instanceof GradusError) return new Absent(error.message);
      throw error;
    }
  },
};
