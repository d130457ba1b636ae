/** A state in jax-js as one of Gradus, which can be saved and stepped by Gradus's own kernels, and back. */
import { GradusError, quoted, shown } from "../../dsl/errors.ts";
import type { Optimizer } from "../../runtime/optimizer.ts";
import { Binding } from "../../runtime/step/binding.ts";
import { ruleOf } from "../../runtime/step/rule.ts";
import { Layout, requireLeaves } from "../../runtime/trees/layout.ts";
import { asHostLeaf } from "../../runtime/trees/host_leaf.ts";
import { asLeaf } from "../../runtime/trees/leaf.ts";
import { requireState, type State, treeNumber } from "../../runtime/trees/state.ts";
import type { ArrayLibrary } from "../library.ts";
import type { GraphRule } from "./rule.ts";
import { type JaxState, readState } from "./state.ts";
import { inOrderOf, toJaxTree } from "./trees.ts";
import type { JaxArray, JaxNumpy, JaxTree, ReadableArray } from "./types.ts";

/** A new state of `optimizer` on `params`, with the numbers of a state in jax-js, which is used up. */
export function toHostState<A extends JaxArray>(
  optimizer: Optimizer,
  rule: GraphRule,
  params: object,
  state: JaxState<A>,
  doing: string,
): State {
  const made = optimizer.init(params);
  const { layout, binding } = placeOf(rule, params, doing);
  const leaves = new Map<string, readonly A[]>();
  const ofTree = readState(rule, { layout, binding }, state, leaves, doing);
  for (const [name, arrays] of leaves) {
    const kept = layout.leavesOf(made[name], `state \`${name}\``, doing, asHostLeaf);
    kept.forEach(({ data }, i) => (data as Float32Array).set(numbersOf(arrays[i])));
  }
  for (const [name, array] of ofTree) {
    const [number] = numbersOf(array);
    const begin = rule.carried.get(name);
    if (begin === undefined) made[name] = number;
    // What is as the optimizer was made was not written.
    else if (number !== Math.fround(begin)) made.hyper[name] = number;
  }
  made.count = numbersOf(state.count)[0];
  return made;
}

/** What a state of `optimizer` on `params` is in jax-js. */
export function fromHostState<A extends JaxArray>(
  optimizer: Optimizer,
  rule: GraphRule,
  params: object,
  state: State,
  { np, library }: { readonly np: JaxNumpy<A>; readonly library: ArrayLibrary<A> },
  doing: string,
): JaxState<A> {
  const { layout, binding: { live } } = placeOf(rule, params, doing);
  const { program, carried } = rule;
  requireState(state, program, live, layout.hasShort, ruleOf(optimizer), doing);
  for (const name of Object.keys(state.hyper)) {
    if (carried.has(name)) continue;
    throw new GradusError(
      `${doing}: ${
        quoted(name)
      } was written into the state, and must be carried by it: name it in ` +
        `\`hyper\` when the optimizer is made one of jax-js`,
    );
  }
  const hyper = [...carried].map(([name, begin]) => {
    const value = Object.hasOwn(state.hyper, name) ? state.hyper[name] : begin;
    if (typeof value === "number") return [name, value] as const;
    throw new GradusError(
      `${doing}: hyperparameter \`${name}\` of the state must be one number: given ${shown(value)}`,
    );
  });
  const numbers = [...live].filter((name) => program.state.get(name)!.over === "tree")
    .map((name) => [name, treeNumber(state, name, doing)] as const);
  const known = new Map<string, JaxTree<A>>(
    numbers.map(([name, value]) => [name, library.full(value, [])]),
  );
  const isLeaf = (node: unknown) => asLeaf(node, "", doing) !== undefined;
  const made: JaxState<A> = { count: np.full([], state.count, { dtype: "int32" as never }) };
  if (hyper.length > 0) {
    made.hyper = Object.fromEntries(
      hyper.map(([name, value]) => [name, library.full(value, [])]),
    );
  }
  for (const name of live) {
    made[name] = known.get(name) ??
      inOrderOf<A>(params, toJaxTree(state[name] as object, np), isLeaf);
  }
  return made;
}

function placeOf({ program, settings }: GraphRule, params: object, doing: string) {
  const layout = Layout.of(params, doing, asHostLeaf);
  requireLeaves(layout, doing);
  return { layout, binding: new Binding(program, settings, layout, params, doing) };
}

function numbersOf(array: JaxArray): Float32Array {
  return (array as ReadableArray).dataSync() as Float32Array;
}
