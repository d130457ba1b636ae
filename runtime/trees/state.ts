/** What an optimizer carries from step to step, and what it must be. */
import { GradusError, quoted, shown } from "../../dsl/errors.ts";
import { programDigest } from "../../dsl/digest.ts";
import { suggestedName } from "../../dsl/other_names.ts";
import type { Program } from "../../dsl/program.ts";
import type { HyperNumbers } from "./hyperparameters.ts";
import { DEEPEST } from "./structure.ts";
import { MASTER } from "./master.ts";

/**
 * What an optimizer carries from step to step: a plain tree that you can look at and save. Besides the
 * entries below, it holds each state of the program under its name, as a tree like the parameters.
 *
 * If parameters are stored in 16 bits, it also holds `master`: a float32 copy of each of these, and an
 * empty array for each other parameter. A step reads the copy and adds to it; the parameter is the copy
 * rounded to nearest even. So to change such a parameter, write into its copy, or call `init`.
 */
export interface State<Hyper extends string = string> {
  /** The name of the optimizer that made it, and a hash of what that computes. */
  optimizer: string;
  /** The number of updates so far. */
  count: number;
  /**
   * The hyperparameters the last step used, and after `init` those of the first. A number that you write
   * here holds from the next step on, is saved with the state, and wins over what the optimizer was made
   * with; delete it to return to that. The other numbers are inherited properties and not saved, so an
   * optimizer made with other numbers uses its own.
   */
  hyper: { [Name in Hyper]?: HyperNumbers };
  /** Each state of the program. */
  [state: string]: unknown;
}

/**
 * Refuses what is no state of `program`: one without one of the `live` states, or with master copies where
 * no parameter is short, or without. `writable` are the hyperparameters that may be written.
 */
export function requireState(
  state: State,
  program: Program,
  live: ReadonlySet<string>,
  hasShort: boolean,
  rule: { readonly writable: readonly string[] },
  doing: string,
): void {
  if (typeof state !== "object" || state === null || state.optimizer !== markOf(program)) {
    const { name } = program;
    throw new GradusError(
      `${doing}: the state must be one of "${name}": given ${givenBy(state, name, live)}`,
    );
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
    if (!rule.writable.includes(key)) {
      const near = suggestedName(key, rule.writable);
      throw new GradusError(
        `${doing}: the state's \`hyper\` has no ${quoted(key)} to set${near}`,
      );
    }
  }
  for (const key of live) requireKey(state, key, doing);
  if (hasShort) requireKey(state, MASTER, doing);
  else if (Object.hasOwn(state, MASTER) && !program.state.has(MASTER)) {
    throw new GradusError(
      `${doing}: the state must have no \`${MASTER}\`, the copies of short parameters, since none is ` +
        `short: given ${shown(state[MASTER])}`,
    );
  }
}

/** Whether a value can only be a state: it says which optimizer made it. */
export function isState(value: unknown): boolean {
  return typeof value === "object" && value !== null && "optimizer" in value &&
    typeof value.optimizer === "string";
}

const marks = new WeakMap<Program, string>();

/** What the states of a program are told by. */
export function markOf(program: Program): string {
  let mark = marks.get(program);
  if (mark === undefined) {
    marks.set(program, mark = `${program.name} ${programDigest(program)}`);
  }
  return mark;
}

function givenBy(state: State, name: string, live: ReadonlySet<string>): string {
  if (typeof state?.optimizer !== "string") return shown(state);
  const [given, digest] = state.optimizer.split(" ");
  if (given !== name) return `one of "${given.slice(0, 64)}"`;
  return digest === undefined
    ? `one without a hash of its program, as version 0.1 made them; to go on from it, call \`init\` and ` +
      `copy ${["count", ...live].map((each) => `\`${each}\``).slice(0, 8).join(", ")} over`
    : `one of another program of that name`;
}

function requireKey(state: State, key: string, doing: string): void {
  if (Object.hasOwn(state, key)) return;
  throw new GradusError(`${doing}: the state must have \`${key}\`: it is missing`);
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

