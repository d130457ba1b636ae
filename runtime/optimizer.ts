/** An optimizer that runs: its state, its functional update and its step in place. */
import { GradusError, shown } from "../dsl/errors.ts";
import { Evaluator } from "../dsl/evaluate.ts";
import { elaborate } from "../dsl/graph.ts";
import { postorder } from "../dsl/node.ts";
import type { Program, StateDeclaration } from "../dsl/program.ts";
import { Binding, type Group, readsParameter } from "./binding.ts";
import { type HyperNumbers, isScheduled, numbersAt, type Setting } from "./hyper.ts";
import { interpret } from "./interpret.ts";
import { isCodeForbidden, runJs } from "./js/run.ts";
import { keptAxes, type Mode, plan } from "./plan.ts";
import type { ArrayKind, GroupRun, LeafRun, StepRun } from "./run.ts";
import { type DType, load, type NumberArray, type StorageType, store } from "./storage.ts";
import { asLeaf, Layout, type LeafInfo, mirror, requireDistinct } from "./trees.ts";
import { type Backend, variantOf } from "./variants.ts";

/**
 * What an optimizer carries from step to step: a plain tree that can be looked at and saved. Besides
 * these it holds each state of the program under its name, a tree like the parameters'.
 */
export interface State {
  /** The name of the optimizer that made it. */
  optimizer: string;
  /** The number of updates so far. */
  count: number;
  /**
   * The hyperparameters the last step used. A number written here holds from the next step on;
   * deleting one that is scheduled returns it to its schedule. Scheduled values follow from `count`
   * and are inherited, not own, so that only what was written is saved.
   */
  hyper: Record<string, HyperNumbers>;
  [state: string]: unknown;
}

/** How an optimizer runs. */
export interface RunOptions {
  /** Compiled JavaScript (the default), or the interpreter that defines what a program means. */
  readonly backend?: Backend;
}

/** A program with values for its hyperparameters. */
export interface Optimizer {
  /** What a step computes. */
  readonly program: Program;
  /** The hyperparameters it was made with. */
  readonly settings: ReadonlyMap<string, Setting>;
  /** Types that states are stored in where they differ from the parameter's. */
  readonly storage: ReadonlyMap<string, StorageType>;
  /** The state before the first step. */
  init(params: object): State;
  /**
   * What to add to the parameters, and the next state; nothing given is changed. `params` may be
   * left out if the program does not read them.
   */
  update<P extends object>(
    gradients: P,
    state: State,
    params?: P,
    inputs?: Readonly<Record<string, unknown>>,
  ): [updates: P, state: State];
  /** One step in place: changes the arrays of `params` and `state`. */
  step<P extends object>(
    params: P,
    gradients: P,
    state: State,
    inputs?: Readonly<Record<string, unknown>>,
  ): void;
  /** The same optimizer, run in another way. */
  with(options: RunOptions): Optimizer;
}

/** An optimizer of `program`; the settings are checked. */
export function bind(
  program: Program,
  settings: ReadonlyMap<string, Setting>,
  storage: ReadonlyMap<string, StorageType>,
  options: RunOptions = {},
): Optimizer {
  return new BoundOptimizer(program, settings, storage, options);
}

const MOST_BINDINGS = 8;

class BoundOptimizer implements Optimizer {
  readonly program: Program;
  readonly settings: ReadonlyMap<string, Setting>;
  readonly storage: ReadonlyMap<string, StorageType>;
  readonly #backend: Backend;
  #bindings: Binding[] = [];
  #distinct: readonly NumberArray[] = [];

  constructor(
    program: Program,
    settings: ReadonlyMap<string, Setting>,
    storage: ReadonlyMap<string, StorageType>,
    { backend = "js" }: RunOptions,
  ) {
    if (backend !== "js" && backend !== "interpreter") {
      throw new GradusError(
        `Cannot run "${program.name}": \`backend\` must be "js" or "interpreter": ` +
          `given ${shown(backend)}`,
      );
    }
    [this.program, this.settings, this.storage] = [program, settings, storage];
    this.#backend = backend === "js" && isCodeForbidden() ? "interpreter" : backend;
  }

