/** An optimizer inside jax-js: `init` and `update` as Optax has them, made of jax-js's own operations. */
import { GradusError, quoted, shown } from "../../dsl/errors.ts";
import { evaluation } from "../../dsl/graph.ts";
import type { Program } from "../../dsl/program.ts";
import { readingOf } from "../../runtime/plan/readings.ts";
import type { Optimizer } from "../../runtime/optimizer.ts";
import { ownOptions } from "../../runtime/options.ts";
import { Binding } from "../../runtime/step/binding.ts";
import { requireDivisor } from "../../runtime/step/groups.ts";
import { initialNumber } from "../../runtime/step/initial.ts";
import { Layout, requireLeaves } from "../../runtime/trees/layout.ts";
import type { State } from "../../runtime/trees/state.ts";
import { requireOptimizer } from "../../runtime/wrap.ts";
import { Fold } from "../fold.ts";
import type { ArrayLibrary } from "../library.ts";
import { beginLeaf } from "./begin.ts";
import { fromHostState, toHostState } from "./host_state.ts";
import { GraphRule } from "./rule.ts";
import { spellings } from "./spellings.ts";
import { type JaxInputs, type JaxState, readInputs, readState } from "./state.ts";
import { ArrayInfo, inOrderOf, isArray, readArray } from "./trees.ts";
import type { JaxArray, JaxNumpy, JaxTree } from "./types.ts";
import { requireWholeLeaves } from "../../runtime/step/views.ts";

/** How an optimizer is made one of jax-js. */
export interface JaxOptions {
  /**
   * The hyperparameters that the state carries as arrays without axes, `state.hyper.learningRate`, so that
   * one can be changed without compiling anew: Optax's `inject_hyperparams`. Each must have been given as one
   * number, which it begins at; what is put there later is not held to its domain. Default: none.
   */
  readonly hyper?: readonly string[];
}

/** An optimizer as jax-js's Optax has it. Every array that is given is used up, as by all of jax-js. */
export interface JaxTransformation<A> {
  /** The state before the first step. */
  init<P extends JaxTree<A>>(params: P): JaxState<A>;
  /**
   * What to add to the parameters, and the next state. `params` may be left out where the program does not
   * read them; `inputs` are those that the program declares, Optax's extra arguments.
   *
   * @throws {GradusError} if something is missing or does not fit; then nothing has been used up.
   */
  update<P extends JaxTree<A>>(
    updates: P,
    state: JaxState<A>,
    params?: P,
    inputs?: JaxInputs<A>,
  ): [updates: P, state: JaxState<A>];
  /**
   * The parameters to evaluate with, as the program says: for most programs those that are given.
   *
   * @throws {GradusError} if something is missing or does not fit; then nothing has been used up.
   */
  evaluationParams<P extends JaxTree<A>>(params: P, state: JaxState<A>): P;
  /**
   * The state as one of Gradus, to be saved with `params`, the parameters as {@linkcode fromJaxTree} gives them,
   * or to go on by Gradus's own kernels. It cannot be called while a function is traced.
   *
   * @example
   * ```ts
   * import { adamw } from "@gradus/gradus";
   * import { fromJaxTree, toJax, toJaxTree } from "@gradus/gradus/jax";
   * import { load, save } from "@gradus/gradus/safetensors";
   * import { init, numpy as np, tree } from "@jax-js/jax";
   * import { assertEquals } from "@std/assert";
   *
   * await init("cpu");
   * const optimizer = adamw({ learningRate: 0.1 });
   * const opt = toJax(optimizer, np);
   * const w = np.array([1, 2]);
   * const [updates, state] = opt.update({ w: np.array([3, -4]) }, opt.init({ w: w.ref }), { w: w.ref });
   *
   * const params = fromJaxTree({ w: w.add(updates.w) });
   * const run = load<typeof params>(save({ optimizer, params, state: opt.toHost(params, state) }));
   * const next = { params: toJaxTree(run.params, np), state: opt.fromHost(run.params, run.state) };
   * assertEquals(next.state.count.ref.js(), 1);
   * tree.dispose(next);
   * ```
   *
   * @throws {GradusError} if the state is none of these parameters; then nothing has been used up.
   */
  toHost(params: object, state: JaxState<A>): State;
  /**
   * What a state of Gradus on `params`, tensors or arrays, is in jax-js: a run goes on there that was loaded.
   * Numbers become float32, and what was written into `state.hyper` must be among those that the state carries.
   *
   * @throws {GradusError} if the state is none of this optimizer and these parameters, or is stored short.
   */
  fromHost(params: object, state: State): JaxState<A>;
}

/** How many structures of trees are kept bound. */
const MOST_BOUND = 8;

