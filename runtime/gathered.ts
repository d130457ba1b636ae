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
  #binding: Binding | undefined;
  /** By what is known of a step before it begins: a step that alternates is planned once a form. */
  readonly #planned = new Map<string, PlannedStep>();
  readonly #arrays: StepArrays;
  readonly #states: readonly string[];
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
    trees: readonly unknown[],
  ) {
    [this.known, this.#arrays, this.isKeepable] = [known, arrays, isKeepable];
    [this.#states, this.#inputs] = [states, inputs];
    this.#snapshots = isKeepable ? trees.map((tree) => new Snapshot(tree)) : [];
    const { w = [], g } = arrays;
    this.#all = [...w, ...g, ...arrays.inputs.flat(), ...arrays.states.flat()].map((array) => ({
      array,
      length: array.length,
    }));
  }

  /** Whether the trees hold the arrays that were gathered. */
  isOf(params: unknown, gradients: unknown, state: State, inputs: StepInputs): boolean {
    if (state === null || typeof state !== "object" || this.#releases !== releases()) return false;
    const [w, g, ...others] = this.#snapshots;
    const trees = [
      ...this.#inputs.map((name) => inputs?.[name]),
      ...this.#states.map((name) => state[name]),
    ];
    // An array whose buffer was transferred is the same object, and empty.
    if (!this.#all.every(({ array, length }) => array.length === length)) return false;
    return w.matches(params) && g.matches(gradients) &&
      others.every((snapshot, i) => snapshot.matches(trees[i]));
  }

  /** The step as it is planned for a binding in one form; `plan` makes the groups' plans. */
  planned(binding: Binding, form: string, plan: () => GroupPlans): PlannedStep {
    if (this.#binding !== binding || this.#planned.size >= MOST_FORMS) this.#planned.clear();
    this.#binding = binding;
    let planned = this.#planned.get(form);
    if (planned === undefined) {
      const { backend, runs, globals, threads } = plan();
      const leaves = this.#leafRuns(binding, runs);
      planned = { backend, groups: runs, run: { globals, leaves, threads } };
      this.#planned.set(form, planned);
    }
    return planned;
  }

  #leafRuns(binding: Binding, groups: ReadonlyMap<Group, GroupRun>): LeafRun[] {
    const { w, g, inputs, out, states, next } = this.#arrays;
    return this.known.layout.leaves.map(({ shape, size }, i): LeafRun => {
      const group = binding.groupOf[i];
      const ofLeaf = (trees: StepArrays["states"]) =>
        trees.filter((_, k) => group.live.has(this.#states[k])).map((arrays) => arrays[i]);
      return {
        group: groups.get(group)!,
        shape,
        size,
        inputs: [
          ...(w === undefined ? [] : [w[i]]),
          g[i],
          ...inputs.map((arrays) => arrays[i]),
          ...ofLeaf(states),
        ],
        outputs: [out[i], ...ofLeaf(next)],
      };
    });
  }
}

const MOST_FORMS = 16;

/** The groups of a step as a backend runs them. */
export interface GroupPlans {
  readonly backend: Backend;
  readonly runs: ReadonlyMap<Group, GroupRun>;
  readonly globals: StepRun["globals"];
  readonly threads: number;
}

/** A step, ready to be handed to a backend. */
export interface PlannedStep {
  readonly backend: Backend;
  readonly groups: ReadonlyMap<Group, GroupRun>;
  readonly run: StepRun;
}

/** What a step is given besides parameters, gradients and state, by name. */
export type StepInputs = Readonly<Record<string, unknown>>;

/** The arrays of a step, by leaf; of inputs and states, by name and then by leaf. */
export interface StepArrays {
  readonly w: readonly NumberArray[] | undefined;
  readonly g: readonly NumberArray[];
  readonly inputs: readonly (readonly NumberArray[])[];
  readonly out: readonly NumberArray[];
  readonly states: readonly (readonly NumberArray[])[];
  readonly next: readonly (readonly NumberArray[])[];
}
