/** The memory of the host: ordinary arrays and resident ones, stepped at once by the fastest backend that can. */
import { elaborate, globalsRead } from "../../../dsl/graph.ts";
import type { Program } from "../../../dsl/program.ts";
import {
  arraysOf,
  type GroupRun,
  type LeafRun,
  stateKind,
  type StepRun,
  typesOf,
} from "../../backends/backend.ts";
import { choose, type Chosen, type Execution, executionOf } from "../../backends/choose.ts";
import { type Backend, formOf, variantOf } from "../../plan/variants.ts";
import { requireKept, type StepForm, type StepKey } from "../../step/binding.ts";
import type { Admit, Blank, Device, Prepared, Work } from "../../step/device.ts";
import { initialLeaf } from "../../step/initial.ts";
import {
  arithmeticOf,
  copyOf,
  type DType,
  type HostArray,
  isShort,
  memoryOf,
  type NumberArray,
  SplitArray,
} from "../../trees/dtype.ts";
import { asHostLeaf, type ReadLeaf } from "../../trees/leaf.ts";
import { Written } from "../../trees/overlap.ts";
import { beside } from "../../trees/resident.ts";

/** Arrays in the memory of the host. */
export class HostDevice implements Device<HostArray, StepForm> {
  readonly read: ReadLeaf<HostArray> = asHostLeaf;
  readonly storesAsGiven = true;
  readonly ownNumbers: ReadonlySet<string> = new Set();
  readonly #program: Program;
  readonly #backend: Backend;
  readonly #threads: number;