/**
 * An optimizer as a gradient transformation of jax-js, which takes and gives trees of its arrays: the
 * program in the operations of `np`, jax-js's `numpy`. So the loss, its gradient and the step are one graph
 * under `jit`, on every backend of jax-js, and nothing is copied. The step can be differentiated.
 *
 * Arrays are float32, and so are the numbers of a step, schedules and bias corrections included: they come
 * to within 1e-6 of those that Gradus forms in float64. Counts that a program keeps itself, such as
 * `gradientStep` of `multiSteps`, are exact up to 2^24. What is made of one array after another keeps
 * jax-js's order and roundings. Where float64 or random numbers are needed, step by Gradus itself, with
 * {@linkcode fromJaxTree} and {@linkcode toJaxTree}.
 *
 * @example
 * ```ts
 * import { adamw, chain, clipByGlobalNorm } from "@gradus/gradus";
 * import { toJax } from "@gradus/gradus/jax";
 * import { init, jit, numpy as np, tree, valueAndGrad } from "@jax-js/jax";
 * import { assert } from "@std/assert";
 *
 * await init("cpu");
 * const loss = (w: np.Array) => np.sum(np.square(w.sub(3)));
 * const opt = toJax(chain(clipByGlobalNorm({ maxNorm: 1 }), adamw({ learningRate: 0.5 })), np);
 * const step = jit((w: np.Array, state: ReturnType<typeof opt.init>) => {
 *   const [value, gradient] = valueAndGrad(loss)(w.ref);
 *   const [updates, next] = opt.update(gradient, state, w.ref);
 *   return { w: w.add(updates), state: next, value };
 * });
 *
 * let w: np.Array = np.zeros([4]);
 * let state = opt.init(w.ref);
 * for (let k = 0; k < 50; k++) {
 *   const made = step(w, state);
 *   [w, state] = [made.w, made.state];
 *   made.value.dispose();
 * }
 * assert(loss(w).item() < 0.1);
 * tree.dispose(state);
 * ```
 *
 * @throws {GradusError} if a hyperparameter is a function without an expression, a state is not stored as
 * float32, or the program draws random numbers.
 */
export function toJax<A extends JaxArray>(
  optimizer: Optimizer,
  np: JaxNumpy<A>,
  options: JaxOptions = {},
): JaxTransformation<A> {
  return new Transformation(optimizer, np, options);
}

/** The optimizer on trees of one structure. */
interface Bound<A> {
  readonly layout: Layout;
  readonly binding: Binding;
  update?: Fold<A>;
  evaluate?: Fold<A>;
}

class Transformation<A extends JaxArray> implements JaxTransformation<A> {
  readonly #np: JaxNumpy<A>;
  readonly #library: ArrayLibrary<A>;
  readonly #optimizer: Optimizer;
  readonly #rule: GraphRule;
  #bound: readonly Bound<A>[] = [];

