/** The arrays of a step: checked when they are first seen, and then only asked whether they are the same. */
import { GradusError } from "../../dsl/errors.ts";
import type { Program } from "../../dsl/program.ts";
import { elementInputs } from "../backends/backend.ts";
import { releases } from "../trees/arena.ts";
import { isSameStored } from "../trees/stored.ts";
import type { Layout } from "../trees/layout.ts";
import { type Leaf, type ReadLeaf, spellPath } from "../trees/leaf.ts";
import { MASTER, masterShape } from "../trees/master.ts";
import { Snapshot } from "../trees/snapshot.ts";
import type { State } from "../trees/state.ts";
import {
  leavesOfStates,
  type StateLeaves,
  type StateStorage,
  storageIn,
  storedAs,
} from "../trees/state_storage.ts";
import type {
  Admit,
  Bound,
  Device,
  Form,
  Prepared,
  StepArrays,
  StepInputs,
  Work,
  WorkMode,
} from "./device.ts";
import { evaluatedOf, type Results, resultsOf } from "./results.ts";
import { PreparedForms, PresentWork } from "./work.ts";

/** The trees of a step. */
export interface StepTrees {
  readonly params: object | undefined;
  readonly gradients: object;
  readonly state: State;
  readonly inputs: StepInputs;
}

/** One tree of a step as it was when its arrays were taken. */
class Taken<A> {
  #root: unknown;
  #snapshot: Snapshot | undefined;
  arrays: readonly A[] = [];

  /** Whether `tree` still holds these arrays. */
  holds(tree: unknown): boolean {
    return this.#snapshot !== undefined && this.#snapshot.matches(tree);
  }

  /** Takes other arrays. A tree that is not seen again is not worth remembering what it holds. */
  take(tree: unknown, arrays: readonly A[]): void {
    this.arrays = arrays;
    this.#snapshot = tree === this.#root ? new Snapshot(tree) : undefined;
    this.#root = tree;
  }

  /** Asks for the arrays again in the next step. */
  forget(): void {
    [this.#root, this.#snapshot] = [undefined, undefined];
  }
}

/** How many sets of leaves that have gradients are remembered. */
const MOST_PRESENT = 16;
const WAY_OUT = '; `{ missing: "skip" }` leaves parameters without gradients as they are';

/** The arrays of a step, and the step as it is prepared for them. */
export class Gathered<A, F extends Form> implements Work<A> {
  readonly bound: Bound<F>;
  readonly mode: WorkMode;
  /** Whether leaves may have no gradients. */
  readonly skips: boolean;
  readonly storage: StateStorage;
  readonly states: readonly string[];
  readonly inputs: readonly string[];
  readonly arrays: StepArrays<A>;
  version = 0;
  readonly #program: Program;
  readonly #device: Device<A, F>;
  readonly #params = new Taken<A>();
  readonly #reads: readonly Taken<A | undefined>[];
  readonly #states: readonly Taken<A>[];
  readonly #master = new Taken<A>();
  /** The leaves of states that have been read and are to be taken next. */
  #leaves: StateLeaves<A> | undefined;
  /** Whether `arrays` are those that were taken last. */
  #isWhole = false;
  #admit: Admit<A> | undefined;
  readonly #forms: PreparedForms<A, F>;
  /** The leaves that have gradients, where some have none. */
  #present: PresentWork<A, F> | undefined;
  /** The last used first. */
  #presents: readonly PresentWork<A, F>[] = [];