  with(options: RunOptions): Optimizer {
    return new BoundOptimizer(this.program, this.settings, this.storage, options);
  }

  init(params: object): State {
    const doing = `Cannot initialise "${this.program.name}"`;
    const binding = this.#bindingOf(params, doing);
    const { layout } = binding;
    const arrays = alignLike(layout, params, "parameters", doing);
    requireDistinct(arrays.map((array, i) => [array, `\`${layout.leaves[i].path}\``]), doing);
    const hyper: State["hyper"] = {};
    for (const [name, { value }] of this.settings) {
      if (typeof value !== "boolean" && !isScheduled(value)) hyper[name] = numbersAt(value, 0);
    }
    const state: State = { optimizer: this.program.name, count: 0, hyper };
    const numbers = this.#numbersOf(binding, {}, 0, params, doing).groups;
    for (const name of binding.live) {
      state[name] = this.#initialState(name, binding, arrays, numbers);
    }
    return state;
  }

  update<P extends object>(
    gradients: P,
    state: State,
    params?: P,
    inputs: Readonly<Record<string, unknown>> = {},
  ): [updates: P, state: State] {
    const { program } = this;
    const doing = `Cannot update by "${program.name}"`;
    if (params === undefined && readsParameter(program)) {
      throw new GradusError(
        `${doing}: it reads the parameters: they must be given as third argument`,
      );
    }
    const { layout, live } = this.#bindingOf(params ?? gradients, doing);
    const updates = layout.build(layout.leaves.map((info) => mirror(info, info.dtype, info.shape)));
    const next: State = { optimizer: program.name, count: 0, hyper: { ...state?.hyper } };
    for (const name of live) {
      const declaration = program.state.get(name)!;
      next[name] = declaration.over === "tree" ? 0 : layout.build(
        layout.leaves.map((info) =>
          mirror(info, this.#dtypeOf(name, info), stateShape(declaration, info, program.name))
        ),
      );
    }
    this.#run("update", params, gradients, state, inputs, updates, next, doing);
    return [updates as P, next];
  }

  step<P extends object>(
    params: P,
    gradients: P,
    state: State,
    inputs: Readonly<Record<string, unknown>> = {},
  ): void {
    const doing = `Cannot step by "${this.program.name}"`;
    this.#run("step", params, gradients, state, inputs, params, state, doing);
  }

  /** Checks everything, then computes; `target` and `next` take the results. */
  #run(
    mode: Mode,
    params: object | undefined,
    gradients: object,
    state: State,
    inputs: Readonly<Record<string, unknown>>,
    target: unknown,
    next: State,
    doing: string,
  ): void {
    const { program } = this;
    const known = this.#bindingOf(params ?? gradients, doing);
    const { layout } = known;
    this.#requireState(state, known, doing);
    const { binding, groups, used } = this.#numbersOf(
      known,
      state.hyper,
      state.count,
      params ?? gradients,
      doing,
    );
    const common = new Map<string, number>([["count", state.count]]);
    for (const name of program.inputs.keys()) common.set(name, inputOf(inputs, name, doing));

