/** What a step in jax-js is given besides parameters and updates: its state and its inputs, and what they must be. */
import { GradusError, quoted, shown } from "../../dsl/errors.ts";
import type { Binding } from "../../runtime/step/binding.ts";
import type { Layout } from "../../runtime/trees/layout.ts";
import { sameShape } from "../../runtime/trees/leaf.ts";
import type { ArrayLibrary } from "../library.ts";
import type { GraphRule } from "./rule.ts";
import { isArray, readArray } from "./trees.ts";
import type { JaxArray, JaxTree } from "./types.ts";

/**
 * What an optimizer carries from step to step in jax-js, a tree of arrays: `count`, the number of updates so
 * far, int32; each state of the program under its name, a tree like the parameters' or an array without
 * axes; and `hyper`, the hyperparameters that were asked for.
 */
export type JaxState<A> = { count: A } & { [state: string]: JaxTree<A> };

/** What a step is given besides, by name: arrays without axes, numbers, or trees like the parameters. */
export type JaxInputs<A> = { readonly [input: string]: JaxTree<A> | number };

/** Parameters of one structure, and what the optimizer is there. */
interface Place {
  readonly layout: Layout;
  readonly binding: Binding;
}

/** Reads a state: the arrays of leaves go to `leaves`, those without axes are returned, all but `count`. */
export function readState<A extends JaxArray>(
  { program, carried }: GraphRule,
  { layout, binding }: Place,
  state: JaxState<A>,
  leaves: Map<string, readonly A[]>,
  doing: string,
): Map<string, A> {
  const tree = new Map<string, A>();
  const names = [...binding.live];
  const hyper = carried.size > 0 ? ["hyper"] : [];
  requireKeys(state, ["count", ...hyper, ...names], "the state", doing);
  requireNumber(state.count, "int32", "`count` of the state", doing);
  if (carried.size > 0) {
    requireKeys(state.hyper, [...carried.keys()], "`hyper` of the state", doing);
  }
  for (const name of carried.keys()) {
    const value = (state.hyper as Record<string, unknown>)[name];
    tree.set(
      name,
      requireNumber(value, "float32", `hyperparameter \`${name}\` of the state`, doing),
    );
  }
  for (const name of names) {
    const what = `state \`${name}\``;
    if (program.state.get(name)!.over === "tree") {
      tree.set(name, requireNumber(state[name], "float32", what, doing));
      continue;
    }
    const shapeOf = (_: unknown, leaf: number) => binding.stateShape(name, leaf);
    leaves.set(
      name,
      layout.align<A>(state[name], what, doing, readArray, () => ["float32"], shapeOf),
    );
  }
  return tree;
}

/** Reads the inputs that a program declares into `leaves` and `tree`. */
export function readInputs<A extends JaxArray>(
  { program }: GraphRule,
  { layout }: Place,
  inputs: JaxInputs<A>,
  library: ArrayLibrary<A>,
  leaves: Map<string, readonly A[]>,
  tree: Map<string, A>,
  doing: string,
): void {
  requireKeys(inputs, [...program.inputs.keys()], "the inputs", doing);
  const numbers: [name: string, value: number][] = [];
  for (const [name, kind] of program.inputs) {
    const [value, what] = [inputs[name], `input \`${name}\``];
    if (kind === "element") leaves.set(name, layout.alignLike<A>(value, what, doing, readArray));
    else if (typeof value === "number") numbers.push([name, value]);
    else tree.set(name, requireNumber(value, "float32", what, doing));
  }
  for (const [name, value] of numbers) tree.set(name, library.full(value, []));
}

/** Refuses what is no object with these very keys. */
function requireKeys(
  given: unknown,
  names: readonly string[],
  what: string,
  doing: string,
): asserts given is Record<string, unknown> {
  if (typeof given !== "object" || given === null || isArray(given) || Array.isArray(given)) {
    throw new GradusError(`${doing}: ${what} must be an object: given ${shown(given)}`);
  }
  const missing = names.find((name) => !Object.hasOwn(given, name));
  const further = Object.keys(given).find((name) => !names.includes(name));
  if (missing === undefined && further === undefined) return;
  const all = names.length === 0 ? "nothing" : names.map(quoted).join(", ");
  throw new GradusError(
    `${doing}: ${what} must have ${all}: ` +
      (missing === undefined ? `there is no ${quoted(further!)}` : `${quoted(missing)} is missing`),
  );
}

/** An array without axes. */
function requireNumber<A extends JaxArray>(
  value: unknown,
  dtype: string,
  what: string,
  doing: string,
): A {
  if (isArray(value) && value.dtype === dtype && sameShape(value.shape, [])) return value as A;
  const given = isArray(value)
    ? `one of ${value.dtype} and shape [${value.shape.join(", ")}]`
    : shown(value);
  throw new GradusError(
    `${doing}: ${what} must be an array of ${dtype} without axes: given ${given}`,
  );
}
