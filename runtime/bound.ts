/** How an optimizer runs: it checks what it is given, has it planned, and hands it to a backend. */
import { GradusError, shown } from "../dsl/errors.ts";
import { elaborate, globalsRead } from "../dsl/graph.ts";
import { ZERO } from "../dsl/node.ts";
import type { Program } from "../dsl/program.ts";
import { Binding, type Group, readsParameter } from "./binding.ts";
import { GatheredStep, type GroupRuns, type StepArrays, type StepInputs } from "./gathered.ts";
import { isScheduled, numbersAt, type Setting } from "./hyper.ts";
import type { Optimizer, RunOptions } from "./optimizer.ts";
import { interpret } from "./interpret.ts";
import { isCodeForbidden } from "./js/kernel.ts";
import { runJs } from "./js/run.ts";
import { apartFrom, mirror, requireDistinct, spellPath } from "./leaves.ts";
import {
  alignMaster,
  allocateMaster,
  hasMaster,
  initialMaster,
  MASTER,
  updatesFrom,
} from "./master.ts";
import { numbersOf } from "./numbers.ts";
import {
  type ArrayKind,
  arraysOf,
  elementInputs,
  type Executor,
  type GroupArrays,
  type GroupRun,
  typesOf,
} from "./run.ts";
import { beside, disposable } from "./resident.ts";
import {
  inheritScheduled,
  initialLeaf,
  initialNumber,
  inputOf,
  requireState,
  requireWritable,
  type State,
  stateShape,
  treeNumber,
} from "./state.ts";
import { type DType, isShort, type NumberArray } from "./storage.ts";
import { type InitOptions, type StateStorage, storageIn, storageWith, storedAs } from "./stored.ts";
import { Layout } from "./trees.ts";
import { type Backend, type FormKey, formOf, guardsAt, guardsOf, variantOf } from "./variants.ts";
import { hasProducts, isAllowed, isRunnable } from "./wasm/kernel.ts";
import { blockOf } from "./wasm/memory.ts";
import { runWasm } from "./wasm/run.ts";
import { defaultThreads, MOST_THREADS } from "./wasm/threads.ts";

/** An optimizer of `program`; the settings are checked. */
export function bind(
  program: Program,
  settings: ReadonlyMap<string, Setting>,
  storage: StateStorage,
  options: RunOptions = {},
): Optimizer {
  return new BoundOptimizer(program, settings, storage, options);
}

const MOST_BINDINGS = 8;
const EXECUTORS: Readonly<Record<Backend, Executor>> = {
  wasm: runWasm,
  js: runJs,
  interpreter: interpret,
};
const BACKENDS: readonly Backend[] = ["wasm", "js", "interpreter"];

class BoundOptimizer implements Optimizer {
  readonly program: Program;
  readonly settings: ReadonlyMap<string, Setting>;
  readonly storage: StateStorage;
  readonly #backend: Backend;
  readonly #threads: number;
  /** The hyperparameters that a state may hold. */
  readonly #writable: readonly string[];
  #bindings: Binding[] = [];
  #last: GatheredStep | undefined;

