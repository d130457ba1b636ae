/** A step whose arrays have been checked and whose leaves are planned, kept while it stays the same. */
import type { Binding, Group } from "./binding.ts";
import type { GroupRun, LeafRun, StepRun } from "./run.ts";
import { Snapshot } from "./snapshot.ts";
import type { State } from "./state.ts";
import type { NumberArray } from "./storage.ts";
import type { Backend } from "./variants.ts";
import { releases } from "./wasm/memory.ts";

/** The arrays of a step and, once planned, the step itself: kept while the trees hold the same arrays. */
export class GatheredStep {
  readonly known: Binding;
  readonly isKeepable: boolean;
  binding: Binding | undefined;
  form: string | undefined;
  backend: Backend | undefined;
  groups: ReadonlyMap<Group, GroupRun> | undefined;
  run: StepRun | undefined;
  readonly #arrays: StepArrays;
  readonly #states: readonly string[];
  readonly #snapshots: readonly Snapshot[];
  readonly #all: readonly { readonly array: NumberArray; readonly length: number }[];
  readonly #releases = releases();

  constructor(
    known: Binding,
    arrays: StepArrays,
    isKeepable: boolean,
    states: readonly string[],
    trees: readonly unknown[],
  ) {
    [this.known, this.#arrays, this.isKeepable] = [known, arrays, isKeepable];
    this.#states = states;
    this.#snapshots = isKeepable ? trees.map((tree) => new Snapshot(tree)) : [];
    const { w = [], g } = arrays;
    this.#all = [...w, ...g, ...arrays.states.flat()].map((array) => ({
      array,
      length: array.length,
    }));
  }

  /** Whether the trees hold the arrays that were gathered. */
  isOf(params: unknown, gradients: unknown, state: State): boolean {
    if (state === null || typeof state !== "object" || this.#releases !== releases()) return false;
    const [w, g, ...states] = this.#snapshots;
    // An array whose buffer was transferred is the same object, and empty.
    if (!this.#all.every(({ array, length }) => array.length === length)) return false;
    return w.matches(params) && g.matches(gradients) &&
      states.every((snapshot, i) => snapshot.matches(state[this.#states[i]]));
  }

  /** Takes the plans of the groups. */
  plan(
    binding: Binding,
    form: string,
    backend: Backend,
    groups: ReadonlyMap<Group, GroupRun>,
    globals: StepRun["globals"],
    threads: number,
  ): void {
    [this.binding, this.form, this.backend, this.groups] = [binding, form, backend, groups];
    const { w, g, out, states, next } = this.#arrays;
    const leaves = this.known.layout.leaves.map(({ shape, size }, i): LeafRun => {
      const group = binding.groupOf[i];
      const ofLeaf = (trees: StepArrays["states"]) =>
        trees.filter((_, k) => group.live.has(this.#states[k])).map((arrays) => arrays[i]);
      return {
        group: groups.get(group)!,
        shape,
        size,
        inputs: [...(w === undefined ? [] : [w[i]]), g[i], ...ofLeaf(states)],
        outputs: [out[i], ...ofLeaf(next)],
      };
    });
    this.run = { globals, leaves, threads };
  }
}

/** The arrays of a step, by leaf; of states, by state and then by leaf. */
export interface StepArrays {
  readonly w: readonly NumberArray[] | undefined;
  g: readonly NumberArray[];
  readonly out: readonly NumberArray[];
  readonly states: readonly (readonly NumberArray[])[];
  readonly next: readonly (readonly NumberArray[])[];
}