/** Refuses a state that a step could not write, before anything is computed into its arrays. */
export function requireWritable(
  state: State,
  program: Program,
  live: ReadonlySet<string>,
  doing: string,
): void {
  const names = ["count", ...[...live].filter((name) => program.state.get(name)!.over === "tree")];
  const fixed = names.find((name) => !Object.getOwnPropertyDescriptor(state, name)?.writable);
  const isClosed = !Object.isExtensible(state.hyper) &&
    !isRecord(Object.getPrototypeOf(state.hyper));
  if (fixed === undefined && !isClosed && !Object.isFrozen(state.hyper)) return;
  throw new GradusError(
    `${doing}: the state must not be frozen, since a step writes it: \`${
      fixed ?? "hyper"
    }\` cannot ` +
      `be written`,
  );
}

/** Lets `state.hyper` inherit what a step used, without losing who holds on to the object. */
export function inheritUsed(state: State, used: Readonly<State["hyper"]>): void {
  const record: State["hyper"] = Object.getPrototypeOf(state.hyper);
  if (!isRecord(record)) {
    Object.setPrototypeOf(state.hyper, recordOf(used));
    return;
  }
  for (const name of Object.keys(record)) if (!Object.hasOwn(used, name)) delete record[name];
  for (const name of Object.keys(used)) {
    if (record[name] !== used[name]) record[name] = frozen(used[name]!);
  }
}

/** Lets a copy of a state inherit what the last step of that state used. */
export function inheritFrom(copy: State, { hyper }: State): void {
  const used: State["hyper"] = {};
  for (const name in hyper) if (!Object.hasOwn(hyper, name)) used[name] = hyper[name];
  inheritUsed(copy, used);
}

/** The state before the first step, which uses these hyperparameters. */
export function stateBefore(program: Program, used: Readonly<State["hyper"]>): State {
  return { optimizer: markOf(program), count: 0, hyper: Object.create(recordOf(used)) };
}

/** What was used in a step, to be inherited. */
function recordOf(used: Readonly<State["hyper"]>): State["hyper"] {
  const record: State["hyper"] = Object.create(USED);
  for (const name of Object.keys(used)) record[name] = frozen(used[name]!);
  return record;
}

function isRecord(object: object | null): boolean {
  return object !== null && Object.getPrototypeOf(object) === USED;
}

/** A new state that has not been told its arrays and numbers: what was written into `hyper` is handed on. */
export function stateAfter(state: State, used: Readonly<State["hyper"]>): State {
  const hyper: State["hyper"] = Object.create(recordOf(used));
  for (const name of Object.keys(state.hyper)) {
    hyper[name] = copied(state.hyper[name]!);
  }
  return { optimizer: state.optimizer, count: 0, hyper };
}

/** A tree that would be overwritten at the next step: writing into it is refused. */
function frozen(tree: HyperNumbers): HyperNumbers {
  if (typeof tree === "object" && tree !== null && !Object.isFrozen(tree)) {
    Object.values(tree).forEach(frozen);
    Object.freeze(tree);
  }
  return tree;
}

type Inspect = (value: unknown, options: object) => string;

function showAll(hyper: object, inspect: Inspect, options: object): string {
  const all: Record<string, unknown> = {};
  for (const name in hyper) all[name] = (hyper as Record<string, unknown>)[name];
  return inspect(all, options);
}

/** What the hyperparameters of states inherit from in the end: consoles show them with those written. */
const USED: object = Object.create(Object.prototype, {
  [Symbol.for("Deno.customInspect")]: {
    value(this: object, inspect: Inspect, options: object): string {
      return showAll(this, inspect, options);
    },
  },
  [Symbol.for("nodejs.util.inspect.custom")]: {
    value(this: object, _depth: number, options: object, inspect: Inspect): string {
      return showAll(this, inspect, options);
    },
  },
});

/** A copy of what was written as a hyperparameter, which may be none: the step that reads it says so. */
function copied(value: HyperNumbers, depth = 0): HyperNumbers {
  if (typeof value !== "object" || value === null || depth > DEEPEST) return value;
  if (Array.isArray(value)) return value.map((part) => copied(part, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([key, part]) => [key, copied(part, depth + 1)]),
  );
}
