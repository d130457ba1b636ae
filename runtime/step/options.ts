/** What the caller says of one step. */
import { GradusError, quoted, shown, suggestion } from "../../dsl/errors.ts";

/** Options of one step or update. */
export interface StepOptions {
  /**
   * What to do where a gradient is missing: null, undefined or left out. In a branch like that, all
   * gradients are missing. Default `"error"`.
   *
   * `"skip"` leaves the parameter and its states as they are, to the bit: nothing is added and nothing
   * decays. A reduction over the tree, such as a global norm, is of the gradients that are there.
   * `count`, and states kept once for the tree, go on, so that all parameters have the same bias
   * correction and the same schedule. If every gradient is missing, only `count` goes on.
   *
   * A wrapper that acts every few steps goes by that one clock: a parameter whose gradient is missing at
   * that step is left out. So give zeros to `multiSteps`, which adds up micro-batches. Otherwise a
   * parameter that is missing in the last of them makes no step with its earlier gradients, and a mean
   * counts a missing gradient as 0.
   */
  readonly missing?: "error" | "skip";
}

/** A tree like `T` of which leaves and branches may be null, undefined or left out. */
export type PartialTree<T> =
  | null
  | undefined
  | (T extends ArrayBufferView | { readonly shape: readonly number[] } ? T
    : { readonly [K in keyof T]?: PartialTree<T[K]> });

const WAYS: readonly unknown[] = ["error", "skip", undefined];

/** Whether leaves without gradients are skipped. */
export function skipsMissing(options: StepOptions | undefined, doing: string): boolean {
  if (options === undefined) return false;
  if (typeof options !== "object" || options === null) {
    throw new GradusError(`${doing}: its options must be an object: given ${shown(options)}`);
  }
  for (const key of Object.keys(options)) {
    if (key === "missing") continue;
    throw new GradusError(
      `${doing}: it has no option ${quoted(key)}${suggestion(key, ["missing"])}`,
    );
  }
  const { missing } = options;
  if (WAYS.includes(missing)) return missing === "skip";
  throw new GradusError(
    `${doing}: \`missing\` must be "error" or "skip": given ${shown(missing)}`,
  );
}
