/** The memory of the host: ordinary arrays and resident ones, stepped at once by the fastest backend that can. */
import { GradusError, quoted } from "../../../dsl/errors.ts";
import { ZERO } from "../../../dsl/node.ts";
import type { LeafRun, StepRun } from "../../backends/backend.ts";
import type { Execution } from "../../backends/choose.ts";
import type { StepForm, StepKey } from "../../step/form.ts";
import type { Admit, Blank, Device, Prepared, Work } from "../../step/device.ts";
import { initialLeaf } from "../../step/initial.ts";
import { blockOf } from "../../trees/arena.ts";
import {
  copyOf,
  type HostArray,
  isShort,
  type MemoryArray,
  memoryOf,
  SplitArray,
} from "../../trees/dtype.ts";
import { BLOCK_SIZE, BlockArray } from "../../trees/block8.ts";
import { asHostLeaf } from "../../trees/host_leaf.ts";
import { LeafMatrices } from "../../trees/matrices.ts";
import { mirror, type ReadLeaf, spellPath } from "../../trees/leaf.ts";
import { type Place, Written } from "../../trees/overlap.ts";
import { allOrNone, beside } from "../../trees/placement.ts";
import { type HostOptions, type HostPlan, isSameTypes, planFor, typesTaken } from "./plan.ts";

/** Arrays in the memory of the host. */
export class HostDevice implements Device<HostArray, StepForm> {
  readonly read: ReadLeaf<HostArray> = asHostLeaf;
  readonly storesAsGiven = true;
  readonly ownNumbers: ReadonlySet<string> = new Set();
  readonly #options: HostOptions;

  constructor(options: HostOptions) {
    this.#options = options;
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
    lists: readonly (readonly HostArray[])[],
    place: Place,
    doing: string,
  ): Admit<HostArray> {
    const written = new Written();
    for (let k = 0; k < lists.length; k++) {
      for (let i = 0; i < lists[k].length; i++) {
        for (const part of memoryOf(lists[k][i])) written.add(part, k, i);
      }
    }
    written.requireApart(place, doing);
    const isWritten = (array: HostArray) => memoryOf(array).some((part) => written.overlaps(part));
    return (array) => isWritten(array) ? copyOf(array) : array;
  }

  place(_value: unknown, state: string): never {
    throw new Error(`The number of \`${state}\` is in the state itself.`);
  }

  prepare(work: Work<HostArray>, form: StepForm, doing: string): Prepared<StepForm> {
    return new HostStep(this.#options, work, form.key, doing);
  }
}

const NONE: ReadonlyMap<string, number> = new Map();

/** After so many steps, one of its own is worth preparing. */
const SHARED_STEPS = 4;

/** A step on the arrays of the host. */
class HostStep implements Prepared<StepForm> {
  readonly #options: HostOptions;
  readonly #work: Work<HostArray>;
  readonly #key: StepKey;
  readonly #doing: string;
  /** By leaf, the matrices that it is seen as. */
  readonly #matrices: readonly (LeafMatrices | undefined)[];
  #plan: HostPlan;
  #step: StepRun;
  /** The step as it is prepared for these arrays alone: where some are resident, or where it goes on. */
  #execution: Execution | undefined;
  /** Whether all arrays are ordinary ones. */
  #isOrdinary = true;
  /** The steps made so far by what optimizers have in common. */
  #shared = 0;
  #version = -1;
  /** The lists of arrays that the leaves have, but for those that are only read. */
  #kept: readonly unknown[] = [null];
  /** Whether all of those are ordinary arrays. */
  #isKeptOrdinary = false;

  constructor(options: HostOptions, work: Work<HostArray>, key: StepKey, doing: string) {
    [this.#options, this.#work, this.#key, this.#doing] = [options, work, key, doing];
    this.#plan = planFor(work, key, options, doing);
    this.#matrices = !this.#plan.hasViews ? [] : work.bound.layout.leaves.map(({ shape }, i) => {
      const view = key.binding.views[i];
      return view && new LeafMatrices(view, shape);
    });
    this.#step = this.#plan.run();
  }

