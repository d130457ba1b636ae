/** The memory of the host: ordinary arrays and resident ones, stepped at once by the fastest backend that can. */
import { GradusError, quoted } from "../../../dsl/errors.ts";
import { elaborate, globalsRead } from "../../../dsl/graph.ts";
import { ZERO } from "../../../dsl/node.ts";
import {
  arraysOf,
  type GroupRun,
  type LeafRun,
  stateKind,
  type StepRun,
  typesOf,
} from "../../backends/backend.ts";
import { choose, type Chosen, type Execution, executionOf } from "../../backends/choose.ts";
import { type Backend, formOf } from "../../plan/forms.ts";
import { variantOf } from "../../plan/variants.ts";
import type { StepForm, StepKey } from "../../step/form.ts";
import { requireKept } from "../../step/groups.ts";
import type { Admit, Blank, Device, Prepared, Work } from "../../step/device.ts";
import { initialLeaf } from "../../step/initial.ts";
import {
  arithmeticOf,
  copyOf,
  type DType,
  type HostArray,
  isShort,
  type MemoryArray,
  memoryOf,
} from "../../trees/dtype.ts";
import { BLOCK_SIZE, BlockArray } from "../../trees/block8.ts";
import { asHostLeaf } from "../../trees/host_leaf.ts";
import { LeafMatrices } from "../../trees/matrices.ts";
import { dtypeOf } from "../../trees/stored.ts";
import { mirror, type ReadLeaf, spellPath } from "../../trees/leaf.ts";
import { Written } from "../../trees/overlap.ts";
import { allOrNone, beside } from "../../trees/placement.ts";

/** Arrays in the memory of the host. */
export class HostDevice implements Device<HostArray, StepForm> {
  readonly read: ReadLeaf<HostArray> = asHostLeaf;
  readonly storesAsGiven = true;
  readonly ownNumbers: ReadonlySet<string> = new Set();
  readonly #backend: Backend;
  readonly #threads: number;

