/** What users of tfjs are given: the methods that tfjs asks of an optimizer, and what Gradus adds. */
import type { State } from "../../runtime/trees/state.ts";
import type { TfConfig, TfNamedTensor, TfNamedTensorMap, TfTensor, TfVariable } from "./tf.ts";

/** What a step is given besides gradients: numbers, and tensors by the names of variables. */
export type TfInputs = Readonly<Record<string, number | TfNamedTensorMap>>;

/**
 * What `toTfjs` gives: an optimizer that tfjs takes, with its own methods and those of tfjs's optimizers.
 * `Tensors` is what tfjs calls tensors by name.
 *
 * The state of a variable begins when it is first stepped, and is told by the variable's name. A variable
 * without a gradient is left as it is, and so is its state; so is one that is not `trainable`.
 */
export interface TfjsOptimizer<Tensors = TfNamedTensorMap> extends Disposable {
  /** How many steps were taken. */
  readonly iterations: number;
  /**
   * The hyperparameter of this name, as the next step will use it. What is written here holds from the next
   * step on, whatever the optimizer was made with.
   *
   * @throws {GradusError} if the program has none, or it is no number.
   */
  learningRate: number;
  /**
   * What the last step used, by name. A number that is written here holds from the next step on; deleting it
   * returns to what the optimizer was made with.
   */
  readonly hyper: State["hyper"];
  /** As writing `learningRate`. */
  setLearningRate(learningRate: number): void;
  /**
   * One step on the gradients of what `f` computes, by the variables of `varList` or all that can be trained.
   * A program that reads the input `value` is given what `f` computes.
   *
   * @returns The value, if `returnCost`; it is the caller's to dispose of.
   * @throws {GradusError} as `applyGradients` does, or if the program reads `value` and that is on a GPU which
   * cannot be read at once; nothing is changed then.
   */
  minimize(f: () => TfTensor, returnCost?: boolean, varList?: TfVariable[]): TfTensor | null;
  /** The value of `f` and its gradients, by the names of variables. */
  computeGradients(
    f: () => TfTensor,
    varList?: TfVariable[],
  ): { value: TfTensor; grads: TfNamedTensorMap };
  /**
   * One step on gradients by the names of variables. `inputs` are the program's further inputs, if it reads
   * any.
   *
   * @throws {GradusError} if there is no such variable, or something is not float32 or not of its shape, or an
   * input is missing; nothing is changed then.
   */
  applyGradients(gradients: TfNamedTensorMap | TfNamedTensor[], inputs?: TfInputs): void;
  /**
   * What to evaluate a model with, as the program says, by the names of variables: the average where the
   * program averages, as `scheduleFreeAdamw`, `averageParams` and `lookahead` do; else the variables as they
   * are. The tensors are new, and the caller's to dispose of.
   *
   * `varList` is all variables that were stepped, if it is not given. After weights were set, or a model was
   * loaded with its optimizer, it must be given until the next step: those of a model are
   * `model.trainableWeights.map((weight) => weight.read())`.
   *
   * @throws {GradusError} if something of `varList` is no variable, or weights that were set are not theirs,
   * or the program divides by a hyperparameter that is 0 for good; nothing is changed then.
   */
  evaluationParams(varList?: TfVariable[]): Tensors;
  /**
   * What `run` gives while the variables hold what to evaluate with: {@linkcode evaluationParams}. Then they
   * are given back their own numbers, also where `run` throws; where it gives a promise, when that is settled.
   * Meanwhile this optimizer takes no steps.
   *
   * What is saved by `run` is a model to use; to go on from a file, save it outside.
   *
   * @example
   * ```ts
   * import { scheduleFreeSgd } from "@gradus/gradus";
   * import { toTfjs } from "@gradus/gradus/tfjs";
   * import { assertEquals } from "@std/assert";
   * import "@tensorflow/tfjs-backend-cpu";
   * import * as tf from "@tensorflow/tfjs-core";
   *
   * await tf.setBackend("cpu");
   * const y = tf.variable(tf.scalar(4));
   * const optimizer = toTfjs(scheduleFreeSgd({ learningRate: 1, b1: 0.5 }), tf);
   * for (let step = 0; step < 2; step++) optimizer.applyGradients({ [y.name]: tf.scalar(1) });
   * assertEquals(y.dataSync()[0], 2.25);
   * assertEquals(optimizer.withEvaluationParams(() => y.dataSync()[0]), 2.5); // such as `model.evaluate(…)`
   * assertEquals(y.dataSync()[0], 2.25);
   * ```
   *
   * @throws {GradusError} as `evaluationParams` does.
   */
  withEvaluationParams<T>(run: () => T, varList?: TfVariable[]): T;
  /** How many steps were taken, as the first of the weights. */
  saveIterations(): Promise<TfNamedTensor>;
  /** Takes the number of steps of the first of the weights; gives the others. */
  extractIterations(weights: TfNamedTensor[]): Promise<TfNamedTensor[]>;
  /**
   * The states: `iter`, then each state of all variables, `<variable>/<state>`, then the states that are
   * numbers. For Adam that is the order of `tf.train.adam`. The tensors are the optimizer's own: they stay
   * until the next call or `dispose`.
   */
  getWeights(): Promise<TfNamedTensor[]>;
  /**
   * Takes up states that `getWeights` gave, or `tf.train.adam` for an Adam. What is given stays the caller's.
   * Variables find theirs when they are next stepped: by their names, or where a loaded model has other names,
   * by their order.
   *
   * @throws {GradusError} if they are none of this program; nothing is changed then.
   */
  setWeights(weights: TfNamedTensor[]): Promise<void>;
  /** The program and the settings, as text. @throws {GradusError} if a setting has no text. */
  getConfig(): TfConfig;
  /** What tfjs's files call it. */
  getClassName(): string;
  /** Gives back what it holds; the variables stay. `using optimizer = …` does so at the end of a block. */
  dispose(): void;
}
