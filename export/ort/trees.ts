/** The arrays of a trainer: flat trees of tensors by name, and the state of their optimizer. */
import { GradusError } from "../../dsl/errors.ts";
import { isTensor, type Tensor } from "../../runtime/trees/leaf.ts";
import { inheritFrom, type State } from "../../runtime/trees/state.ts";
import type { Taken } from "./engine.ts";

/** Tensors as a graph takes them. */
export function takenOf(tensors: Readonly<Record<string, Tensor>>): Taken[] {
  return Object.entries(tensors).map(([name, { data, shape }]) => ({
    name,
    leaf: data,
    dtype: (data as ArrayBufferView) instanceof Float64Array ? "float64" : "float32",
    shape,
  }));
}

/** A tree with arrays of its own. */
export function copied<T>(tree: T): T {
  if (ArrayBuffer.isView(tree)) return (tree as unknown as Float32Array).slice() as T;
  if (typeof tree !== "object" || tree === null) return tree;
  if (Array.isArray(tree)) return tree.map(copied) as T;
  return Object.fromEntries(Object.entries(tree).map(([key, part]) => [key, copied(part)])) as T;
}

/** A state with arrays of its own. */
export function copiedState(state: State): State {
  const copy = copied(state);
  inheritFrom(copy, state);
  return copy;
}

/** Refuses a state whose arrays are not those of `like`. */
export function requireAlike(state: State, like: State, doing: string): void {
  const visit = (given: unknown, wanted: unknown, path: string): void => {
    if (ArrayBuffer.isView(wanted)) {
      const isAlike = ArrayBuffer.isView(given) && given.constructor === wanted.constructor &&
        given.byteLength === wanted.byteLength;
      if (isAlike) return;
      throw new GradusError(
        `${doing}: state ${path} must be stored as the graph stores it, in ${wanted.byteLength} bytes ` +
          `of a ${wanted.constructor.name}`,
      );
    }
    if (typeof wanted !== "object" || wanted === null) return;
    const parts = isTensor(wanted) ? ["data"] : Object.keys(wanted);
    for (const key of parts) {
      const [one, other] = [given, wanted] as Readonly<Record<string, unknown>>[];
      visit(one?.[key], other[key], path === "" ? key : `${path}/${key}`);
    }
  };
  for (const [name, tree] of Object.entries(like)) {
    if (name !== "hyper" && Object.hasOwn(state, name)) visit(state[name], tree, name);
  }
}
