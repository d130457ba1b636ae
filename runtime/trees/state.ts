/** What an optimizer carries from step to step, and what it must be. */
import { GradusError, quoted, shown, suggestion } from "../../dsl/errors.ts";
import type { Program } from "../../dsl/program.ts";
import type { HyperNumbers } from "./hyperparameters.ts";
import { MASTER } from "./master.ts";

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