  constructor(program: Program, backend: Backend, threads: number) {
    [this.#program, this.#backend, this.#threads] = [program, backend, threads];
  }

  create(blanks: readonly Blank<HostArray>[]): unknown[] {
    return blanks.map(({ info, stored, shape, init, symbols, parameter }) => {
      const leaf = initialLeaf(init, info, parameter, symbols, stored, shape);
      return parameter === undefined ? leaf : beside(leaf, info, parameter);
    });
  }

  write(
    arrays: Iterable<readonly [array: HostArray, place: () => string]>,
    doing: string,
  ): Admit<HostArray> {
    const parts = [...arrays].flatMap(([array, place]) =>
      memoryOf(array).map((part) => [part, place] as const)
    );
    const written = new Written(parts, doing);
    const isWritten = (array: HostArray) => memoryOf(array).some((part) => written.overlaps(part));
    return (array) => isWritten(array) ? copyOf(array) : array;
  }

  place(_value: unknown, state: string): never {
    throw new Error(`The number of \`${state}\` is in the state itself.`);
  }

  prepare(work: Work<HostArray, StepForm>, form: StepForm, doing: string): Prepared<StepForm> {
    return new HostStep(this.#program, this.#backend, this.#threads, work, form.key, doing);
  }
}

/** A step on the arrays of the host. */
class HostStep implements Prepared<StepForm> {
  readonly #program: Program;
  readonly #backend: Backend;
  readonly #threads: number;
  readonly #work: Work<HostArray, StepForm>;
  readonly #key: StepKey;
  readonly #doing: string;
  /** By leaf, which of the work's states it keeps. */
  readonly #states: readonly (readonly number[])[];
  /** What each leaf reads is stored as. */
  #types: readonly (readonly DType[])[];
  #chosen: Chosen;
  #step: StepRun;
  #execution: Execution | undefined;
  #version = -1;

  constructor(
    program: Program,
    backend: Backend,
    threads: number,
    work: Work<HostArray, StepForm>,
    key: StepKey,
    doing: string,
  ) {
    [this.#program, this.#backend, this.#threads] = [program, backend, threads];
    [this.#work, this.#key, this.#doing] = [work, key, doing];
    const { groups, groupOf } = key.binding;
    const kept = groups.map(({ live }) =>
      work.states.flatMap((name, k) => live.has(name) ? [k] : [])
    );
    this.#states = groupOf.map((group) => kept[groups.indexOf(group)]);
    this.#types = this.#typesRead();
    this.#chosen = this.#choose();
    this.#step = this.#leaves();
  }

  run({ symbols }: StepForm): ReadonlyMap<string, number> {
    if (this.#version !== this.#work.version) {
      this.#take();
      this.#version = this.#work.version;
    }
    for (let i = 0; i < symbols.length; i++) {
      for (const group of this.#chosen.runs[i]) group.symbols = symbols[i];
    }
    return this.#execution!.run();
  }

  /** Takes the arrays of the work, which may lie elsewhere or be of other types than those before. */
  #take(): void {
    if (this.#work.bound.layout.hasShort) {
      const types = this.#typesRead();
      if (types.some((each, i) => each.some((type, k) => type !== this.#types[i][k]))) {
        this.#types = types;
        this.#chosen = this.#choose();
        this.#step = this.#leaves();
        this.#execution = undefined;
      }
    }
    this.#fill();
    if (this.#execution?.refit() !== true) {
      this.#execution = executionOf(this.#step, this.#chosen.isInterpreted);
    }
  }

  #typesRead(): (readonly DType[])[] {
    const { bound: { layout }, arrays: { reads } } = this.#work;
    return layout.leaves.map(({ dtype }, i) =>
      reads.map((read) => read[i] instanceof Uint16Array ? dtype : arithmeticOf(dtype))
    );
  }

  #choose(): Chosen {
    const { binding, keys } = this.#key;
    const { mode, storage, inputs, states, arrays: { params } } = this.#work;
    const globals = new Set(keys.flatMap((key) => [...globalsRead(formOf(this.#program, key))]));
    const plan = (i: number, types: readonly DType[], backend: Backend): GroupRun => {
      const { stored, dtype, axes, live, structural } = binding.groups[i];
      const kinds = ["g", ...inputs].map((name, k) => ({ name, dtype: types[k] }));
      const kept = states.filter((name) => live.has(name))
        .map((name) => stateKind(this.#program, name, storage.get(name) ?? dtype));
      const arrays = arraysOf(mode, stored, kinds, kept, params !== undefined);
      const variant = variantOf(this.#program, {
        ...keys[i],
        ...{ live, globals, mode: arrays.mode, axes, backend, dtypes: typesOf(arrays) },
      });
      if (keys[i].structural.size !== structural.size) {
        requireKept(this.#program, variant.plan.extents.keys(), live, this.#doing);
      }
      return { ...variant, ...arrays, backend, symbols: new Map() };
    };
    return choose(binding.groups.map(({ leaves }) => leaves), this.#types, this.#backend, plan);
  }

  #leaves(): StepRun {
    const { runOf, multiply } = this.#chosen;
    return {
      leaves: this.#work.bound.layout.leaves.map(({ shape, size }, number): LeafRun => ({
        ...{ group: runOf[number], number, shape, size, inputs: [], outputs: [] },
      })),
      globals: elaborate(this.#program).globals,
      threads: this.#threads,
      multiply,
    };
  }

  /** Hands over the arrays of the step, in the order that each group names them. */
  #fill(): void {
    const { params, reads, out, master, nextMaster, states, next } = this.#work.arrays;
    const { leaves } = this.#work.bound.layout;
    for (let i = 0; i < leaves.length; i++) {
      const { inputs, outputs } = this.#step.leaves[i];
      const isMaster = isShort(leaves[i].dtype);
      const lows: Uint8Array[][] = [[], []];
      let [into, from] = [0, 0];
      const take = (array: HostArray) => inputs[into++] = partOf(array, lows[0]);
      const give = (array: HostArray) => outputs[from++] = partOf(array, lows[1]);
      if (params !== undefined) take((isMaster ? master! : params)[i]);
      for (const read of reads) take(read[i]);
      give(out[i]);
      if (isMaster) give(nextMaster![i]);
      for (const k of this.#states[i]) {
        take(states[k][i]);
        give(next[k][i]);
      }
      // Further bits are behind all others, as their group names them.
      for (const low of lows[0]) inputs[into++] = low;
      for (const low of lows[1]) outputs[from++] = low;
    }
  }
}

/** The array, or the upper bits of one whose further bits are put among the `lows`. */
function partOf(array: HostArray, lows: Uint8Array[]): NumberArray {
  if (!(array instanceof SplitArray)) return array;
  lows.push(array.low);
  return array.high;
}
