/** What an optimizer carries from step to step: how it begins, and what it must be. */
import { axesByExtent } from "../dsl/axes.ts";
import { GradusError, quoted, shown, suggestion } from "../dsl/errors.ts";
import { Evaluator } from "../dsl/evaluate.ts";
import { type Node, postorder } from "../dsl/node.ts";
import type { Program } from "../dsl/program.ts";
import type { HyperNumbers } from "./hyper.ts";
import { interpret } from "./interpret.ts";
import { keptAxes, settleAxes } from "./axes.ts";
import type { Planned } from "./infer.ts";
import { MASTER } from "./master.ts";
import { plan } from "./plan.ts";
import { arithmeticOf, type DType, type NumberArray, store } from "./storage.ts";
import { asLeaf, type LeafInfo, mirror, spellPath } from "./leaves.ts";

/**
 * What an optimizer carries from step to step: a plain tree that can be looked at and saved. Besides
 * these it holds each state of the program under its name, a tree like the parameters'.
 *
 * Where parameters are stored short it also holds `master`: a float32 copy of each of these (and an
 * empty array for each other parameter), which a step reads and adds to. The parameter is that copy
 * rounded to nearest even, so who writes into a short parameter writes into its copy, or calls `init`.
 */
export interface State {
  /** The name of the optimizer that made it. */
  optimizer: string;
  /** The number of updates so far. */
  count: number;
  /**
   * The hyperparameters the last step used. A number written here holds from the next step on;
   * deleting one that is scheduled returns it to its schedule. Scheduled values follow from `count`
   * and are inherited, not own, so that only what was written is saved.
   */
  hyper: Record<string, HyperNumbers>;
  /** Each state of the program. */
  [state: string]: unknown;
}

/**
 * Refuses what is no state of `program`: one without one of `keys`, or with master copies that are not
 * among them. `hyper` are the names that may be written.
 */
export function requireState(
  state: State,
  program: Program,
  keys: ReadonlySet<string>,
  hyper: readonly string[],
  doing: string,
): void {
  const { name } = program;
  if (typeof state !== "object" || state === null || state.optimizer !== name) {
    const isNamed = typeof state?.optimizer === "string";
    const given = isNamed ? `one of "${state.optimizer.slice(0, 64)}"` : shown(state);
    throw new GradusError(`${doing}: the state must be one of "${name}": given ${given}`);
  }
  if (!Number.isSafeInteger(state.count) || state.count < 0) {
    throw new GradusError(
      `${doing}: the state's \`count\` must be a whole number from 0: given ${shown(state.count)}`,
    );
  }
  if (typeof state.hyper !== "object" || state.hyper === null || Array.isArray(state.hyper)) {
    throw new GradusError(
      `${doing}: the state's \`hyper\` must be an object: given ${shown(state.hyper)}`,
    );
  }
  for (const key of Object.keys(state.hyper)) {
    if (!hyper.includes(key)) {
      const near = suggestion(key, hyper);
      throw new GradusError(
        `${doing}: the state's \`hyper\` has no ${quoted(key)} to set${near}`,
      );
    }
  }
  for (const key of keys) {
    if (!Object.hasOwn(state, key)) {
      throw new GradusError(`${doing}: the state must have \`${key}\`: it is missing`);
    }
  }
  if (!keys.has(MASTER) && Object.hasOwn(state, MASTER)) {
    throw new GradusError(
      `${doing}: the state must have no \`${MASTER}\`, the copies of short parameters, since none is ` +
        `short: given ${shown(state[MASTER])}`,
    );
  }
}

/** A further input of a step, by name. */
export function inputOf(
  inputs: Readonly<Record<string, unknown>>,
  name: string,
  doing: string,
): number {
  const value = Object.hasOwn(inputs ?? {}, name) ? inputs[name] : undefined;
  if (typeof value !== "number") {
    throw new GradusError(
      `${doing}: input \`${name}\` must be given as a number: given ${shown(value)}`,
    );
  }
  return value;
}

