/** What users of tfjs are given: the methods that tfjs asks of an optimizer, and what Gradus adds. */
import type { State } from "../../runtime/trees/state.ts";
import type { TfConfig, TfNamedTensor, TfNamedTensorMap, TfTensor, TfVariable } from "./tf.ts";

/** What a step is given besides gradients: numbers, and tensors by the names of variables. */
export type TfInputs = Readonly<Record<string, number | TfNamedTensorMap>>;

/**
 * What `toTfjs` gives: an optimizer that tfjs takes, with its own methods and those of tfjs's optimizers.
 *
 * The state of a variable begins when it is first stepped, and is told by the variable's name. A variable
 * without a gradient is left as it is, and so is its state; so is one that is not `trainable`.
 */
export interface TfjsOptimizer {
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
  /** Gives back what it holds; the variables stay. */
  dispose(): void;
}
