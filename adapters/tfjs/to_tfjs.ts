/** The way of an optimizer into tfjs, and into what tfjs saves and loads. */
import type { Optimizer } from "../../runtime/optimizer.ts";
import { readConfig } from "./config.ts";
import { GradusTfjs } from "./optimizer.ts";
import type { TfConfig, Tfjs, TfNamedTensorMap } from "./tf.ts";
import type { TfjsOptimizer } from "./tfjs_optimizer.ts";

/** What the tfjs that is given takes for an optimizer. */
export type OptimizerOf<T> = T extends
  { readonly Optimizer: abstract new (...given: never) => infer O } ? O : unknown;

/** What the tfjs that is given calls tensors by name. */
export type NamedTensorsOf<T> = OptimizerOf<T> extends
  { computeGradients(...given: never): { readonly grads: infer Tensors } } ? Tensors
  : TfNamedTensorMap;

/**
 * An optimizer as tfjs takes them: `model.compile({ optimizer })`, `minimize`, `applyGradients`. `tf` is the
 * tfjs that it is to work with, `import * as tf` of `@tensorflow/tfjs` or of its core.
 *
 * A step runs where the variables are: on `cpu` and `wasm` by the kernels of Gradus on tfjs's own memory, on
 * `webgpu` by its shaders on tfjs's device, on others by tfjs's operations. The backend may be changed between
 * steps. What is written is a new tensor each time, so that clones keep their numbers.
 *
 * - Numbers of the step, such as bias corrections, are float64, rounded once. `tf.train.adam` forms them in
 *   float32 and has `epsilon` 1e-7 where Gradus has `eps` 1e-8.
 * - A mask or a tree of hyperparameters is by the names of variables, those that are not stepped or not yet
 *   too.
 * - An optimizer that averages evaluates by `optimizer.withEvaluationParams(() => model.evaluate(x, y))`.
 * - On other backends than `cpu` and `wasm`, states are stored as float32.
 *
 * @example
 * ```ts
 * import { adam } from "@gradus/gradus";
 * import { toTfjs } from "@gradus/gradus/tfjs";
 * import { assert } from "@std/assert";
 * import "@tensorflow/tfjs-backend-cpu";
 * import * as tf from "@tensorflow/tfjs-core";
 * import * as tfl from "@tensorflow/tfjs-layers";
 *
 * await tf.setBackend("cpu");
 * const model = tfl.sequential();
 * model.add(tfl.layers.dense({ units: 1, inputShape: [1] }));
 * model.compile({ optimizer: toTfjs(adam({ learningRate: 0.1 }), tf), loss: "meanSquaredError" });
 * const { history } = await model.fit(tf.tensor2d([[1], [2]]), tf.tensor2d([[2], [4]]), { epochs: 50 });
 * assert(history.loss.at(-1)! < history.loss[0]);
 * ```
 *
 * @throws {GradusError} if the backend that computes now lacks what a step needs.
 */
export function toTfjs<T extends Tfjs>(
  optimizer: Optimizer,
  tf: T,
): OptimizerOf<T> & TfjsOptimizer<NamedTensorsOf<T>> {
  return new GradusTfjs(optimizer, tf) as unknown as
    & OptimizerOf<T>
    & TfjsOptimizer<NamedTensorsOf<T>>;
}

/**
 * Lets tfjs load models that were saved with an optimizer of Gradus: `model.save(url, { includeOptimizer:
 * true })`, then `tf.loadLayersModel(url)`, which goes on exactly. The file holds the program's text and the
 * settings; what is read of a file may be anything, and is checked.
 *
 * @example
 * ```ts
 * import { lion } from "@gradus/gradus";
 * import { registerTfjs, toTfjs } from "@gradus/gradus/tfjs";
 * import { assertEquals } from "@std/assert";
 * import "@tensorflow/tfjs-backend-cpu";
 * import * as tf from "@tensorflow/tfjs-core";
 * import * as tfl from "@tensorflow/tfjs-layers";
 *
 * await tf.setBackend("cpu");
 * registerTfjs(tf);
 * const model = tfl.sequential();
 * model.add(tfl.layers.dense({ units: 1, inputShape: [1] }));
 * model.compile({ optimizer: toTfjs(lion({ learningRate: 0.1 }), tf), loss: "meanSquaredError" });
 * await model.fit(tf.tensor2d([[1], [2]]), tf.tensor2d([[2], [4]]), { epochs: 3 });
 *
 * let saved: tf.io.ModelArtifacts;
 * await model.save(
 *   tf.io.withSaveHandler((artifacts) => {
 *     saved = artifacts;
 *     return Promise.resolve({ modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: "JSON" } });
 *   }),
 *   { includeOptimizer: true },
 * );
 * const loaded = await tfl.loadLayersModel(tf.io.fromMemory(saved!));
 * assertEquals(loaded.optimizer.iterations, 3);
 * ```
 */
export function registerTfjs(tf: Tfjs): void {
  const fromConfig = (_: unknown, config: TfConfig): GradusTfjs => {
    const { optimizer, hyper } = readConfig(config, "Cannot load an optimizer of tfjs");
    const made = new GradusTfjs(optimizer, tf);
    Object.assign(made.hyper, hyper);
    return made;
  };
  // A class of its own, since what is read goes to this tfjs.
  tf.serialization.registerClass(Object.assign(class extends GradusTfjs {}, { fromConfig }));
}
