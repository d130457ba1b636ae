/** A step whose arrays have been checked and whose leaves are planned, kept while it stays the same. */
import type { Binding, Group } from "./binding.ts";
import type { Executor, GroupRun, LeafRun, StepRun } from "../backends/backend.ts";
import { hasMaster, MASTER } from "../trees/master.ts";
import { Snapshot } from "../trees/snapshot.ts";
import type { State } from "../trees/state.ts";
import { arithmeticOf, type DType, isShort, type NumberArray } from "../trees/dtype.ts";
import type { StateStorage } from "../trees/state_storage.ts";
import { releases } from "../trees/arena.ts";

/** The arrays of a step and, once planned, the step itself: kept while the trees hold the same arrays. */
export class GatheredStep {
  readonly known: Binding;
  readonly isKeepable: boolean;
  #binding: Binding | undefined;
  /** By what is known of a step before it begins: a step that alternates is planned once a form. */
  readonly #planned = new Map<string, PlannedStep>();
  /** What the states are stored as. */
  readonly storage: StateStorage;
  /** What each leaf's gradient and then its inputs are stored as. */
  readonly reads: readonly (readonly DType[])[];
  readonly #arrays: StepArrays;
  readonly #states: readonly string[];
  /** Every tree of arrays in the state. */
  readonly #trees: readonly string[];
  readonly #inputs: readonly string[];
  readonly #snapshots: readonly Snapshot[];
  readonly #all: readonly { readonly array: NumberArray; readonly length: number }[];
  readonly #releases = releases();

  constructor(
    known: Binding,
    arrays: StepArrays,
    isKeepable: boolean,
    states: readonly string[],
    inputs: readonly string[],
    storage: StateStorage,
    [params, gradients, state, given]: readonly [unknown, unknown, State, StepInputs],
  ) {
    [this.known, this.#arrays, this.isKeepable] = [known, arrays, isKeepable];
    [this.#states, this.#inputs, this.storage] = [states, inputs, storage];
    const { layout } = known;
    this.reads = layout.leaves.map(({ dtype }, i) =>
      arrays.reads.map((read) => read[i] instanceof Uint16Array ? dtype : arithmeticOf(dtype))
    );
    this.#trees = [...states, ...(hasMaster(layout) ? [MASTER] : [])];
    const trees = [params, gradients, ...this.#treesOf(state, given)];
    this.#snapshots = isKeepable ? trees.map((tree) => new Snapshot(tree)) : [];
    const { reads, out, master = [] } = arrays;
    const all = [...out, ...master, ...reads.flat(), ...arrays.states.flat()];
    this.#all = all.map((array) => ({ array, length: array.length }));
  }

  #treesOf(state: State, inputs: StepInputs): unknown[] {
    return [
      ...this.#inputs.map((name) => inputs?.[name]),
      ...this.#trees.map((name) => state[name]),
    ];
  }

  /** Whether the trees hold the arrays that were gathered. */
  isOf(params: unknown, gradients: unknown, state: State, inputs: StepInputs): boolean {
    if (state === null || typeof state !== "object" || this.#releases !== releases()) return false;
    const [w, g, ...others] = this.#snapshots;
    // An array whose buffer was transferred is the same object, and empty.
    if (!this.#all.every(({ array, length }) => array.length === length)) return false;
    return w.matches(params) && g.matches(gradients) &&
      this.#treesOf(state, inputs).every((tree, i) => others[i].matches(tree));
  }

  /** The step as it is planned for a binding in one form; `plan` makes the groups' plans. */
  planned(binding: Binding, form: string, plan: () => GroupPlans): PlannedStep {
    if (this.#binding !== binding || this.#planned.size >= MOST_FORMS) this.#planned.clear();
    this.#binding = binding;
    let planned = this.#planned.get(form);
    if (planned === undefined) {
      const { execute, runs, ...common } = plan();
      const leaves = this.#leafRuns(binding, runs);
      planned = { execute, groups: runs, run: { ...common, leaves } };
      this.#planned.set(form, planned);
    }
    return planned;
  }

  #leafRuns(binding: Binding, groups: GroupRuns): LeafRun[] {
    const { w, reads, out, master, states, next } = this.#arrays;
    return this.known.layout.leaves.map(({ shape, size, dtype }, i): LeafRun => {
      const group = binding.groupOf[i];
      const ofLeaf = (trees: StepArrays["states"]) =>
        trees.filter((_, k) => group.live.has(this.#states[k])).map((arrays) => arrays[i]);
      return {
        group: groups.get(group)!.get(this.reads[i].join())!,
        number: i,
        shape,
        size,
        inputs: [
          ...(w === undefined ? [] : [w[i]]),
          ...reads.map((arrays) => arrays[i]),
          ...ofLeaf(states),
        ],
        outputs: [out[i], ...(isShort(dtype) ? [master![i]] : []), ...ofLeaf(next)],
      };
    });
  }
}

const MOST_FORMS = 16;

/** How the leaves of a group are computed, by the types of what is only read, joined. */
export type GroupRuns = ReadonlyMap<Group, ReadonlyMap<string, GroupRun>>;

/** The groups of a step as they are run. */
export interface GroupPlans extends Omit<StepRun, "leaves"> {
  readonly execute: Executor;
  readonly runs: GroupRuns;
}

/** A step, ready to be executed. */
export interface PlannedStep {
  readonly execute: Executor;
  readonly groups: GroupRuns;
  readonly run: StepRun;
}

/** What a step is given besides parameters, gradients and state, by name. */
export type StepInputs = Readonly<Record<string, unknown>>;

/** The arrays of a step, by leaf; of what is only read and of states, by name and then by leaf. */
export interface StepArrays {
  /** What is read as `w`: the parameter or, of a short one, its master copy. */
  readonly w: readonly NumberArray[] | undefined;
  /** The gradients, and then the inputs that are trees. */
  readonly reads: readonly (readonly NumberArray[])[];
  /** What takes the parameter or update. */
  readonly out: readonly NumberArray[];
  /** What takes the master copies, where parameters are short. */
  readonly master: readonly NumberArray[] | undefined;
  readonly states: readonly (readonly NumberArray[])[];
  readonly next: readonly (readonly NumberArray[])[];
}
