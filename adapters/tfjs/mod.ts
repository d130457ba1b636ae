/**
 * Optimizers for TensorFlow.js: `toTfjs` gives what `model.compile` and users of `tf.train.Optimizer` take.
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
 * optimizer.minimize(() => tf.sum(tf.mul(x, x)));
 * assertEquals(await x.array(), [0.75, -0.75]);
 * optimizer.dispose();
 * ```
 *
 * @module
 */
import type { Optimizer } from "../../runtime/optimizer.ts";
import { GradusTfjs, type TfjsOptimizer } from "./optimizer.ts";
import { readConfig } from "./config.ts";
import type { TfConfig, Tfjs } from "./tf.ts";

export type { TfInputs, TfjsOptimizer } from "./optimizer.ts";
export type {
  TfClass,
  TfConfig,
  Tfjs,
  TfNamedTensor,
  TfNamedTensorMap,
  TfTensor,
  TfTensorInfo,
  TfVariable,
} from "./tf.ts";
export type { Configured } from "../../runtime/step/binding.ts";

/** What tfjs itself calls an optimizer. */
export type OptimizerOf<T> = T extends
  { readonly Optimizer: abstract new (...given: never) => infer O } ? O
  : unknown;

export function toTfjs<T extends Tfjs>(
  optimizer: Optimizer,
  tf: T,
): OptimizerOf<T> & TfjsOptimizer {
  return new GradusTfjs(optimizer, tf) as TfjsOptimizer as OptimizerOf<T> & TfjsOptimizer;
}

export function registerTfjs(tf: Tfjs): void {
  const read = (config: TfConfig) => {
    const { optimizer, hyper } = readConfig(config, "Cannot load an optimizer");
    const made = new GradusTfjs(optimizer, tf);
    Object.assign(made.hyper, hyper);
    return made;
  };
  tf.serialization.registerClass(
    Object.assign(class extends GradusTfjs {}, {
      fromConfig: (_: unknown, config: TfConfig) => read(config),
    }),
  );
}
