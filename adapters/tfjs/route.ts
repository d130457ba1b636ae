/** What steps variables where their numbers are: one way for each kind of backend. */
import type { State } from "../../runtime/trees/state.ts";
import type { TfTensor, TfVariable } from "./tf.ts";

/** Variables by name. */
export type Variables = ReadonlyMap<string, TfVariable>;

/** An array of a state: what it is else is the route's. */
export interface StateLeaf {
  readonly shape: readonly number[];
}

/** What a step is given. */
export interface RouteStep {
  /** All that have a state. */
  readonly variables: Variables;
  /** Those that are stepped, by name, and for each what is read: its gradient, then the inputs that are trees. */
  readonly reads: ReadonlyMap<string, readonly TfTensor[]>;
  readonly state: State;
  /** The inputs that are numbers. */
  readonly inputs: Readonly<Record<string, unknown>>;
}

/** How variables are stepped on a backend. States hold trees of their arrays by the names of variables. */
export interface Route {
  /** The state of variables before their first step. */
  init(variables: Variables): State;
  /** One step, which leaves the variables with new numbers, or throws and changes nothing. */
  step(given: RouteStep): void;
  /** What to evaluate with of all that have a state, in new tensors by their names; nothing is changed. */
  evaluate(variables: Variables, state: State, doing: string): Map<string, TfTensor>;
  /** The numbers of an array of a state. */
  read(leaf: StateLeaf): ArrayLike<number>;
  /** Writes as many numbers into one. */
  write(leaf: StateLeaf, numbers: Float32Array): void;
  /** Copies one into another of the same shape. */
  copy(from: StateLeaf, to: StateLeaf): void;
  /** A new tensor of the numbers. */
  tensor(leaf: StateLeaf): TfTensor;
  /** Gives back one array of a state, where others do not lie beside it. */
  drop?(leaf: StateLeaf): void;
  /** Gives back the arrays of a state. */
  release(state: State): void;
  /** Gives back all else; variables keep their numbers. */
  dispose(): void;
}

/** A tree by the names of variables. */
export function treeOf<T, U>(
  entries: Iterable<readonly [string, T]>,
  of: (value: T, name: string) => U,
): Record<string, U> {
  return Object.fromEntries(Array.from(entries, ([name, value]) => [name, of(value, name)]));
}