  run({ symbols }: StepForm): ReadonlyMap<string, number> {
    if (this.#step.leaves.length === 0) return NONE;
    if (this.#version !== this.#work.version) {
      this.#take();
      this.#version = this.#work.version;
    }
    const { runs } = this.#plan.chosen;
    for (let i = 0; i < symbols.length; i++) {
      for (const group of runs[i]) group.symbols = symbols[i];
    }
    for (const each of this.#matrices) each?.begin();
    if (this.#execution === undefined && this.#shared++ === SHARED_STEPS) {
      this.#execution = this.#plan.prepare(this.#step);
    }
    const numbers = this.#execution?.run() ?? this.#plan.step(this.#step);
    for (const each of this.#matrices) each?.end();
    return numbers;
  }

  /** Takes the arrays of the work, which may lie elsewhere or be of other types than those before. */
  #take(): void {
    const { hasShort } = this.#work.bound.layout;
    if (hasShort && !isSameTypes(this.#plan.asked.types, typesTaken(this.#work, this.#key))) {
      this.#plan = planFor(this.#work, this.#key, this.#options, this.#doing);
      this.#step = this.#plan.run();
      this.#kept = [null];
      this.#execution = undefined;
    }
    const wasOrdinary = this.#isOrdinary;
    this.#isOrdinary = this.#fill();
    // Ordinary arrays are read where the leaves have them.
    if (this.#isOrdinary && wasOrdinary) return;
    if (this.#execution?.refit() === true) return;
    this.#execution = this.#isOrdinary ? undefined : this.#plan.prepare(this.#step);
    this.#shared = 0;
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

  /** Hands over the arrays of the step, in the order that each group names them: whether all are ordinary ones. */
  #fill(): boolean {
    const { arrays: { params, reads, out, master, nextMaster, states, next } } = this.#work;
    const { leaves } = this.#work.bound.layout;
    const lists = [params, out, master, nextMaster, ...states, ...next];
    const isKept = lists.every((list, k) => list === this.#kept[k]);
    this.#kept = lists;
    if (isKept && this.#matrices.length === 0) {
      // The everyday step, with new gradients alone: what is read has the same place in every leaf.
      const first = params === undefined ? 0 : 1;
      const runs = this.#step.leaves;
      let isOrdinary = this.#isKeptOrdinary;
      for (let k = 0; k < reads.length; k++) {
        for (let i = 0; i < runs.length; i++) {
          const array = runs[i].inputs[first + k] = firstOf(reads[k][i]);
          isOrdinary &&= blockOf(array) === undefined;
        }
      }
      return isOrdinary;
    }
    const { program: { state }, binding: { views } } = this.#key;
    const isLikeLeaf = this.#work.states.map((name) => state.get(name)!.over === "element");
    const runs = this.#step.leaves;
    const [firstRead, firstKept] = params === undefined ? [0, reads.length] : [1, 1 + reads.length];
    let areReadsOrdinary = this.#isKeptOrdinary = true;
    for (let i = 0, run = 0; i < leaves.length; i++) {
      const kept = this.#plan.states[i];
      const isMaster = isShort(leaves[i].dtype);
      const matrices = this.#matrices[i];
      const { inputs, outputs } = matrices === undefined ? runs[run++] : newLists();
      let [into, from] = [0, 0];
      if (params !== undefined) inputs[into++] = firstOf((isMaster ? master! : params)[i]);
      for (let k = 0; k < reads.length; k++) inputs[into++] = firstOf(reads[k][i]);
      outputs[from++] = firstOf(out[i]);
      if (isMaster && nextMaster !== undefined) outputs[from++] = firstOf(nextMaster[i]);
      const firstNext = from;
      for (const k of kept) {
        inputs[into++] = firstOf(states[k][i]);
        if (next.length > 0) outputs[from++] = firstOf(next[k][i]);
      }
      // Second arrays are behind all others, as their group names them.
      const seconds: number[] = [];
      for (const k of kept) {
        const second = secondOf(states[k][i]);
        if (second === undefined) continue;
        this.#requireWholeBlocks(k, i, isLikeLeaf[k]);
        seconds.push(k);
        inputs[into++] = second;
        if (next.length > 0) outputs[from++] = secondOf(next[k][i])!;
      }
      for (let at = 0; at < into; at++) {
        if (blockOf(inputs[at]) === undefined) continue;
        if (at >= firstRead && at < firstKept) areReadsOrdinary = false;
        else this.#isKeptOrdinary = false;
      }
      for (let at = 0; at < from; at++) {
        if (blockOf(outputs[at]) !== undefined) this.#isKeptOrdinary = false;
      }
      if (matrices === undefined) continue;
      matrices.clear();
      const parts = runs.slice(run, run += views[i]!.count);
      const isLike = (at: number, first: number) =>
        at < first || isLikeLeaf[[...kept, ...seconds][at - first]];
      inputs.forEach((array, at) =>
        matrices.of(array, isLike(at, firstKept), false)
          .forEach((part, k) => parts[k].inputs[at] = part)
      );
      outputs.forEach((array, at) =>
        matrices.of(array, isLike(at, firstNext), true)
          .forEach((part, k) => parts[k].outputs[at] = part)
      );
    }
    return this.#isKeptOrdinary && areReadsOrdinary;
  }
}

const newLists = (): Pick<LeafRun, "inputs" | "outputs"> => ({ inputs: [], outputs: [] });

/** The array, or the first of two that it is stored as. */
function firstOf(array: HostArray): MemoryArray {
  if (array instanceof SplitArray) return array.high;
  return array instanceof BlockArray ? array.codes : array;
}

/** The second of two arrays that it is stored as. */
function secondOf(array: HostArray): MemoryArray | undefined {
  if (array instanceof SplitArray) return array.low;
  return array instanceof BlockArray ? array.scales : undefined;
}
