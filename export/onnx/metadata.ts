/** What an exported model says of itself beside its graph. */

/**
 * Keys of the metadata that every exported model carries.
 *
 * @example
 * ```ts
 * import { METADATA } from "@gradus/gradus/onnx";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(METADATA.program, "gradus.program");
 * ```
 */
export const METADATA = {
  /** The program as JSON text; its `evaluate` is what outputs `evaluate/<path>` are. */
  program: "gradus.program",
  /**
   * Each state's initial value as JSON: a number, the text of an expression of `w`, or, where it is
   * not the same for all, an object of those by the paths of the parameters that keep the state.
   */
  state: "gradus.state",
  /**
   * Each hyperparameter that is an input and its value as JSON: a number, the text of one that JSON
   * has not, or null for an opaque schedule.
   */
  inputs: "gradus.inputs",
  /**
   * Each hyperparameter as JSON, a tree where it was given as one: the text of each part that the
   * graph holds, and null for each that is an input.
   */
  hyper: "gradus.hyper",
  /** The state over the tree that the schedules of each hyperparameter see, as JSON; `{}` for `count`. */
  clocks: "gradus.clocks",
  /**
   * The numbers that whoever runs the graph computes, in float64, as JSON: for each input `step/…`, and
   * `next/<state>` for states that the graph does not carry, the text of an expression `value` and,
   * where it has any, which `hyper` inputs names in it stand for.
   */
  host: "gradus.host",
  /**
   * How parameters are arranged, as JSON: for a tree, by path the axes of the `matrices` that some are seen as,
   * or `{}`; for one vector the `leaves` it is made of in turn, by path and shape, and the `vectors` among the
   * hyperparameters.
   */
  layout: "gradus.layout",
  /**
   * Digests as JSON, by which one who reads a model tells that its `inputs`, `outputs`, `nodes`,
   * `functions`, `initializers`, `operators` or `metadata` are those that were written together.
   */
  digest: "gradus.digest",
} as const;

/** Keys of the metadata that a model joined with an optimizer carries besides {@linkcode METADATA}. */
export const JOINED = {
  /**
   * What the step was joined to, as JSON: the model's own `inputs` and `outputs`, by parameter the value in
   * the graph that is its gradient, `gradients`, and the output that is the `loss`, where that was told.
   */
  model: "gradus.joined",
  /**
   * What the optimizer was made with, as JSON: of each hyperparameter its `value`, and a `mask` and a `clock`
   * where it has them. In a value a schedule is the text `count => …`, and null where it has no expression.
   */
  settings: "gradus.settings",
  /** What the optimizer was made to store states as, by name, as JSON. */
  storage: "gradus.storage",
  /**
   * The inputs that whoever runs the graph draws anew for each step, as JSON: of each the `probability` of 0
   * and the `seed`, a whole number. Its other elements are 1/(1 - probability), as float32.
   */
  masks: "gradus.masks",
} as const;

/** The place of what is under `key` at a place in a tree. */
export function below(position: string, key: string): string {
  return position === "" ? key : `${position}/${key}`;
}

/** The name of a hyperparameter, or of its part at a place, as an input. */
export function inputName(name: string, position: string): string {
  return `hyper/${name}${position === "" ? "" : `/${position}`}`;
}
