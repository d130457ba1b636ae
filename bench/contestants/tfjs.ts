/** TensorFlow.js on WebAssembly: its Adam, which has no decay of the weights, and its momentum. */
import "npm:@tensorflow/tfjs-backend-wasm@4.22.0";
import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import type { Contestant, Stepper } from "../contestant.ts";
import { HYPER, numbersAt, shapeOf } from "../tasks.ts";

const { learningRate, momentum } = HYPER;

const optimizers: Readonly<Record<string, () => tf.Optimizer>> = {
  adamw: () => tf.train.adam(learningRate),
  sgd: () => tf.train.momentum(learningRate, momentum),
};

/** TensorFlow.js, one thread. */
export const tfjs: Contestant = {
  name: "tfjs-wasm Adam or momentum",
  takes: ({ optimizer }) => optimizer.program.name in optimizers,
  open: async ({ optimizer }, size): Promise<Stepper> => {
    await tf.setBackend("wasm");
    const numbers = numbersAt(size);
    const w = tf.variable(tf.tensor(numbers.w, shapeOf(size)));
    const g = tf.tensor(numbers.g, shapeOf(size));
    const made = optimizers[optimizer.program.name]();
    return {
      step: () => made.applyGradients({ [w.name]: g }),
      result: () => w.dataSync() as Float32Array,
      close: () => [made, w, g].forEach((each) => each.dispose()),
    };
  },
};