    const kept = [...known.live];
    const isTree = (name: string) => program.state.get(name)!.over === "tree";
    for (const name of kept.filter(isTree)) common.set(name, treeNumber(state, name, doing));
    const states = kept.filter((name) => !isTree(name));
    const arrays = {
      w: params === undefined ? undefined : alignLike(layout, params, "parameters", doing),
      g: alignLike(layout, gradients, "gradients", doing),
      out: alignLike(layout, target, "parameters", doing),
      states: states.map((name) => this.#alignState(layout, state, name, doing)),
      next: states.map((name) => this.#alignState(layout, next, name, doing)),
    };
    if (mode === "step") this.#requireDistinct(arrays.out, arrays.next, states, layout, doing);

    const runs = new Map<Group, GroupRun>(binding.groups.map((group, i) => [
      group,
      this.#groupRun(group, mode, params !== undefined, states, known, groups[i], common, doing),
    ]));
    const run: StepRun = {
      globals: elaborate(program).globals,
      leaves: layout.leaves.map(({ shape, size }, i): LeafRun => ({
        group: runs.get(binding.groupOf[i])!,
        shape,
        size,
        inputs: [
          ...(arrays.w === undefined ? [] : [arrays.w[i]]),
          arrays.g[i],
          ...arrays.states.map((leaves) => leaves[i]),
        ],
        outputs: [arrays.out[i], ...arrays.next.map((leaves) => leaves[i])],
      })),
    };
    const treeStates = this.#backend === "js" ? runJs(run) : interpret(run);
    for (const name of kept.filter(isTree)) next[name] = treeStates.get(name);
    next.count = state.count + 1;
    record(next, used);
  }

  #groupRun(
    group: Group,
    mode: Mode,
    hasParams: boolean,
    states: readonly string[],
    { live }: Binding,
    numbers: ReadonlyMap<string, number>,
    common: ReadonlyMap<string, number>,
    doing: string,
  ): GroupRun {
    const { dtype, rank } = group;
    const structural = new Map(
      [...group.structural].filter(([name, value]) => value !== 0 || numbers.get(name) === 0),
    );
    const kinds = states.map((name): ArrayKind => ({ name, dtype: this.#stored(name, dtype) }));
    const variant = variantOf(this.program, {
      structural,
      live,
      mode,
      rank,
      backend: this.#backend,
      dtypes: [dtype, hasParams, ...kinds.map((kind) => kind.dtype)].join(),
    });
    if (structural.size !== group.structural.size) {
      requireKept(this.program, variant.plan.extents.keys(), live, doing);
    }
    const parameter: ArrayKind[] = hasParams ? [{ name: "w", dtype }] : [];
    return {
      ...variant,
      mode,
      dtype,
      inputs: [...parameter, { name: "g", dtype }, ...kinds],
      outputs: [{ name: "", dtype }, ...kinds],
      symbols: new Map([...common, ...numbers]),
    };
  }

  /** The numbers of each group at a step, and the values that schedules gave. */
  #numbersOf(
    binding: Binding,
    written: State["hyper"],
    count: number,
    params: unknown,
    doing: string,
  ): {
    readonly binding: Binding;
    readonly groups: readonly ReadonlyMap<string, number>[];
    readonly used: State["hyper"];
  } {
    const { layout } = binding;
    const groups = binding.groups.map(() => new Map<string, number>());
    const used: State["hyper"] = {};
    for (const [name, setting] of this.settings) {
      if (typeof setting.value === "boolean") continue;
      const isWritten = Object.hasOwn(written, name);
      const value = isWritten ? written[name] : numbersAt(setting.value, count);
      if (!isWritten && isScheduled(setting.value)) used[name] = value;
      const what = `hyperparameter \`${name}\``;
      const leaves = typeof value === "object" && value !== null
        ? layout.prefix(value, what, doing, (part) => typeof part === "number")
        : undefined;
      for (const [i, group] of binding.groups.entries()) {
        const values = leaves === undefined
          ? [value]
          : group.leaves.map((leaf) => leaves[leaf].value);
        if (group.settings.get(name)!.isMasked) {
          groups[i].set(name, 0);
          continue;
        }
        for (const number of values) {
          if (typeof number !== "number" || Number.isNaN(number)) {
            throw new GradusError(
              `${doing}: ${what} must be a number: given ${shown(number)} at count ${count}`,
            );
          }
        }
        if (values.some((number) => number !== values[0])) {
          // A tree was written whose parts cut across the groups: group anew by it.
          const settings = new Map([...this.settings, [name, {
            ...setting,
            value: value as never,
          }]]);
          const regrouped = new Binding(this.program, settings, layout, params, doing);
          return this.#numbersOf(regrouped, written, count, params, doing);
        }
        groups[i].set(name, values[0] as number);
      }
    }
    return { binding, groups, used };
  }

  #initialState(
    name: string,
    { layout, groups, groupOf }: Binding,
    arrays: readonly NumberArray[],
    numbers: readonly ReadonlyMap<string, number>[],
  ): unknown {
    const declaration = this.program.state.get(name)!;
    const { init } = declaration;
    const isOfParameter = postorder([init]).some(({ op, arg }) => op === "Symbol" && arg === "w");
    const evaluator = new Evaluator([init]);
    const value = (group: Group) => {
      evaluator.evaluate(numbers[groups.indexOf(group)]);
      return evaluator.get(init);
    };
    if (declaration.over === "tree") return value(groups[0]);
    return layout.build(layout.leaves.map((info, i) => {
      const dtype = this.#dtypeOf(name, info);
      const shape = stateShape(declaration, info, this.program.name);
      const leaf = mirror(info, dtype, shape);
      const { data } = asLeaf(leaf, info.path, "")!;
      if (isOfParameter) {
        const symbols = numbers[groups.indexOf(groupOf[i])];
        interpretInit(declaration, info, arrays[i], symbols, data, dtype);
      } else {
        const number = value(groupOf[i]);
        for (let j = 0; j < data.length; j++) store(dtype, data, j, number);
      }
      return leaf;
    }));
  }

  #bindingOf(params: unknown, doing: string): Binding {
    const known = this.#bindings.find(({ layout }) => layout.matches(params));
    if (known !== undefined) return known;
    const layout = Layout.of(params, doing);
    const binding = new Binding(this.program, this.settings, layout, params, doing);
    this.#bindings = [binding, ...this.#bindings.slice(0, MOST_BINDINGS - 1)];
    return binding;
  }

