/**
 * One step of an optimizer, wherever it is computed: what it is given is checked and bound, its arrays are
 * gathered, its numbers formed, and count, hyperparameters and numbers of the tree are kept.
 */
import { GradusError } from "../../dsl/errors.ts";
import { symbol } from "../../dsl/node.ts";
import { readingOf } from "../plan/readings.ts";
import { Layout } from "../trees/layout.ts";
import { spellPath } from "../trees/leaf.ts";
import { MASTER, masterShape, updatesFrom } from "../trees/master.ts";
import {
  inheritUsed,
  nextState,
  requireState,
  requireWritable,
  type State,
} from "../trees/state.ts";
import { type StateStorage, storedAs } from "../trees/state_storage.ts";
import type { Blank, Bound, Device, Form, Rule, StepInputs } from "./device.ts";
import { Gathered, statesOf, type StepTrees } from "./gathered.ts";
import { initialNumber, stateShape } from "./initial.ts";

/** How many structures of parameters are remembered. */
const MOST_BOUND = 8;
const NONE: ReadonlyMap<string, number> = new Map();

/** The steps of a rule on a device. */
export class Step<A, F extends Form> {
  readonly #rule: Rule<F>;
  readonly #device: Device<A, F>;
  #bound: readonly Bound<F>[] = [];
  /** The last used first. */
  #gathered: readonly Gathered<A, F>[] = [];

  constructor(rule: Rule<F>, device: Device<A, F>) {
    [this.#rule, this.#device] = [rule, device];
  }

  /** The state before the first step; its arrays are stored as `storage` says. */
  init(params: object, doing: string, storage: StateStorage = this.#rule.storage): State {
    const { program } = this.#rule;
    const bound = this.#boundTo(params, doing);
    const { layout } = bound;
    const arrays = layout.alignLike(params, "parameters", doing, this.#device.read);
    this.#device.write(
      arrays.map((array, i) => [array, () => spellPath(layout.leaves[i].path)]),
      doing,
    );
    const beginning = bound.beginning(params, doing);
    const names = statesOf(program, bound.live);
    const blanks = names.flatMap((name) =>
      layout.leaves.map((info, i): Blank<A> => ({
        what: `state \`${name}\``,
        info,
        stored: storedAs(storage, name, info),
        shape: stateShape(program, name, info, bound.livesIn(i)),
        ...beginning.of(name, i),
        parameter: arrays[i],
      }))
    );
    const masters = layout.leaves.map((info, i): Blank<A> => ({
      what: `\`${MASTER}\``,
      info,
      stored: "float32",
      shape: masterShape(info),
      ...{ init: symbol("w"), symbols: NONE },
      parameter: arrays[i],
    }));
    const made = this.#device.create([...blanks, ...(layout.hasShort ? masters : [])], doing);
    const treeOf = (k: number) =>
      layout.build(made.slice(k * layout.leaves.length, (k + 1) * layout.leaves.length));
    const state: State = { optimizer: program.name, count: 0, hyper: {} };
    inheritUsed(state, beginning.used);
    for (const name of bound.live) {
      const k = names.indexOf(name);
      if (k >= 0) state[name] = treeOf(k);
      else {
        const { init, symbols } = beginning.of(name, undefined);
        state[name] = initialNumber(init, symbols);
      }
    }
    if (layout.hasShort) state[MASTER] = treeOf(names.length);
    return state;
  }

  /** One step that changes parameters and state. */
  step(
    params: object,
    gradients: object,
    state: State,
    inputs: StepInputs,
    doing: string,
  ): void | Promise<void> {
    const gathered = this.#gatheredOf("step", { params, gradients, state, inputs }, doing);
    return this.#run(gathered, state, state, params, inputs, doing);
  }

  /** One step that gives updates and the next state in new arrays, on a device that computes at once. */
  update(
    gradients: object,
    state: State,
    params: object | undefined,
    inputs: StepInputs,
    doing: string,
  ): [updates: object, state: State] {
    const why = params !== undefined
      ? undefined
      : readingOf(this.#rule.program).parameter
      ? "it reads the parameters"
      : Object.hasOwn(state ?? {}, MASTER)
      ? "its state is of short parameters"
      : undefined;
    if (why !== undefined) {
      throw new GradusError(`${doing}: ${why}: they must be given as third argument`);
    }
    const gathered = this.#gatheredOf("update", { params, gradients, state, inputs }, doing);
    const { updates, states } = gathered.makeResults(doing);
    const next = nextState(state, states);
    this.#run(gathered, state, next, params ?? gradients, inputs, doing);
    const { layout } = gathered.bound;
    return [
      (layout.hasShort ? updatesFrom(layout, params, updates) : updates) as object,
      next,
    ];
  }

  /** Gives back what has been prepared. */
  dispose(): void {
    this.#gathered.forEach((gathered) => gathered.dispose());
    this.#gathered = [];
  }

  /** Computes a step of what has been gathered, from `state` to `next`. */
  #run(
    gathered: Gathered<A, F>,
    state: State,
    next: State,
    params: object,
    inputs: StepInputs,
    doing: string,
  ): void | Promise<void> {
    const { bound, arrays } = gathered;
    const form = bound.form({ state, inputs, params }, this.#device.ownNumbers, doing);
    const count = state.count + 1;
    const finish = (numbers: ReadonlyMap<string, number>): void => {
      for (const [name, value] of numbers) if (bound.live.has(name)) next[name] = value;
      for (const [name, array] of arrays.numbers) next[name] = array;
      next.count = count;
      inheritUsed(next, form.used);
    };
    const done = gathered.prepared(form, doing).run(form);
    return done instanceof Promise ? done.then(finish) : finish(done);
  }

  /** The arrays of a step, which remain gathered. */
  #gatheredOf(mode: "step" | "update", trees: StepTrees, doing: string): Gathered<A, F> {
    const { params, gradients, state } = trees;
    const { program, storage, writable } = this.#rule;
    const isLast = (each: Gathered<A, F>) => each.mode === mode && each.holds(params);
    const like = mode === "step" ? params as object : params ?? gradients;
    const bound = this.#gathered.find(isLast)?.bound ?? this.#boundTo(like, doing);
    requireState(state, program, bound.live, bound.layout.hasShort, writable, doing);
    if (mode === "step") requireWritable(state, program, bound.live, doing);
    let k = this.#gathered.findIndex((each) =>
      each.mode === mode && each.bound === bound && each.fits(trees, storage, doing)
    );
    if (k < 0) {
      const made = new Gathered(program, this.#device, bound, storage, mode, trees, doing);
      k = this.#gathered.length;
      this.#gathered = [...this.#gathered, made];
    }
    const gathered = this.#gathered[k];
    if (k > 0) {
      this.#gathered = [gathered, ...this.#gathered.filter((each) => each !== gathered)];
      this.#gathered.slice(MOST_BOUND).forEach((each) => each.dispose());
      this.#gathered = this.#gathered.slice(0, MOST_BOUND);
    }
    gathered.take(trees, doing);
    return gathered;
  }

  #boundTo(params: object, doing: string): Bound<F> {
    const { read } = this.#device;
    const known = this.#bound.find(({ layout }) => layout.matches(params, read));
    if (known !== undefined) return known;
    const bound = this.#rule.bind(Layout.of(params, doing, read), params, doing);
    this.#bound = [bound, ...this.#bound.slice(0, MOST_BOUND - 1)];
    return bound;
  }
}
