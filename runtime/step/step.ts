/**
 * One step of an optimizer, wherever it is computed: what it is given is checked and bound, its arrays are
 * gathered, its numbers formed, and count, hyperparameters and numbers of the tree are kept.
 */
import { GradusError } from "../../dsl/errors.ts";
import { PARAMETER } from "../../dsl/node.ts";
import { readingOf } from "../plan/readings.ts";
import { spellPath } from "../trees/leaf.ts";
import { MASTER, masterShape, updatesFrom } from "../trees/master.ts";
import {
  inheritUsed,
  isState,
  requireState,
  requireWritable,
  type State,
  stateAfter,
  stateBefore,
} from "../trees/state.ts";
import { type StateStorage, storedAs } from "../trees/state_storage.ts";
import { layoutOf } from "./alike.ts";
import type { Blank, Bound, Device, Form, Rule, StepInputs, WorkMode } from "./device.ts";
import { Gathered, statesOf, type StepTrees } from "./gathered.ts";
import { initialNumber } from "./initial.ts";
import { skipsMissing, type StepOptions } from "./options.ts";

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
    const { leaves } = layout;
    const arrays = layout.alignLike(params, "parameters", doing, this.#device.read);
    this.#device.write([arrays], (_, leaf) => spellPath(leaves[leaf].path), doing);
    const beginning = bound.beginning(params, doing);
    const names = statesOf(program, bound.live);
    const blanks: Blank<A>[] = [];
    for (const name of names) {
      const what = `state \`${name}\``;
      for (let i = 0; i < leaves.length; i++) {
        const [info, shape] = [leaves[i], bound.stateShape(name, i)];
        const stored = storedAs(storage, name, info, shape);
        const { init, seen, symbols } = beginning.of(name, i);
        blanks.push({ what, info, stored, shape, init, seen, symbols, parameter: arrays[i] });
      }
    }
    if (layout.hasShort) {
      leaves.forEach((info, i) =>
        blanks.push({
          ...{ what: `\`${MASTER}\``, info, stored: "float32", shape: masterShape(info) },
          ...{ init: PARAMETER, symbols: NONE, parameter: arrays[i] },
        })
      );
    }
    const made = this.#device.create(blanks, doing);
    const treeOf = (k: number) =>
      layout.build(made.slice(k * leaves.length, (k + 1) * leaves.length));
    const state = stateBefore(program, beginning.used);
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
    options?: StepOptions,
  ): void | Promise<void> {
    const skips = skipsMissing(options, doing);
    const trees = { params, gradients, state, inputs };
    const { gathered, form } = this.#begin("step", trees, skips, doing);
    return this.#run(gathered, form, state, state, doing);
  }

  /** One step that gives updates and the next state in new arrays, on a device that computes at once. */
  update(
    gradients: object,
    state: State,
    params: object | undefined,
    inputs: StepInputs,
    doing: string,
    options?: StepOptions,
  ): [updates: object, state: State] {
    const skips = skipsMissing(options, doing);
    const why = params !== undefined
      ? undefined
      : skips
      ? 'gradients may be missing, by `{ missing: "skip" }`, and parameters tell which'
      : readingOf(this.#rule.program).parameter
      ? "it reads the parameters"
      : Object.hasOwn(state ?? {}, MASTER)
      ? "its state is of short parameters"
      : undefined;
    if (why !== undefined) {
      throw new GradusError(`${doing}: ${why}: they must be given as third argument`);
    }
    const trees = { params, gradients, state, inputs };
    const { gathered, form } = this.#begin("update", trees, skips, doing);
    const { updates, states } = gathered.makeResults(trees, doing);
    const next = Object.assign(stateAfter(state, form.used), states);
    this.#run(gathered, form, state, next, doing);
    const { layout } = gathered.bound;
    const given = layout.hasShort ? updatesFrom(layout, params, updates) : updates;
    return [given as object, next];
  }

  /** What to evaluate with, in new arrays; nothing is changed. */
  evaluate(params: object, state: State, doing: string): object | Promise<object> {
    // What is evaluated reads no gradients.
    const trees = { params, gradients: params, state, inputs: {} };
    const { gathered, form } = this.#begin("evaluate", trees, false, doing);
    const made = gathered.makeEvaluated(doing);
    const done = gathered.run(form, doing);
    return done instanceof Promise ? done.then(() => made) : made;
  }

  /** Gives back what has been prepared. */
  dispose(): void {
    this.#gathered.forEach((gathered) => gathered.dispose());
    this.#gathered = [];
  }

  /** Computes a step of what has been gathered, from `state` to `next`. */
  #run(
    gathered: Gathered<A, F>,
    form: F,
    state: State,
    next: State,
    doing: string,
  ): void | Promise<void> {
    const { bound: { live }, arrays } = gathered;
    const count = state.count + 1;
    const finish = (numbers: ReadonlyMap<string, number>): void => {
      for (const [name, value] of numbers) if (live.has(name)) next[name] = value;
      for (const [name, array] of arrays.numbers) next[name] = array;
      next.count = count;
      if (next === state) inheritUsed(next, form.used);
    };
    const done = gathered.run(form, doing);
    return done instanceof Promise ? done.then(finish) : finish(done);
  }

  /** Checks what a step is given: its numbers and its arrays, which remain gathered. */
  #begin(
    mode: WorkMode,
    trees: StepTrees,
    skips: boolean,
    doing: string,
  ): { readonly gathered: Gathered<A, F>; readonly form: F } {
    const { params, gradients, state, inputs } = trees;
    if (mode !== "evaluate" && (isState(params) || isState(gradients))) {
      const order = mode === "update"
        ? "gradients, state, parameters"
        : "parameters, gradients, state";
      throw new GradusError(
        `${doing}: a state is given as ${
          isState(params) ? "parameters" : "gradients"
        }: the order is ${order}`,
      );
    }
    const { program, storage } = this.#rule;
    const like = mode === "update" ? params ?? gradients : params as object;
    const isLast = (each: Gathered<A, F>) => each.mode === mode && each.holds(params);
    const bound = this.#gathered.find(isLast)?.bound ?? this.#boundTo(like, doing);
    if (skips && bound.present === undefined) {
      throw new GradusError(
        `${doing}: gradients of all parameters must be given, since what computes a step here is made for ` +
          'all of them: given `{ missing: "skip" }`',
      );
    }
    requireState(state, program, bound.live, bound.layout.hasShort, this.#rule, doing);
    // Schedules are the caller's and may do anything, to arrays too: these are looked at afterwards.
    const numbers = { state, inputs, params: like };
    const { ownNumbers } = this.#device;
    const form = mode === "evaluate"
      ? bound.evaluation(numbers, ownNumbers, doing)
      : bound.form(numbers, ownNumbers, doing);
    if (mode === "step") requireWritable(state, program, bound.live, doing);
    const fits = (each: Gathered<A, F>) =>
      each.mode === mode && each.skips === skips && each.bound === bound &&
      each.fits(trees, storage, doing);
    const gathered = this.#gathered.find(fits) ??
      new Gathered(program, this.#device, bound, storage, mode, skips, trees, doing);
    if (this.#gathered[0] !== gathered) {
      const all = [gathered, ...this.#gathered.filter((each) => each !== gathered)];
      all.slice(MOST_BOUND).forEach((each) => each.dispose());
      this.#gathered = all.slice(0, MOST_BOUND);
    }
    gathered.take(trees, doing);
    return { gathered, form };
  }

  #boundTo(params: object, doing: string): Bound<F> {
    const { read } = this.#device;
    const known = this.#bound.find(({ layout }) => layout.matches(params, read));
    if (known !== undefined) return known;
    const layout = layoutOf(this.#rule.program, params, doing, read);
    const bound = this.#rule.bind(layout, params, doing);
    this.#bound = [bound, ...this.#bound.slice(0, MOST_BOUND - 1)];
    return bound;
  }
}