  #requireState(state: State, { live }: Binding, doing: string): void {
    const { name } = this.program;
    if (typeof state !== "object" || state === null || state.optimizer !== name) {
      const given = typeof state?.optimizer === "string"
        ? `one of "${state.optimizer}"`
        : shown(state);
      throw new GradusError(`${doing}: the state must be one of "${name}": given ${given}`);
    }
    if (!Number.isSafeInteger(state.count) || state.count < 0) {
      throw new GradusError(
        `${doing}: the state's \`count\` must be a whole number from 0: given ${
          shown(state.count)
        }`,
      );
    }
    if (typeof state.hyper !== "object" || state.hyper === null) {
      throw new GradusError(
        `${doing}: the state's \`hyper\` must be an object: given ${shown(state.hyper)}`,
      );
    }
    for (const key of Object.keys(state.hyper)) {
      if (!this.settings.has(key)) {
        throw new GradusError(`${doing}: the state's \`hyper\` has no \`${key}\` to set`);
      }
    }
    for (const key of live) {
      if (!Object.hasOwn(state, key)) {
        throw new GradusError(`${doing}: the state must have \`${key}\`: it is missing`);
      }
    }
  }

  #alignState(layout: Layout, state: State, name: string, doing: string): NumberArray[] {
    const declaration = this.program.state.get(name)!;
    return layout.align(
      state[name],
      `state \`${name}\``,
      doing,
      (info) => this.#dtypeOf(name, info),
      (info) => stateShape(declaration, info, this.program.name),
    );
  }

  // Checking a thousand arrays at every step would cost more than stepping them.
  #requireDistinct(
    params: readonly NumberArray[],
    next: readonly (readonly NumberArray[])[],
    states: readonly string[],
    { leaves }: Layout,
    doing: string,
  ): void {
    const written = [...params, ...next.flat()];
    const isKnown = written.length === this.#distinct.length &&
      written.every((array, i) => array === this.#distinct[i]);
    if (isKnown) return;
    const named = ["w", ...states];
    const n = leaves.length;
    requireDistinct(
      written.map((array, i) => [array, place(named[Math.floor(i / n)], leaves[i % n].path)]),
      doing,
    );
    this.#distinct = written;
  }

  #dtypeOf(state: string, info: LeafInfo): DType {
    return this.#stored(state, info.dtype);
  }

  #stored(state: string, dtype: "float32" | "float64"): DType {
    return this.storage.get(state) ?? dtype;
  }
}