  constructor(optimizer: Optimizer, np: JaxNumpy<A>, options: JaxOptions) {
    requireOptimizer(optimizer, "the optimizer", "Cannot make one of jax-js");
    const doing = `Cannot make "${optimizer.program.name}" one of jax-js`;
    if (typeof np?.full !== "function") {
      throw new GradusError(`${doing}: \`np\` must be the \`numpy\` of jax-js: given ${shown(np)}`);
    }
    const { hyper = [], ...others } = ownOptions(options, doing) as JaxOptions;
    const [unknown] = Object.keys(others);
    if (unknown !== undefined) {
      throw new GradusError(`${doing}: there is no option ${quoted(unknown)}`);
    }
    if (!Array.isArray(hyper) || !hyper.every((name) => typeof name === "string")) {
      throw new GradusError(`${doing}: \`hyper\` must be a list of names: given ${shown(hyper)}`);
    }
    [this.#np, this.#optimizer] = [np, optimizer];
    this.#library = spellings(np);
    this.#rule = new GraphRule(optimizer, hyper, doing);
  }

  init<P extends JaxTree<A>>(params: P): JaxState<A> {
    const doing = `Cannot initialise "${this.#rule.program.name}" in jax-js`;
    const { program, carried } = this.#rule;
    const { layout, binding } = this.#boundTo(params, doing);
    const arrays = layout.leavesOf<A>(params, "the parameters", doing, readArray);
    const beginning = binding.beginning({}, doing);
    const state: JaxState<A> = { count: this.#np.full([], 0, { dtype: "int32" as never }) };
    if (carried.size > 0) {
      state.hyper = Object.fromEntries(
        [...carried].map(([name, begin]) => [name, this.#library.full(begin, [])]),
      );
    }
    for (const name of binding.live) {
      if (program.state.get(name)!.over === "tree") {
        const { init, symbols } = beginning.of(name, undefined);
        state[name] = this.#library.full(initialNumber(init, symbols), []);
        continue;
      }
      const made = arrays.map(({ data }, leaf) => {
        const { init, symbols } = beginning.of(name, leaf);
        const shape = binding.stateShape(name, leaf);
        return beginLeaf(this.#library, name, { init, symbols, shape, parameter: data }, doing);
      });
      state[name] = inOrderOf<A>(params, layout.build(made), isArray);
    }
    for (const { data } of arrays) data.dispose();
    return state;
  }

  update<P extends JaxTree<A>>(
    updates: P,
    state: JaxState<A>,
    params?: P,
    inputs: JaxInputs<A> = {},
  ): [updates: P, state: JaxState<A>] {
    const { program, carried } = this.#rule;
    const doing = `Cannot update by "${program.name}" in jax-js`;
    if (params === undefined && readingOf(program).parameter) {
      throw new GradusError(
        `${doing}: it reads the parameters: they must be given as third argument`,
      );
    }
    const like = params ?? updates;
    const bound = this.#boundTo(like, doing);
    const { layout, binding } = bound;
    const leaves = new Map([
      ["g", layout.alignLike<A>(updates, "the updates", doing, readArray)],
      ...(params === undefined
        ? []
        : [["w", layout.alignLike<A>(params, "the parameters", doing, readArray)] as const]),
    ]);
    const tree = readState(this.#rule, bound, state, leaves, doing);
    bound.update ??= this.#fold(program, binding, 0, doing);
    readInputs(this.#rule, bound, inputs, this.#library, leaves, tree, doing);

    const { count } = state;
    const next: JaxState<A> = { count: this.#np.add(count.ref, 1) };
    tree.set("count", this.#np.astype(count, "float32" as never));
    if (carried.size > 0) {
      next.hyper = Object.fromEntries(
        [...carried.keys()].map((name) => [name, tree.get(name)!.ref]),
      );
    }
    const made = bound.update.run({ leaves, tree, numbers: [] });
    for (const name of binding.live) {
      const number = made.treeStates.get(name);
      next[name] = number !== undefined
        ? typeof number === "number" ? this.#library.full(number, []) : number
        : inOrderOf<A>(
          state[name],
          layout.build(
            made.states.get(name)!.map((array) => array ?? this.#library.full(0, [0])),
          ),
          isArray,
        );
    }
    return [inOrderOf<A>(like, layout.build(made.updates), isArray) as P, next];
  }

  evaluationParams<P extends JaxTree<A>>(params: P, state: JaxState<A>): P {
    const { program } = this.#rule;
    const doing = `Cannot evaluate by "${program.name}" in jax-js`;
    const bound = this.#boundTo(params, doing);
    const { layout, binding } = bound;
    const leaves = new Map([
      ["w", layout.alignLike<A>(params, "the parameters", doing, readArray)],
    ]);
    const tree = readState(this.#rule, bound, state, leaves, doing);
    for (const { structural } of binding.groups) requireDivisor(program, structural, doing);
    bound.evaluate ??= this.#fold(evaluation(program), binding, 1, doing);
    const before = this.#np.add(this.#np.astype(state.count, "float32" as never), -1);
    tree.set("count", this.#np.maximum(before, 0));
    const { updates } = bound.evaluate.run({ leaves, tree, numbers: [] });
    return inOrderOf<A>(params, layout.build(updates), isArray) as P;
  }

  toHost(params: object, state: JaxState<A>): State {
    const doing = `Cannot take the state of "${this.#rule.program.name}" out of jax-js`;
    return toHostState(this.#optimizer, this.#rule, params, state, doing);
  }

  fromHost(params: object, state: State): JaxState<A> {
    const doing = `Cannot take the state of "${this.#rule.program.name}" into jax-js`;
    const to = { np: this.#np, library: this.#library };
    return fromHostState(this.#optimizer, this.#rule, params, state, to, doing);
  }

  #fold(program: Program, binding: Binding, ago: 0 | 1, doing: string): Fold<A> {
    const { groups, groupOf, layout } = binding;
    return new Fold({
      library: this.#library,
      program,
      groups: groups.map((group) => ({
        structural: group.structural,
        guards: [],
        live: group.live,
        axes: group.axes,
        bind: (name) => this.#rule.bind(name, group, ago),
      })),
      leaves: layout.leaves.map(({ shape }, i) => ({ group: groups.indexOf(groupOf[i]), shape })),
      isNumber: () => false,
      doing,
    });
  }

  #boundTo(tree: unknown, doing: string): Bound<A> {
    const known = this.#bound.find(({ layout }) => layout.matches(tree, readArray));
    if (known !== undefined) return known;
    const layout = Layout.of(tree, doing, readArray);
    requireLeaves(layout, doing);
    const { program, settings } = this.#rule;
    const infos = layout.build(layout.leaves.map(({ shape }) => new ArrayInfo(shape)));
    const shapes = inOrderOf(tree, infos, isArray);
    const bound = { layout, binding: new Binding(program, settings, layout, shapes, doing) };
    requireWholeLeaves(bound.binding, "arrays of jax-js", doing);
    this.#bound = [bound, ...this.#bound.slice(0, MOST_BOUND - 1)];
    return bound;
  }
}
