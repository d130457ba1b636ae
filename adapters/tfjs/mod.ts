/**
 * Optimizers for TensorFlow.js: `toTfjs` gives what `model.compile` and users of `tf.train.Optimizer` take,
 * `registerTfjs` lets models be saved and loaded with it.
 *
 * ```ts
 * import { lion } from "@gradus/gradus";
 * import { toTfjs } from "@gradus/gradus/tfjs";
 * import { assertEquals } from "@std/assert";
 * import "@tensorflow/tfjs-backend-cpu";
 * import * as tf from "@tensorflow/tfjs-core";
 *
 * await tf.setBackend("cpu");
 * const x = tf.variable(tf.tensor1d([1, -1]));
 * const optimizer = toTfjs(lion({ learningRate: 0.25, weightDecay: 0 }), tf);
 * optimizer.applyGradients({ [x.name]: tf.tensor1d([2, -2]) });
 * assertEquals(Array.from(await x.data()), [0.75, -0.75]);
 * optimizer.dispose();
 * ```
 *
 * @module
 */
export { type NamedTensorsOf, type OptimizerOf, registerTfjs, toTfjs } from "./to_tfjs.ts";
export type { TfInputs, TfjsOptimizer } from "./tfjs_optimizer.ts";
export type {
  TfClass,
  TfConfig,
  Tfjs,
  TfNamedTensor,
  TfNamedTensorMap,
  TfOps,
  TfTensor,
  TfTensorInfo,
  TfVariable,
} from "./tf.ts";
