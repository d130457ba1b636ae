/** What a step asks of the place where arrays live and are computed with. */
import type { Node } from "../../dsl/node.ts";
import type { Stored } from "../trees/stored.ts";
import type { HyperNumbers } from "../trees/hyperparameters.ts";
import type { Layout } from "../trees/layout.ts";
import type { LeafInfo, ReadLeaf } from "../trees/leaf.ts";
import type { State } from "../trees/state.ts";
import type { StateStorage } from "../trees/state_storage.ts";
import type { MatrixView } from "../trees/view.ts";
import type { Place } from "../trees/overlap.ts";
import type { Program } from "../../dsl/program.ts";

/** Where arrays `A` live, and how a step of a form `F` is computed there. */
export interface Device<A, F extends Form> {
  /** What a leaf of a tree is here. */
  readonly read: ReadLeaf<A>;
  /** Whether states may be stored in other types than the optimizer was made with. */
  readonly storesAsGiven: boolean;
  /** The states kept once for the tree whose numbers live here too, and are unknown before a step. */
  readonly ownNumbers: ReadonlySet<string>;
  /** New leaves, one for each blank. */
  create(blanks: readonly Blank<A>[], doing: string): unknown[];
  /** Refuses lists of arrays of which two share memory, since a step writes them all. */
  write(lists: readonly (readonly A[])[], place: Place, doing: string): Admit<A>;
  /** A number of a state that lives here, as an array. */
  place(value: unknown, state: string, doing: string): A;
  /** Prepares a step, which is run as often as its arrays stay or fit. */
  prepare(work: Work<A>, form: F, doing: string): Prepared<F>;
}

/**
 * What is read in the place of an array that is only read, beside those that are written: itself, or a copy
 * where they share memory; or it refuses that.
 */
export type Admit<A> = (array: A, what: () => string) => A;

/** A leaf that is to be made. */
export interface Blank<A> {
  /** What is made, as messages show it. */
  readonly what: string;
  /** The parameter that it mirrors. */
  readonly info: LeafInfo;
  readonly stored: Stored;
  readonly shape: readonly number[];
  /** What it begins at, in numbers and the parameter `w`. */
  readonly init: Node;
  /** The matrices that the parameter is seen as, if any, and whether this is as large as they are. */
  readonly seen?: { readonly view: MatrixView; readonly isLikeLeaf: boolean } | undefined;
  readonly symbols: ReadonlyMap<string, number>;
  /** The parameter, where it is to begin from it or to stand beside it. */
  readonly parameter: A | undefined;
  /**
   * Whether all of it is written before it is read: it stands apart from the parameter, where nobody needs to
   * release it, and how it begins counts only where results are made in place.
   */
  readonly isResult?: boolean;
  /** Whose bits it begins with instead of `init`, where it is a result that waits: stored alike, of this shape. */
  readonly copied?: A;
}

/** A step, ready to be run. */
export interface Prepared<F> {
  /**
   * Computes a step: at once, or enqueued, or in time. Gives the next numbers of the states that are kept
   * once for the tree; until then nothing is written.
   */
  run(form: F): ReadonlyMap<string, number> | Promise<ReadonlyMap<string, number>>;
  /** Gives back what it holds. */
  dispose?(): void;
}

/** The numbers of a step, and which way of computing it they choose. */
export interface Form {
  /** The same object for steps that are prepared alike. */
  readonly key: object;
  /**
   * The hyperparameters that were not written but follow from what the optimizer was made with, until the
   * next form is asked for.
   */
  readonly used: Readonly<Record<string, HyperNumbers>>;
}

/** What makes steps: a program, and what its hyperparameters are given. */
export interface Rule<F extends Form> {
  readonly program: Program;
  /** The hyperparameters that a state may hold. */
  readonly writable: readonly string[];
  /** What its states are stored as. */
  readonly storage: StateStorage;
  /** Binds it to parameters of one structure. */
  bind(layout: Layout, params: object, doing: string): Bound<F>;
}

/** The leaves that a step is of. */
export interface Leaves {
  readonly program: Program;
  readonly layout: Pick<Layout, "leaves" | "hasShort">;
  /** The states that a leaf keeps. */
  livesIn(leaf: number): ReadonlySet<string>;
  /** The shape of a state for a leaf. */
  stateShape(state: string, leaf: number): readonly number[];
}

/** Those leaves of a tree that have gradients, in its order, where others have none. */
export interface Present<F extends Form> extends Leaves {
  /** What the numbers of a step of the whole tree come to for them: the same key for the same key. */
  form(whole: F): F;
}

/** A rule on a tree of one structure. */
export interface Bound<F extends Form> extends Leaves {
  readonly layout: Layout;
  /** The states that some leaf keeps. */
  readonly live: ReadonlySet<string>;
  /** Those of its leaves that have these numbers; left out where a step can only be of all leaves. */
  present?(leaves: readonly number[]): Present<F>;
  /** How states begin: of a leaf, or of the whole tree. */
  beginning(params: object, doing: string): {
    readonly used: Form["used"];
    of(state: string, leaf: number | undefined): Pick<Blank<never>, "init" | "seen" | "symbols">;
  };
  /** The numbers of a step; those of the states in `unknown` are not at hand. */
  form(given: StepNumbers, unknown: ReadonlySet<string>, doing: string): F;
  /** The numbers of what is evaluated, which are those of the step before. */
  evaluation(
    given: Omit<StepNumbers, "inputs">,
    unknown: ReadonlySet<string>,
    doing: string,
  ): F;
}

/** What the numbers of a step come from. */
export interface StepNumbers {
  readonly state: State;
  readonly inputs: StepInputs;
  readonly params: object;
}

/** What a step is given besides parameters, gradients and state, by name. */
export type StepInputs = Readonly<Record<string, unknown>>;

/** Whether the parameters are changed, or updates are given, or what to evaluate with. */
export type WorkMode = "step" | "update" | "evaluate";

/** What is computed with: the arrays of a step, which may change from one step to the next. */
export interface Work<A> {
  readonly bound: Leaves;
  readonly mode: WorkMode;
  /** What each state is stored as. */
  readonly storage: StateStorage;
  /** The states that are arrays, in the order of `states` and `next`. */
  readonly states: readonly string[];
  /** The inputs that are arrays, in the order of `reads` after the gradients. */
  readonly inputs: readonly string[];
  readonly arrays: StepArrays<A>;
  /** Grows whenever other arrays took the place of some. */
  readonly version: number;
}

/** The arrays of a step, by leaf; of what is only read and of states, by name and then by leaf. */
export interface StepArrays<A> {
  /** The parameters, if they are given. */
  params: readonly A[] | undefined;
  /** The gradients, and then the inputs that are trees. */
  reads: readonly (readonly A[])[];
  /** What takes the parameters, updates or what to evaluate with. */
  out: readonly A[];
  /** The master copies, where parameters are short, and what takes them, unless they stay. */
  master: readonly A[] | undefined;
  nextMaster: readonly A[] | undefined;
  states: readonly (readonly A[])[];
  /** What takes the states; nothing where they stay. */
  next: readonly (readonly A[])[];
  /** The states of {@linkcode Device.ownNumbers}. */
  numbers: ReadonlyMap<string, A>;
}
