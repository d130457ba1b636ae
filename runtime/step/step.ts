/** How an optimizer runs: it checks what it is given, has it planned, and hands it to a backend. */
import { GradusError, shown } from "../../dsl/errors.ts";
import { elaborate, globalsRead } from "../../dsl/graph.ts";
import type { Program } from "../../dsl/program.ts";
import { BACKENDS, backendsFor } from "../backends/choose.ts";
import { Binding, type Group, readsParameter } from "./binding.ts";
import { formOfStep, requireKept } from "./form.ts";
import { gather, statesOf } from "./gather.ts";
import type { GatheredStep, StepInputs } from "./gathered.ts";
import { isScheduled, numbersAt, type Setting } from "../trees/hyperparameters.ts";
import type { Optimizer, RunOptions } from "../optimizer.ts";
import { mirror, requireDistinct, spellPath } from "../trees/leaf.ts";
import { allocateMaster, hasMaster, initialMaster, MASTER, updatesFrom } from "../trees/master.ts";
import { numbersOf } from "./numbers.ts";
import {
  type ArrayKind,
  arraysOf,
  elementInputs,
  type GroupArrays,
  type GroupRun,
  typesOf,
} from "../backends/backend.ts";
import { beside, disposable } from "../trees/resident.ts";
import { inheritScheduled, requireState, requireWritable, type State } from "../trees/state.ts";
import { initialLeaf, initialNumber, stateShape } from "./initial.ts";
import type { DType, NumberArray } from "../trees/dtype.ts";
import {
  type InitOptions,
  type StateStorage,
  storageIn,
  storageWith,
  storedAs,
} from "../trees/state_storage.ts";
import { Layout } from "../trees/layout.ts";
import { type Backend, type FormKey, formOf, variantOf } from "../plan/variants.ts";
import { blockOf } from "../trees/arena.ts";
import { defaultThreads, MOST_THREADS } from "../backends/wasm/threads.ts";

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
      const trees = { params, gradients, state, inputs, target, next };
      last = gather(program, this.storage, mode, known, trees, doing);
      this.#last = mode === "step" && last.isKeepable ? last : undefined;
    }
    const { known } = last;
    requireState(state, program, known.trees, this.#writable, doing);
    if (mode === "step") requireWritable(state, doing);
    const form = formOfStep(
      program,
      this.settings,
      known,
      state,
      inputs,
      params ?? gradients,
      doing,
    );
    const { binding, keys, symbols, used } = form;
    const planned = last.planned(binding, form.text, () => {
      const hasParams = params !== undefined;
      const { storage, reads } = last;
      const globals = new Set(keys.flatMap((key) => [...globalsRead(formOf(program, key))]));
      const make = (group: Group, i: number, types: readonly DType[], backend: Backend) => {
        const kinds = ["g", ...elementInputs(program)].map((name, k) => ({
          name,
          dtype: types[k],
        }));
        const states = this.#kindsOf(group, storage);
        const arrays = arraysOf(mode, group.stored, kinds, states, hasParams);
        return this.#groupRun(group, arrays, keys[i], globals, backend, doing);
      };
      return {
        ...backendsFor(binding.groups, reads, this.#backend, make),
        globals: elaborate(program).globals,
        threads: this.#threads,
      };
    });
    binding.groups.forEach((group, i) =>
      planned.groups.get(group)!.forEach((run) => run.symbols = symbols[i])
    );
    const treeStates = planned.execute(planned.run);
    for (const [name, value] of treeStates) {
      if (known.live.has(name)) next[name] = value;
    }
    next.count = state.count + 1;
    inheritScheduled(next, used);
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
    return { ...variant, ...arrays, backend, symbols: new Map() };
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
}
