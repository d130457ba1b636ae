/** TensorFlow.js: its Adam, which has no decay of the weights, and its momentum, beside Gradus inside it. */
import "@tensorflow/tfjs-backend-cpu";
import "@tensorflow/tfjs-backend-wasm";
import * as tf from "@tensorflow/tfjs-core";
import { toTfjs } from "@gradus/gradus/tfjs";
import { Absent, type Contestant, type Stepper } from "../contestant.ts";
import { hasTfjsWebGpu } from "../tfjs_webgpu.ts";
import { HYPER, numbersAt, shapeOf, type Task } from "../tasks.ts";

const { learningRate, momentum } = HYPER;

const own: Readonly<Record<string, () => tf.Optimizer>> = {
  adamw: () => tf.train.adam(learningRate),
  sgd: () => tf.train.momentum(learningRate, momentum),
};

type Backend = "cpu" | "wasm" | "webgpu";

/** tfjs's backend on WebGPU, as far as it is waited for. */
interface GpuBackend {
  readonly device: GPUDevice;
  ensureCommandEncoderReady(): void;
  endComputePassEncoder(): void;
  submitQueue(): void;
}

/** Each backend: tfjs's own optimizer, and Gradus's as one of tfjs's. */
export const tfjs: readonly Contestant[] = (["cpu", "wasm", "webgpu"] as const).flatMap(
  (backend) => [
    {
      ...contestant(`tfjs-${backend} Adam or momentum`, backend, (task) => own[name(task)]()),
      // On the cpu, larger steps take seconds.
      ...(backend === "cpu" ? { largest: 100_000 } : {}),
    },
    contestant(`Gradus in tfjs-${backend}`, backend, ({ optimizer }) => toTfjs(optimizer, tf)),
  ],
);

function name({ optimizer }: Task): string {
  return optimizer.program.name;
}

function contestant(
  row: string,
  backend: Backend,
  make: (task: Task) => tf.Optimizer,
): Contestant {
  return {
    name: row,
    takes: (task) => name(task) in own,
    open: async (task, size): Promise<Stepper | Absent> => {
      if (backend === "webgpu" && !await hasTfjsWebGpu()) return new Absent("There is no GPU.");
      await tf.setBackend(backend);
      const numbers = numbersAt(size);
      const w = tf.variable(tf.tensor(numbers.w, shapeOf(size)));
      const g = tf.tensor(numbers.g, shapeOf(size));
      const made = make(task);
      const gradients = { [w.name]: g };
      return {
        // Others compute on other backends in between.
        prepare: () => void tf.setBackend(backend),
        step() {
          made.applyGradients(gradients);
          // tfjs keeps back what it has recorded: only what is waited for has been computed.
          if (backend === "webgpu") return done();
        },
        result: async () => await w.data() as Float32Array,
        async close() {
          await tf.setBackend(backend);
          [made, w, g].forEach((each) => each.dispose());
        },
      };
    },
  };
}

function done(): Promise<undefined> {
  const gpu = tf.backend() as unknown as GpuBackend;
  gpu.ensureCommandEncoderReady();
  gpu.endComputePassEncoder();
  gpu.submitQueue();
  return gpu.device.queue.onSubmittedWorkDone();
}