  constructor(backend: Backend, threads: number) {
    [this.#backend, this.#threads] = [backend, threads];
  }

  create(blanks: readonly Blank<HostArray>[]): unknown[] {
    return allOrNone(blanks, (blank) => {
      const { info, stored, shape, init, seen, symbols, parameter, copied, isResult = false } =
        blank;
      if (copied !== undefined) return mirror(info, stored, shape, copyOf(copied));
      if (isResult) return initialLeaf(ZERO, info, undefined, symbols, stored, shape);
      const leaf = initialLeaf(init, info, parameter, symbols, stored, shape, seen);
      return parameter === undefined ? leaf : beside(leaf, info.path, parameter);
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

  prepare(work: Work<HostArray>, form: StepForm, doing: string): Prepared<StepForm> {
    return new HostStep(this.#backend, this.#threads, work, form.key, doing);
  }
}

const NONE: ReadonlyMap<string, number> = new Map();

/** A step on the arrays of the host. */
class HostStep implements Prepared<StepForm> {
  readonly #backend: Backend;
  readonly #threads: number;
  readonly #work: Work<HostArray>;
  readonly #key: StepKey;
  readonly #doing: string;
  /** By leaf, which of the work's states it keeps. */
  readonly #states: readonly (readonly number[])[];
  /** By leaf, the matrices that it is seen as. */
  readonly #matrices: readonly (LeafMatrices | undefined)[];
  /** The types of the arrays of each leaf, as far as leaves of a group may differ in them. */
  #types: readonly (readonly DType[])[];
  #chosen: Chosen;
  #step: StepRun;
  #execution: Execution | undefined;
  #version = -1;
  /** The lists of arrays that the leaves have, but for those that are only read. */
  #kept: readonly unknown[] = [null];

  constructor(
    backend: Backend,
    threads: number,
    work: Work<HostArray>,
    key: StepKey,
    doing: string,
  ) {
    [this.#backend, this.#threads] = [backend, threads];
    [this.#work, this.#key, this.#doing] = [work, key, doing];
    const { groups, groupOf, views } = key.binding;
    const kept = groups.map(({ live }) =>
      work.states.flatMap((name, k) => live.has(name) ? [k] : [])
    );
    this.#states = groupOf.map((group) => kept[groups.indexOf(group)]);
    this.#matrices = work.bound.layout.leaves.map(({ shape }, i) =>
      views[i] && new LeafMatrices(views[i], shape)
    );
    this.#types = this.#typesTaken();
    this.#chosen = this.#choose();
    this.#step = this.#leaves();
  }

  run({ symbols }: StepForm): ReadonlyMap<string, number> {
    if (this.#step.leaves.length === 0) return NONE;
    if (this.#version !== this.#work.version) {
      this.#take();
      this.#version = this.#work.version;
    }
    for (let i = 0; i < symbols.length; i++) {
      for (const group of this.#chosen.runs[i]) group.symbols = symbols[i];
    }
    for (const each of this.#matrices) each?.begin();
    const numbers = this.#execution!.run();
    for (const each of this.#matrices) each?.end();
    return numbers;
  }

  /** Takes the arrays of the work, which may lie elsewhere or be of other types than those before. */
  #take(): void {
    if (this.#work.bound.layout.hasShort) {
      const types = this.#typesTaken();
      if (types.some((each, i) => each.some((type, k) => type !== this.#types[i][k]))) {
        this.#types = types;
        this.#chosen = this.#choose();
        this.#step = this.#leaves();
        this.#kept = [null];
        this.#execution = undefined;
      }
    }
    this.#fill();
    if (this.#execution?.refit() !== true) {
      this.#execution = executionOf(this.#step, this.#chosen.isInterpreted);
    }
  }

  /** Of what is only read, and then of the states that are kept: few numbers are not stored in blocks. */
  #typesTaken(): (readonly DType[])[] {
    const { bound: { layout }, arrays: { reads, states } } = this.#work;
    return layout.leaves.map(({ dtype }, i) => [
      ...reads.map((read) => read[i] instanceof Uint16Array ? dtype : arithmeticOf(dtype)),
      ...this.#states[i].map((k) =>
        states[k][i] instanceof BlockArray ? "block8" : arithmeticOf(dtype)
      ),
    ]);
  }

  #choose(): Chosen {
    const { binding, program, keys } = this.#key;
    const { mode, storage, inputs, states, arrays: { params } } = this.#work;
    const globals = new Set(keys.flatMap((key) => [...globalsRead(formOf(program, key))]));
    const plan = (i: number, types: readonly DType[], backend: Backend): GroupRun => {
      const { stored, dtype, axes, live, structural } = binding.groups[i];
      const kinds = ["g", ...inputs].map((name, k) => ({ name, dtype: types[k] }));
      const kept = states.filter((name) => live.has(name)).map((name, k) => {
        const way = storage.get(name) ?? dtype;
        const isSmall = dtypeOf(way) === "block8" && types[kinds.length + k] !== "block8";
        return stateKind(program, name, isSmall ? dtype : way);
      });
      const arrays = arraysOf(mode, stored, kinds, kept, params !== undefined);
      const variant = variantOf(program, {
        ...keys[i],
        ...{ live, globals, mode: arrays.mode, axes, backend, dtypes: typesOf(arrays) },
      });
      if (keys[i].structural.size !== structural.size) {
        requireKept(program, variant.plan.extents.keys(), live, this.#doing);
      }
      return { ...variant, ...arrays, backend, symbols: new Map() };
    };
    return choose(binding.groups.map(({ leaves }) => leaves), this.#types, this.#backend, plan);
  }

  /** What is run: leaves, or each of the matrices that one is seen as. */
  #leaves(): StepRun {
    const { runOf, matrices } = this.#chosen;
    const { views } = this.#key.binding;
    return {
      leaves: this.#work.bound.layout.leaves.flatMap(({ number, shape, size }, i): LeafRun[] => {
        const { count, shape: own } = views[i] ?? { count: 1, shape };
        return Array.from({ length: count }, (_, k) => ({
          ...{ group: runOf[i], number: number + k * LEAVES, shape: own, size: size / count },
          ...{ inputs: [], outputs: [] },
        }));
      }),
      globals: elaborate(this.#key.program).globals,
      threads: this.#threads,
      matrices,
    };
  }

  /** Refuses a state in blocks that belong to several of the matrices that a leaf is seen as. */
  #requireWholeBlocks(k: number, i: number, isLikeLeaf: boolean): void {
    const array = this.#work.arrays.states[k][i];
    const matrices = this.#matrices[i];
    if (!(array instanceof BlockArray) || matrices === undefined) return;
    if (matrices.keepsBlocks(BLOCK_SIZE, array, isLikeLeaf)) return;
    const { path } = this.#work.bound.layout.leaves[i];
    throw new GradusError(
      `${this.#doing}: state ${quoted(this.#work.states[k])} of ${
        spellPath(path)
      } cannot be stored as ` +
        `"block8", since its blocks of ${BLOCK_SIZE} numbers would belong to several of the matrices that it ` +
        `is seen as`,
    );
  }

  /** Hands over the arrays of the step, in the order that each group names them. */
  #fill(): void {
    const { arrays: { params, reads, out, master, nextMaster, states, next } } = this.#work;
    const { program: { state } } = this.#key;
    const { leaves } = this.#work.bound.layout;
    const lists = [params, out, master, nextMaster, ...states, ...next];
    const isKept = lists.every((list, k) => list === this.#kept[k]);
    this.#kept = lists;
    if (isKept && this.#matrices.every((each) => each === undefined)) {
      // The everyday step, with new gradients alone: what is read has the same place in every leaf.
      const first = params === undefined ? 0 : 1;
      this.#step.leaves.forEach(({ inputs }, i) =>
        reads.forEach((each, k) => inputs[first + k] = firstOf(each[i]))
      );
      return;
    }
    const isLikeLeaf = this.#work.states.map((name) => state.get(name)!.over === "element");
    for (let i = 0, run = 0; i < leaves.length; i++) {
      const matrices = this.#matrices[i];
      matrices?.clear();
      const parts = this.#step.leaves.slice(run, run += this.#key.binding.views[i]?.count ?? 1);
      let [into, from] = [0, 0];
      const put = (
        side: "inputs" | "outputs",
        place: number,
        array: MemoryArray,
        isLike = true,
      ): void => {
        if (matrices === undefined) parts[0][side][place] = array;
        else {
          matrices.of(array, isLike, side === "outputs").forEach((part, k) =>
            parts[k][side][place] = part
          );
        }
      };
      const read = (array: MemoryArray, isLike?: boolean) => put("inputs", into++, array, isLike);
      const write = (array: MemoryArray, isLike?: boolean) => put("outputs", from++, array, isLike);
      const isMaster = isShort(leaves[i].dtype);
      if (params !== undefined) read(firstOf((isMaster ? master! : params)[i]));
      for (const each of reads) read(firstOf(each[i]));
      write(firstOf(out[i]));
      if (isMaster && nextMaster !== undefined) write(firstOf(nextMaster[i]));
      const kept = this.#states[i];
      for (const k of kept) {
        read(firstOf(states[k][i]), isLikeLeaf[k]);
        if (next.length > 0) write(firstOf(next[k][i]), isLikeLeaf[k]);
      }
      // Second arrays are behind all others, as their group names them.
      for (const k of kept) {
        const [, second] = memoryOf(states[k][i]);
        if (second === undefined) continue;
        this.#requireWholeBlocks(k, i, isLikeLeaf[k]);
        read(second, isLikeLeaf[k]);
        if (next.length > 0) write(memoryOf(next[k][i])[1], isLikeLeaf[k]);
      }
    }
  }
}

/** Matrices of a leaf draw random numbers of their own, apart from those of as many leaves. */
const LEAVES = 2 ** 16;

/** The array, or the first of two that it is stored as. */
function firstOf(array: HostArray): MemoryArray {
  return memoryOf(array)[0];
}