function place(name: string, path: string): string {
  return name === "w" ? `\`${path}\`` : `\`${path}\` of state \`${name}\``;
}

function alignLike(layout: Layout, tree: unknown, what: string, doing: string): NumberArray[] {
  return layout.align(tree, what, doing, ({ dtype }) => dtype, ({ shape }) => shape);
}

function stateShape(
  { over }: StateDeclaration,
  { shape }: LeafInfo,
  name: string,
): readonly number[] {
  if (over === "element") return shape;
  const kept = over === "tensor" ? 0 : keptAxes(over, shape.length, `optimizer "${name}"`);
  return shape.map((size, axis) => kept & (1 << axis) ? size : 1);
}

function inputOf(inputs: Readonly<Record<string, unknown>>, name: string, doing: string): number {
  const value = inputs[name];
  if (typeof value !== "number") {
    throw new GradusError(
      `${doing}: input \`${name}\` must be given as a number: given ${shown(value)}`,
    );
  }
  return value;
}

function treeNumber(state: State, name: string, doing: string): number {
  const value = state[name];
  if (typeof value !== "number") {
    throw new GradusError(`${doing}: state \`${name}\` must be a number: given ${shown(value)}`);
  }
  return value;
}

// A hyperparameter that was 0 for good when the optimizer was made has taken its states with it.
function requireKept(
  program: Program,
  nodes: Iterable<{ readonly op: string; readonly arg: unknown }>,
  live: ReadonlySet<string>,
  doing: string,
): void {
  for (const { op, arg } of nodes) {
    if (op === "Symbol" && program.state.has(arg as string) && !live.has(arg as string)) {
      throw new GradusError(
        `${doing}: state \`${arg}\` was left out, since a hyperparameter that it needs was 0 when ` +
          `the optimizer was made: make it with another value, or with a schedule`,
      );
    }
  }
}

/** The initial value of a state that starts from the parameter. */
function interpretInit(
  { init }: StateDeclaration,
  { shape, size, dtype }: LeafInfo,
  parameter: NumberArray,
  symbols: ReadonlyMap<string, number>,
  data: NumberArray,
  stored: DType,
): void {
  const graph = { update: init, states: new Map(), globals: [] };
  const none = { name: "", state: new Map() } as unknown as Program;
  const group: GroupRun = {
    graph,
    plan: plan(none, graph, new Set(), [], "update", shape.length),
    mode: "update",
    dtype,
    inputs: [{ name: "w", dtype }],
    outputs: [{ name: "", dtype: stored }],
    symbols,
  };
  interpret({
    globals: [],
    leaves: [{ group, shape, size, inputs: [parameter], outputs: [data] }],
  });
}

const records = new WeakSet<object>();

/** Lets `state.hyper` inherit what schedules gave, without losing who holds on to the object. */
function record(state: State, used: State["hyper"]): void {
  const inherited = Object.getPrototypeOf(state.hyper);
  if (records.has(inherited)) {
    for (const name of Object.keys(inherited)) delete inherited[name];
    Object.assign(inherited, used);
  } else if (Object.keys(used).length > 0) {
    records.add(used);
    Object.setPrototypeOf(state.hyper, used);
  }
}

/** `params` plus `updates`, rounded to the parameters' type: a new tree. */
export function applyUpdates<P extends object>(params: P, updates: P): P {
  const doing = "Cannot apply updates";
  const layout = Layout.of(params, doing);
  const [before, change] = [
    alignLike(layout, params, "parameters", doing),
    alignLike(layout, updates, "updates", doing),
  ];
  return layout.build(layout.leaves.map((info, i) => {
    const leaf = mirror(info, info.dtype, info.shape);
    const { data } = asLeaf(leaf, info.path, doing)!;
    for (let j = 0; j < data.length; j++) data[j] = load(info.dtype, before[i], j) + change[i][j];
    return leaf;
  })) as P;
}