/** A state that is one number for the tree. */
export function treeNumber(state: State, name: string, doing: string): number {
  const value = state[name];
  if (typeof value !== "number") {
    throw new GradusError(`${doing}: state \`${name}\` must be a number: given ${shown(value)}`);
  }
  return value;
}

/** Refuses a frozen state before anything is computed into its arrays. */
export function requireWritable(state: State, doing: string): void {
  const isObject = typeof state === "object" && state !== null;
  if (!isObject) return;
  const count = Object.getOwnPropertyDescriptor(state, "count");
  if (count?.writable === false || Object.isFrozen(state.hyper)) {
    throw new GradusError(`${doing}: the state must not be frozen, since a step writes it`);
  }
}

const records = new WeakSet<object>();

/** Lets `state.hyper` inherit what schedules gave, without losing who holds on to the object. */
export function inheritScheduled(state: State, used: State["hyper"]): void {
  // What is inherited would be overwritten at the next step: writing into it is refused.
  for (const tree of Object.values(used)) freezeTree(tree);
  const inherited = Object.getPrototypeOf(state.hyper);
  if (records.has(inherited)) {
    for (const name of Object.keys(inherited)) delete inherited[name];
    Object.assign(inherited, used);
  } else if (Object.keys(used).length > 0) {
    records.add(used);
    Object.setPrototypeOf(state.hyper, used);
  }
}

function freezeTree(tree: HyperNumbers): void {
  if (typeof tree !== "object" || tree === null) return;
  Object.values(tree).forEach(freezeTree);
  Object.freeze(tree);
}

/** The shape a state has for a parameter that keeps those that are `live`. */
export function stateShape(
  program: Program,
  state: string,
  { shape, path }: LeafInfo,
  live: ReadonlySet<string>,
): readonly number[] {
  if (!live.has(state)) return [0];
  const { over } = program.state.get(state)!;
  if (over === "element") return shape;
  const what = `optimizer "${program.name}", state \`${state}\` for ${spellPath(path)}`;
  const kept = over === "tensor" ? 0 : keptAxes(over, axesByExtent(shape), what);
  return shape.map((size, axis) => kept & (1 << axis) ? size : 1);
}

/** The number that an initial value without `w` is. */
export function initialNumber(init: Node, symbols: ReadonlyMap<string, number>): number {
  const evaluator = new Evaluator([init]);
  evaluator.evaluate(symbols);
  return evaluator.get(init);
}

/** A leaf of a state at the beginning; `parameter` is the array of the parameter it mirrors. */
export function initialLeaf(
  init: Node,
  info: LeafInfo,
  parameter: NumberArray,
  symbols: ReadonlyMap<string, number>,
  dtype: DType,
  shape: readonly number[],
): unknown {
  const leaf = mirror(info, dtype, shape);
  const { data } = asLeaf(leaf, info.path, "")!;
  if (!postorder([init]).some(({ op, arg }) => op === "Symbol" && arg === "w")) {
    const number = initialNumber(init, symbols);
    if (Object.is(number, 0)) return leaf;
    store(dtype, data, 0, number);
    data.fill(data[0]);
    return leaf;
  }
  // What starts from the parameter is an update of nothing by it.
  const initial = { update: init, states: new Map(), globals: [] };
  const { graph } = settleAxes(NO_STATES, initial, new Set(), axesByExtent(info.shape));
  const group = {
    graph,
    plan: plan(NO_STATES, graph, new Set(), [], "update", info.shape.length),
    mode: "update",
    backend: "interpreter",
    dtype: arithmeticOf(info.dtype),
    inputs: [{ name: "w", dtype: info.dtype }],
    outputs: [{ name: "", dtype }],
    symbols,
  } as const;
  const { shape: whole, size } = info;
  interpret({
    globals: [],
    leaves: [{ group, number: 0, shape: whole, size, inputs: [parameter], outputs: [data] }],
  });
  return leaf;
}

const NO_STATES: Planned = { name: "an initial value", state: new Map(), inputs: new Map() };
