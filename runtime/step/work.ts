/** Work on a device: a step of all leaves, or of those that have gradients, as it is prepared by its forms. */
import type { StateStorage } from "../trees/state_storage.ts";
import type { Device, Form, Prepared, Present, StepArrays, Work, WorkMode } from "./device.ts";

const MOST_FORMS = 16;

/** What is known of a step before it begins chooses how it is prepared: one that alternates is, once a form. */
export class PreparedForms<A, F extends Form> {
  readonly #device: Device<A, F>;
  readonly #work: Work<A>;
  readonly #prepared = new Map<object, Prepared<F>>();

  constructor(device: Device<A, F>, work: Work<A>) {
    [this.#device, this.#work] = [device, work];
  }

  /** The step in one form. */
  of(form: F, doing: string): Prepared<F> {
    let prepared = this.#prepared.get(form.key);
    if (prepared === undefined) {
      if (this.#prepared.size >= MOST_FORMS) this.dispose();
      prepared = this.#device.prepare(this.#work, form, doing);
      this.#prepared.set(form.key, prepared);
    }
    return prepared;
  }

  /** Gives back what has been prepared. */
  dispose(): void {
    this.#prepared.forEach((prepared) => prepared.dispose?.());
    this.#prepared.clear();
  }
}

/** The part of some work that is of the leaves that have gradients. */
export class PresentWork<A, F extends Form> implements Work<A> {
  readonly bound: Present<F>;
  /** Their numbers in the tree. */
  readonly numbers: readonly number[];
  readonly mode: WorkMode;
  readonly storage: StateStorage;
  readonly states: readonly string[];
  readonly inputs: readonly string[];
  arrays: StepArrays<A>;
  version: number;
  readonly #whole: Work<A>;
  readonly #forms: PreparedForms<A, F>;

  constructor(
    device: Device<A, F>,
    whole: Work<A>,
    bound: Present<F>,
    numbers: readonly number[],
  ) {
    [this.bound, this.numbers, this.#whole] = [bound, numbers, whole];
    ({ mode: this.mode, storage: this.storage, states: this.states, inputs: this.inputs } = whole);
    [this.arrays, this.version] = [this.#pick(), whole.version];
    this.#forms = new PreparedForms(device, this);
  }

  /** Computes a step of these leaves; where there are none, nothing. */
  run(form: F, doing: string): ReturnType<Prepared<F>["run"]> {
    if (this.numbers.length === 0) return NONE;
    if (this.version !== this.#whole.version) {
      [this.arrays, this.version] = [this.#pick(), this.#whole.version];
    }
    const own = this.bound.form(form);
    return this.#forms.of(own, doing).run(own);
  }

  dispose(): void {
    this.#forms.dispose();
  }

  /** The arrays of these leaves. */
  #pick(): StepArrays<A> {
    const { params, reads, out, master, nextMaster, states, next, numbers } = this.#whole.arrays;
    const picked = (tree: readonly A[]) => this.numbers.map((number) => tree[number]);
    return {
      params: params && picked(params),
      reads: reads.map(picked),
      out: picked(out),
      master: master && picked(master),
      nextMaster: nextMaster && picked(nextMaster),
      states: states.map(picked),
      next: next.map(picked),
      numbers,
    };
  }
}

const NONE: ReadonlyMap<string, number> = new Map();