  constructor(
    program: Program,
    settings: ReadonlyMap<string, Setting>,
    storage: StateStorage,
    { backend = "wasm", threads = defaultThreads() }: RunOptions,
  ) {
    if (!BACKENDS.includes(backend)) {
      throw new GradusError(
        `Cannot run "${program.name}": \`backend\` must be one of ${BACKENDS.join(", ")}: ` +
          `given ${shown(backend)}`,
      );
    }
    if (!Number.isInteger(threads) || threads < 1 || threads > MOST_THREADS) {
      throw new GradusError(
        `Cannot run "${program.name}": \`threads\` must be a whole number from 1 to ${MOST_THREADS}: ` +
          `given ${shown(threads)}`,
      );
    }
    [this.program, this.settings, this.storage] = [program, settings, storage];
    this.#backend = backend;
    this.#threads = threads;
    this.#writable = [...settings].flatMap(([name, { value }]) =>
      typeof value === "boolean" ? [] : [name]
    );
  }

  with(options: RunOptions): Optimizer {
    return new BoundOptimizer(this.program, this.settings, this.storage, options);
  }

  init(params: Disposable, options?: InitOptions): State & Disposable;
  init(params: object, options?: InitOptions): State;
  init(params: object, options: InitOptions = {}): State {
    const doing = `Cannot initialise "${this.program.name}"`;
    const storage = storageWith(this.program, this.storage, options, doing);
    const binding = this.#bindingOf(params, doing);
    const { layout } = binding;
    const arrays = layout.alignLike(params, "parameters", doing);
    requireDistinct(arrays.map((array, i) => [array, spellPath(layout.leaves[i].path)]), doing);
    const hyper: State["hyper"] = {};
    for (const [name, { value }] of this.settings) {
      if (typeof value !== "boolean" && !isScheduled(value)) hyper[name] = numbersAt(value, 0);
    }
    const state: State = { optimizer: this.program.name, count: 0, hyper };
    const numbers =
      numbersOf(this.program, this.settings, binding, {}, () => 0, params, doing).groups;
    for (const name of binding.live) {
      state[name] = this.#initialState(name, binding, arrays, numbers, storage);
    }
    if (hasMaster(layout)) state[MASTER] = initialMaster(layout, arrays);
    return arrays.some(blockOf) ? disposable(state) : state;
  }

  update<P extends object>(
    gradients: P,
    state: State,
    params?: P,
    inputs: StepInputs = {},
  ): [updates: P, state: State] {
    const { program } = this;
    const doing = `Cannot update by "${program.name}"`;
    if (params === undefined && readsParameter(program)) {
      throw new GradusError(
        `${doing}: it reads the parameters: they must be given as third argument`,
      );
    }
    if (params === undefined && Object.hasOwn(state ?? {}, MASTER)) {
      throw new GradusError(
        `${doing}: its state is of short parameters: they must be given as third argument`,
      );
    }
    const known = this.#bindingOf(params ?? gradients, doing);
    const { layout, live } = known;
    requireState(state, program, known.trees, this.#writable, doing);
    const storage = storageIn(state, statesOf(program, live), layout, this.storage, doing);
    const target = layout.build(layout.leaves.map((info) => mirror(info, info.dtype, info.shape)));
    const next: State = {
      optimizer: program.name,
      count: 0,
      hyper: structuredClone({ ...state?.hyper }),
    };
    for (const name of live) {
      const declaration = program.state.get(name)!;
      next[name] = declaration.over === "tree" ? 0 : layout.build(
        layout.leaves.map((info, i) =>
          mirror(
            info,
            storedAs(storage, name, info),
            stateShape(program, name, info, known.groupOf[i].live),
          )
        ),
      );
    }
    if (hasMaster(layout)) next[MASTER] = allocateMaster(layout);
    this.#run("update", params, gradients, state, inputs, target, next, doing);
    const updates = hasMaster(layout) ? updatesFrom(layout, params, target) : target;
    return [updates as P, next];
  }

  step<P extends object>(
    params: P,
    gradients: P,
    state: State,
    inputs: StepInputs = {},
  ): void {
    const doing = `Cannot step by "${this.program.name}"`;
    this.#run("step", params, gradients, state, inputs, params, state, doing);
  }

  /** Checks everything, then computes; `target` and `next` take the results. */
  #run(
    mode: "step" | "update",
    params: object | undefined,
    gradients: object,
    state: State,
    inputs: StepInputs,
    target: unknown,
    next: State,
    doing: string,
  ): void {
    const { program } = this;
    let last = this.#last;
    if (mode !== "step" || !last?.isOf(params, gradients, state, inputs)) {
      const known = this.#bindingOf(params ?? gradients, doing);
      requireState(state, program, known.trees, this.#writable, doing);
      last = this.#gather(mode, known, params, gradients, state, inputs, target, next, doing);
      this.#last = mode === "step" && last.isKeepable ? last : undefined;
    }
    const { known } = last;
    requireState(state, program, known.trees, this.#writable, doing);
    if (mode === "step") requireWritable(state, doing);
    const { binding, groups, used } = numbersOf(
      program,
      this.settings,
      known,
      state.hyper,
      (clock) => clock === undefined ? state.count : treeNumber(state, clock, doing),
      params ?? gradients,
      doing,
    );
    const common = new Map<string, number>([["count", state.count]]);
    for (const [name, kind] of program.inputs) {
      if (kind === "scalar") common.set(name, inputOf(inputs, name, doing));
    }
    const trees = [...known.live].filter((name) => program.state.get(name)!.over === "tree");
    for (const name of trees) common.set(name, treeNumber(state, name, doing));

    // What was 0 for good when the optimizer was made, and still is.
    const structural = binding.groups.map((group, i) =>
      new Map(
        [...group.structural].filter(([name, value]) =>
          value !== ZERO || groups[i].get(name) === 0
        ),
      )
    );
    const symbols = groups.map((numbers) => new Map([...common, ...numbers]));
    const forms = structural.map((each, i): FormKey => ({
      structural: each,
      guards: guardsAt(guardsOf(program, each), symbols[i]),
    }));
    const form = forms.map(({ structural, guards }) => [...structural.keys(), ...guards].join());
    const planned = last.planned(binding, form.join(";"), () => {
      const hasParams = params !== undefined;
      const { storage, reads } = last;
      const globals = new Set(forms.flatMap((key) => [...globalsRead(formOf(program, key))]));
      const { backend, runs } = this.#groupRuns(
        binding,
        reads,
        (group, i, types, backend) => {
          const readKinds = ["g", ...elementInputs(program)].map((name, k) => ({
            name,
            dtype: types[k],
          }));
          const arrays = arraysOf(
            mode,
            group.stored,
            readKinds,
            this.#kindsOf(group, storage),
            hasParams,
          );
          return this.#groupRun(group, arrays, forms[i], globals, backend, doing);
        },
      );
      return { backend, runs, globals: elaborate(program).globals, threads: this.#threads };
    });
    binding.groups.forEach((group, i) =>
      planned.groups.get(group)!.forEach((run) => run.symbols = symbols[i])
    );
    const treeStates = EXECUTORS[planned.backend](planned.run);
    for (const name of trees) next[name] = treeStates.get(name);
    next.count = state.count + 1;
    inheritScheduled(next, used);
  }

  /** The arrays of a step, checked. */
  #gather(
    mode: "step" | "update",
    known: Binding,
    params: object | undefined,
    gradients: object,
    state: State,
    inputs: StepInputs,
    target: unknown,
    next: State,
    doing: string,
  ): GatheredStep {
    const { layout } = known;
    const { leaves } = layout;
    const states = statesOf(this.program, known.live);
    const own = params === undefined ? undefined : layout.alignLike(params, "parameters", doing);
    const trees = elementInputs(this.program);
    const given = [
      layout.alignWidened(gradients, "gradients", doing),
      ...trees.map((name) => layout.alignWidened(inputs?.[name], `input \`${name}\``, doing)),
    ];
    const storage = storageIn(state, states, layout, this.storage, doing);
    const align = (from: State) =>
      states.map((name) => this.#alignState(known, from, name, storage, doing));
    const alignCopies = (from: State) =>
      hasMaster(layout) ? alignMaster(layout, from[MASTER], doing) : undefined;
    const out = mode === "step" ? own! : layout.alignLike(target, "parameters", doing);
    const [master, nextMaster] = [alignCopies(state), alignCopies(next)];
    const nextStates = align(next);
    const written = [...out, ...(nextMaster ?? []), ...nextStates.flat()];
    if (mode === "step") {
      const names = ["w", ...(nextMaster === undefined ? [] : [MASTER]), ...states];
      requireDistinct(
        written.map((array, i) => [
          array,
          place(names[Math.floor(i / leaves.length)], leaves[i % leaves.length].path),
        ]),
        doing,
      );
    }
    // What is only read may be another leaf's parameter, which is written before it is read.
    const reads = mode === "step" ? given.map((arrays) => apartFrom(arrays, written)) : given;
    const arrays: StepArrays = {
      w: own?.map((array, i) => isShort(leaves[i].dtype) ? master![i] : array),
      reads,
      out,
      master: nextMaster,
      states: align(state),
      next: nextStates,
    };
    const isKeepable = reads.every((arrays, k) =>
      arrays.every((array, i) => array === given[k][i])
    );
    return new GatheredStep(known, arrays, isKeepable, states, trees, storage, [
      params,
      gradients,
      state,
      inputs,
    ]);
  }

  /** The groups as the first backend plans them that can run them all. */
  #groupRuns(
    { groups }: Binding,
    reads: readonly (readonly DType[])[],
    make: (group: Group, i: number, reads: readonly DType[], backend: Backend) => GroupRun,
  ): { readonly backend: Backend; readonly runs: GroupRuns } {
    for (const backend of BACKENDS.slice(BACKENDS.indexOf(this.#backend))) {
      if (backend === "js" && isCodeForbidden()) continue;
      const runs = new Map(groups.map((group, i) => {
        const types = new Map(group.leaves.map((leaf) => [reads[leaf].join(), reads[leaf]]));
        const made = [...types].map(([key, each]) => [key, make(group, i, each, backend)] as const);
        return [group, new Map(made)];
      }));
      const all = [...runs.values()].flatMap((each) => [...each.values()]);
      if (backend === "wasm" && !all.every(isRunnableWithProducts)) continue;
      return { backend, runs };
    }
    throw new Error("the interpreter runs everything");
  }

  /** The arrays of a group's states. */
  #kindsOf({ dtype, live }: Group, storage: StateStorage): ArrayKind[] {
    return statesOf(this.program, live).map((name) => ({
      name,
      dtype: storage.get(name) ?? dtype,
    }));
  }

  #groupRun(
    { axes, live, structural }: Group,
    arrays: GroupArrays,
    form: FormKey,
    globals: ReadonlySet<number>,
    backend: Backend,
    doing: string,
  ): GroupRun {
    const { mode } = arrays;
    const dtypes = typesOf(arrays);
    const key = { ...form, live, globals, mode, axes, backend, dtypes };
    const variant = variantOf(this.program, key);
    if (form.structural.size !== structural.size) {
      requireKept(this.program, variant.plan.extents.keys(), live, doing);
    }
    return { ...variant, ...arrays, symbols: new Map() };
  }

  #initialState(
    name: string,
    { layout, groups, groupOf }: Binding,
    arrays: readonly NumberArray[],
    numbers: readonly ReadonlyMap<string, number>[],
    storage: StateStorage,
  ): unknown {
    const declaration = this.program.state.get(name)!;
    const { init, over } = declaration;
    if (over === "tree") return initialNumber(init, numbers[0]);
    return layout.build(layout.leaves.map((info, i) => {
      const symbols = numbers[groups.indexOf(groupOf[i])];
      const dtype = storedAs(storage, name, info);
      const shape = stateShape(this.program, name, info, groupOf[i].live);
      const leaf = initialLeaf(init, info, arrays[i], symbols, dtype, shape);
      return beside(leaf, info, arrays[i]);
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

  #alignState(
    { layout, groupOf }: Binding,
    state: State,
    name: string,
    storage: StateStorage,
    doing: string,
  ): NumberArray[] {
    return layout.align(
      state[name],
      `state \`${name}\``,
      doing,
      (info) => [storedAs(storage, name, info)],
      (info, i) => stateShape(this.program, name, info, groupOf[i].live),
    );
  }
}

/** Whether WebAssembly can compute a group, or its products while JavaScript computes its loops. */
function isRunnableWithProducts(group: GroupRun): boolean {
  return isRunnable(group) || hasProducts(group.plan) && isAllowed() && !isCodeForbidden();
}

/** The states that are arrays. */
function statesOf(program: Program, live: ReadonlySet<string>): string[] {
  return [...live].filter((name) => program.state.get(name)!.over !== "tree");
}

function place(name: string, path: string): string {
  return name === "w" ? spellPath(path) : `${spellPath(path)} of state \`${name}\``;
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
