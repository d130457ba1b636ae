/** Has variables hold other numbers while something runs. */
import { operationsOf } from "./ops.ts";
import type { Tfjs, TfTensor, TfVariable } from "./tf.ts";

/**
 * What `run` gives, with variables that hold these numbers, which are used up. Afterwards each has its own
 * again, whatever happened: where `run` gives a promise, when that is settled. Then `end` is called.
 */
export function holding<T>(
  tf: Tfjs,
  numbers: ReadonlyMap<TfVariable, TfTensor>,
  run: () => T,
  end: () => void,
): T {
  const own = new Map<TfVariable, TfTensor>();
  const giveBack = () => {
    for (const [variable, tensor] of own) {
      if (!variable.isDisposed) variable.assign(tensor);
      tensor.dispose();
    }
    end();
  };
  let result: T;
  try {
    for (const [variable, tensor] of numbers) {
      // A clone is of the same data, and nothing is copied. A `tidy` may end before a promise is settled.
      own.set(variable, tf.keep(operationsOf(tf).clone(variable)));
      variable.assign(tensor);
      tensor.dispose();
    }
    result = run();
  } catch (error) {
    giveBack();
    throw error;
  }
  if (isPromise(result)) return Promise.resolve(result).finally(giveBack) as T;
  giveBack();
  return result;
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value &&
    typeof value.then === "function";
}