  constructor(
    program: Program,
    device: Device<A, F>,
    bound: Bound<F>,
    made: StateStorage,
    mode: WorkMode,
    skips: boolean,
    trees: StepTrees,
    doing: string,
  ) {
    [this.#program, this.#device, this.bound, this.mode] = [program, device, bound, mode];
    this.skips = skips;
    this.states = statesOf(program, bound.live);
    this.inputs = mode === "evaluate" ? [] : elementInputs(program);
    this.#reads = ["g", ...this.inputs].map(() => new Taken());
    this.#forms = new PreparedForms(device, this);
    this.#states = this.states.map(() => new Taken());
    if (device.storesAsGiven) {
      this.#leaves = leavesOfStates(trees.state, this.states, bound.layout, device.read, doing);
      this.storage = storageIn(this.#leaves, bound.layout, made);
    } else this.storage = made;
    this.arrays = {
      params: undefined,
      reads: [],
      out: [],
      master: undefined,
      nextMaster: undefined,
      states: [],
      next: [],
      numbers: new Map(),
    };
  }

  /** Whether these are the parameters it took last, unchanged but for their numbers. */
  holds(params: unknown): boolean {
    return this.#params.holds(params);
  }

  /** Whether it can take the arrays of these trees: parameters of this structure, states stored alike. */
  fits({ params, gradients, state }: StepTrees, made: StateStorage, doing: string): boolean {
    const { layout } = this.bound;
    const { read, storesAsGiven } = this.#device;
    if ((params === undefined) !== (this.arrays.params === undefined)) return false;
    if (!this.#params.holds(params) && !layout.matches(params ?? gradients, read)) return false;
    if (!storesAsGiven || this.#states.every((taken, k) => taken.holds(state[this.states[k]]))) {
      return true;
    }
    const leaves = leavesOfStates(state, this.states, layout, read, doing);
    const storage = storageIn(leaves, layout, made);
    const isSame = this.states.every((name) =>
      isSameStored(storage.get(name), this.storage.get(name))
    );
    if (isSame) this.#leaves = leaves;
    return isSame;
  }

  /** Takes the arrays that the trees hold, and refuses what does not fit; what stayed is not asked again. */
  take({ params, gradients, state, inputs }: StepTrees, doing: string): void {
    const { arrays, bound: { layout } } = this;
    const { read } = this.#device;
    let [isWritten, isRead] = [!this.#isWhole, !this.#isWhole];
    this.#isWhole = false;
    const leaves = this.#leaves;
    this.#leaves = undefined;
    const before = releases();
    if (params !== undefined && !this.#params.holds(params)) {
      this.#params.take(params, layout.alignLike(params, "parameters", doing, read));
      isWritten = true;
    }
    this.#reads.forEach((taken, k) => {
      const tree = k === 0 ? gradients : inputs?.[this.inputs[k - 1]];
      if (taken.holds(tree)) return;
      taken.take(tree, this.#alignRead(tree, k, doing));
      isRead = true;
    });
    this.#states.forEach((taken, k) => {
      const tree = state[this.states[k]];
      if (taken.holds(tree)) return;
      const { bound, storage } = this;
      const name = this.states[k];
      const own = leaves?.get(name);
      taken.take(tree, alignState(bound, tree, name, storage, read, doing, own));
      isWritten = true;
    });
    if (layout.hasShort && !this.#master.holds(state[MASTER])) {
      this.#master.take(state[MASTER], alignMaster(layout, state[MASTER], read, doing));
      isWritten = true;
    }
    const numbers = this.#numbersIn(state, doing);
    if (numbers !== undefined) [arrays.numbers, isWritten] = [numbers, true];
    if (isWritten) {
      arrays.params = params === undefined ? undefined : this.#params.arrays;
      arrays.states = this.#states.map((taken) => taken.arrays);
      arrays.master = layout.hasShort ? this.#master.arrays : undefined;
      if (this.mode === "step") {
        [arrays.out, arrays.next] = [this.#params.arrays, arrays.states];
        arrays.nextMaster = arrays.master;
        const { out, next, nextMaster } = arrays;
        const lists = nextMaster === undefined ? [out, ...next] : [out, nextMaster, ...next];
        this.#admit = this.#device.write(lists, this.#placeOf, doing);
      }
    }
    if (isWritten || isRead) {
      const reads = this.#reads.map((taken, k) => this.#admitted(taken, k));
      this.#present = this.skips ? this.#presentOf(reads, doing) : undefined;
      // Of those that are missing nothing is read.
      arrays.reads = reads as readonly (readonly A[])[];
      this.version++;
    }
    if (releases() !== before) {
      throw new GradusError(
        `${doing}: no array may be given back by \`release\` while trees are read: one was`,
      );
    }
    this.#isWhole = true;
  }

  /** Makes new arrays for what to evaluate with, which begin as the parameters. */
  makeEvaluated(doing: string): object {
    const { tree, out } = evaluatedOf(this.#device, this, doing);
    this.arrays.out = out;
    this.version++;
    return tree;
  }

  /** Makes new arrays for the results of an update; those of leaves that are skipped are as they are to be. */
  makeResults({ state }: StepTrees, doing: string): Results {
    const present = this.#present && new Set(this.#present.numbers);
    const { results, ...arrays } = resultsOf(this.#device, this, state, present, doing);
    Object.assign(this.arrays, arrays);
    this.version++;
    return results;
  }

  /** Computes a step of what has been taken, as {@linkcode Prepared} does. */
  run(form: F, doing: string): ReturnType<Prepared<F>["run"]> {
    return this.#present === undefined
      ? this.#forms.of(form, doing).run(form)
      : this.#present.run(form, doing);
  }

  /** Gives back what has been prepared. */
  dispose(): void {
    this.#forms.dispose();
    this.#presents.forEach((present) => present.dispose());
    [this.#present, this.#presents] = [undefined, []];
  }

  /** The arrays of the `k`th tree that is only read. */
  #alignRead(tree: unknown, k: number, doing: string): readonly (A | undefined)[] {
    const [{ layout }, { read }, what] = [this.bound, this.#device, this.#readName(k)];
    return this.skips
      ? layout.alignPresent(tree, what, doing, read)
      : layout.alignWidened(tree, what, doing, read, this.bound.present && WAY_OUT);
  }

  /** The leaves that have gradients, and all inputs with them; undefined where all have. */
  #presentOf(
    [gradients, ...inputs]: readonly (readonly (A | undefined)[])[],
    doing: string,
  ): PresentWork<A, F> | undefined {
    const { layout: { leaves } } = this.bound;
    const numbers = leaves.flatMap(({ number }) => gradients[number] === undefined ? [] : [number]);
    inputs.forEach((arrays, k) => {
      const number = numbers.find((number) => arrays[number] === undefined);
      if (number === undefined) return;
      throw new GradusError(
        `${doing}: ${this.#readName(k + 1)} at ${spellPath(leaves[number].path)} must be given, ` +
          `since there is a gradient: it is missing`,
      );
    });
    if (numbers.length === leaves.length) return undefined;
    const isThis = (known: PresentWork<A, F>) =>
      known.numbers.length === numbers.length &&
      known.numbers.every((number, i) => number === numbers[i]);
    const present = this.#presents.find(isThis) ??
      new PresentWork(this.#device, this, this.bound.present!(numbers), numbers);
    if (this.#presents[0] !== present) {
      const all = [present, ...this.#presents.filter((each) => each !== present)];
      all.slice(MOST_PRESENT).forEach((each) => each.dispose());
      this.#presents = all.slice(0, MOST_PRESENT);
    }
    return present;
  }

  /** The numbers that live on the device, if they are others than before. */
  #numbersIn(state: State, doing: string): Map<string, A> | undefined {
    const { ownNumbers } = this.#device;
    if (ownNumbers.size === 0) return undefined;
    const names = [...ownNumbers].filter((name) => this.bound.live.has(name));
    const { numbers } = this.arrays;
    if (numbers.size > 0 && names.every((name) => numbers.get(name) === state[name])) {
      return undefined;
    }
    return new Map(names.map((name) => [name, this.#device.place(state[name], name, doing)]));
  }

  /** What is read of the `k`th tree that is only read. */
  #admitted(taken: Taken<A | undefined>, k: number): readonly (A | undefined)[] {
    const { arrays } = taken;
    // What a tree holds does not tell at which keys.
    if (this.skips && arrays.includes(undefined)) taken.forget();
    const admit = this.#admit;
    if (admit === undefined) return arrays;
    const what = () => this.#readName(k);
    const admitted = arrays.map((array) => array && admit(array, what));
    // A copy is of what an array holds now: it is made anew each time.
    if (admitted.some((array, i) => array !== arrays[i])) taken.forget();
    return admitted;
  }

  #readName(k: number): string {
    return k === 0 ? "gradients" : `input \`${this.inputs[k - 1]}\``;
  }

  /** Where an array is that a step writes. */
  #placeOf = (list: number, leaf: number): string => {
    const path = spellPath(this.bound.layout.leaves[leaf].path);
    const names = this.arrays.nextMaster === undefined ? this.states : [MASTER, ...this.states];
    return list === 0 ? path : `${path} of state \`${names[list - 1]}\``;
  };
}

/** The states that are arrays. */
export function statesOf(program: Program, live: ReadonlySet<string>): string[] {
  return [...live].filter((name) => program.state.get(name)!.over !== "tree");
}

/** The arrays of one state, which must be stored as `storage` says; its `leaves` may have been read. */
export function alignState<A, F extends Form>(
  bound: Pick<Bound<F>, "layout" | "stateShape">,
  tree: unknown,
  name: string,
  storage: StateStorage,
  read: ReadLeaf<A>,
  doing: string,
  leaves?: readonly Leaf<A>[],
): readonly A[] {
  const what = `state \`${name}\``;
  return bound.layout.arraysOf(
    leaves ?? bound.layout.leavesOf(tree, what, doing, read),
    what,
    doing,
    (info, i) => [storedAs(storage, name, info, bound.stateShape(name, i))],
    (_, i) => bound.stateShape(name, i),
  );
}

/** The arrays of master copies. */
export function alignMaster<A>(
  layout: Layout,
  tree: unknown,
  read: ReadLeaf<A>,
  doing: string,
): readonly A[] {
  return layout.align(
    tree,
    `the state's \`${MASTER}\``,
    doing,
    read,
    () => ["float32"],
    masterShape,
  );
}
