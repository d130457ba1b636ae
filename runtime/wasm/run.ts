/**
 * Runs a step on WebAssembly. Leaves whose arrays are in one memory are stepped where they are; other
 * arrays pass through a window that stays in the cache.
 */
import { GradusError } from "../../dsl/errors.ts";
import { type Node, symbol } from "../../dsl/node.ts";
import { reduceOps } from "../../dsl/ops.ts";
import type { Accumulation } from "../plan.ts";
import { BLOCK, GlobalTotal, type GroupRun, type LeafRun, type StepRun } from "../run.ts";
import { bytesOf, load, type NumberArray, store } from "../storage.ts";
import { type Kernel, kernelOf, type PhaseFunction } from "./kernel.ts";
import { type Arena, type Block, blockOf, stagingArena } from "./memory.ts";
import { GroupNumbers, TensorValues } from "./numbers.ts";
import { runThreaded } from "./threads.ts";
import { elementLoop, ENTRY, entryWords } from "./render.ts";

/** The window through which ordinary arrays pass, in bytes. */
const WINDOW = 1 << 17;
/** The most entries that are in the window at once. */
const WINDOW_ENTRIES = WINDOW / 64;
/** The most elements of an entry where arrays are stepped in place: what one thread takes at a time. */
const DIRECT_PIECE = 8 * BLOCK;
/** The fewest elements that make a thread worth waking. */
const LEAST_EACH = 1 << 16;
/** The most elements of a leaf that are in the window at once. */
const PIECE = 2 * BLOCK;

const prepared = new WeakMap<StepRun, WasmRun>();

/** Runs one step; a run that is given again is prepared once. */
export function runWasm(run: StepRun): Map<string, number> {
  let known = prepared.get(run);
  if (known === undefined) prepared.set(run, known = new WasmRun(run));
  return known.execute();
}

class WasmRun {
  readonly #run: StepRun;
  readonly #groups = new Map<GroupRun, GroupNumbers>();
  readonly #steps: readonly LeafStep[];
  /** For each phase, what is run together. */
  readonly #phases: readonly (readonly PhaseRun[])[];

  constructor(run: StepRun) {
    this.#run = run;
    this.#steps = run.leaves.map((leaf) => {
      let numbers = this.#groups.get(leaf.group);
      if (numbers === undefined) {
        this.#groups.set(leaf.group, numbers = new GroupNumbers(leaf.group));
      }
      return new LeafStep(leaf, numbers);
    });
    const phases = Math.max(...this.#steps.map(({ kernel }) => kernel.phases));
    const together = [...groupBy(this.#steps, ({ arena }) => arena)].flatMap(([arena, steps]) =>
      [...groupBy(steps, ({ kernel }) => kernel)].map(([kernel, alike]) => ({
        arena,
        kernel,
        alike,
      }))
    );
    this.#phases = Array.from(
      { length: phases },
      (_, phase) =>
        together.flatMap(({ arena, kernel, alike }) =>
          phase < kernel.phases ? [new PhaseRun(phase, alike, kernel, arena)] : []
        ),
    );
  }

  execute(): Map<string, number> {
    const { leaves, globals } = this.#run;
    const known: (number | undefined)[] = globals.map(() => undefined);
    for (const step of this.#steps) step.begin();
    for (const [phase, runs] of this.#phases.entries()) {
      this.#groups.forEach((numbers) => numbers.evaluate(known));
      for (const run of runs) run.execute(this.#run.threads);
      const totals = new Map<number, GlobalTotal>();
      if (globals.length > 0) {
        for (const step of this.#steps) {
          step.eachGlobal(phase, (k, sum, count) => {
            if (!totals.has(k)) totals.set(k, new GlobalTotal(globals[k].op));
            totals.get(k)!.add(sum, count);
          });
        }
      }
      totals.forEach((total, k) => known[k] = total.finish());
    }
    for (const step of this.#steps) step.writeTensorStates();
    const first = this.#groups.get(leaves[0].group)!;
    first.evaluate(known);
    const { treeStates } = leaves[0].group.plan;
    return new Map([...treeStates].map(([name, node]) => [name, first.scalar(node)]));
  }
}

/** A leaf, where its arrays are, and what it has accumulated. */
class LeafStep {
  readonly leaf: LeafRun;
  readonly numbers: GroupNumbers;
  readonly kernel: Kernel;
  readonly arena: Arena;
  /** The addresses of inputs and outputs; of those that are not in the arena, 0. */
  readonly addresses: readonly number[];
  readonly isDirect: boolean;
  tensor: TensorValues | undefined;
  readonly #hasTensor: boolean;
  #sums: { readonly accumulation: Accumulation; readonly sum: number }[] = [];
  /** The phase that the sums are of: one without accumulations takes none. */
  #summed = -1;

  constructor(leaf: LeafRun, numbers: GroupNumbers) {
    [this.leaf, this.numbers] = [leaf, numbers];
    this.kernel = kernelOf(leaf.group);
    const arrays = [...leaf.inputs, ...leaf.outputs];
    const blocks = arrays.map(blockOf);
    this.arena = blocks.find((block) => block !== undefined)?.arena ?? stagingArena();
    this.addresses = blocks.map((block) => block?.arena === this.arena ? block.address : 0);
    const kinds = [...leaf.group.inputs, ...leaf.group.outputs];
    const { plan, inputs } = leaf.group;
    this.#hasTensor = numbers.tensor.length > 0 ||
      plan.outputs.some(({ extent }) => extent === 0) ||
      plan.phases.some((phase) => phase.some(({ extent }) => extent === 0));
    const isTouched = (i: number) =>
      i < inputs.length
        ? plan.extents.get(symbol(kinds[i].name)) === "element"
        : plan.outputs[i - inputs.length].extent === "element";
    this.isDirect = this.addresses.every((address, i) => address !== 0 || !isTouched(i));
  }

  /** Reads what a step starts from. */
  begin(): void {
    const { numbers, leaf } = this;
    if (!this.#hasTensor) return;
    const states = new Map<Node, number>();
    leaf.group.inputs.forEach(({ name, dtype }, i) => {
      const node = symbol(name);
      if (leaf.group.plan.extents.get(node) === 0) states.set(node, load(dtype, leaf.inputs[i], 0));
    });
    this.tensor = new TensorValues(numbers, states);
  }

  /** Takes the sums of a phase: for each accumulation, those of its blocks in order. */
  take(phase: number, accumulations: readonly Accumulation[], sums: Float64Array): void {
    const { plan } = this.leaf.group;
    this.#summed = phase;
    this.#sums = accumulations.map((accumulation, k) => {
      const { start, combine } = reduceOps[accumulation.op];
      let total = start;
      for (let i = k; i < sums.length; i += accumulations.length) total = combine(total, sums[i]);
      return { accumulation, sum: total };
    });
    // What is already one value a tensor is reduced as it is.
    const narrow = plan.phases[phase].find(({ extent }) => extent === 0)?.accumulations ?? [];
    for (const accumulation of narrow) {
      const { start, accumulate } = reduceOps[accumulation.op];
      const sum = accumulate(start, this.tensor!.read(accumulation.operand));
      this.#sums.push({ accumulation, sum });
    }
    for (const { accumulation: { op, operand, into }, sum } of this.#sums) {
      if (!("cell" in into)) continue;
      this.tensor!.set(plan.cells[into.cell].node, reduceOps[op].finish(sum, this.#count(operand)));
    }
  }

  eachGlobal(phase: number, add: (k: number, sum: number, count: number) => void): void {
    if (phase !== this.#summed) return;
    for (const { accumulation: { operand, into }, sum } of this.#sums) {
      if ("global" in into) add(into.global, sum, this.#count(operand));
    }
  }

  writeTensorStates(): void {
    if (this.tensor === undefined) return;
    const { plan, outputs } = this.leaf.group;
    const narrow = plan.outputs.map(({ node, extent }) =>
      extent === 0 ? this.tensor!.read(node) : undefined
    );
    narrow.forEach((value, k) => {
      if (value !== undefined) store(outputs[k].dtype, this.leaf.outputs[k], 0, value);
    });
  }

  #count(operand: Node): number {
    return this.leaf.group.plan.extents.get(operand) === 0 ? 1 : this.leaf.size;
  }
}

/** One phase of leaves that share a kernel and a memory. */
class PhaseRun {
  readonly #phase: number;
  readonly #steps: readonly LeafStep[];
  readonly #kernel: Kernel;
  readonly #arena: Arena;
  readonly #accumulations: readonly Accumulation[];
  readonly #function: PhaseFunction | undefined;
  readonly #direct: readonly LeafStep[];
  readonly #staged: readonly LeafStep[];
  /** The number of sums of each leaf, one a block. */
  readonly #blocks: readonly number[];
  /** Offsets from the beginning of the working space. */
  readonly #numbersOf = new Map<GroupNumbers | LeafStep, number>();
  readonly #sumsOf = new Map<LeafStep, number>();
  readonly #offsets: { sums: number; table: number; window: number; end: number };
  readonly #words: number;
  /** The bytes of the window. */
  readonly #window: number;
  /** The most elements of an entry that is stepped where it is. */
  readonly #piece: number;
  /** The elements that are. */
  readonly #elements: number;
  /** The entries of the leaves that are stepped where they are, for a working space at `#base`. */
  readonly #table: Uint32Array<ArrayBuffer>;
  #base = -1;

  constructor(phase: number, steps: readonly LeafStep[], kernel: Kernel, arena: Arena) {
    [this.#phase, this.#steps, this.#kernel, this.#arena] = [phase, steps, kernel, arena];
    this.#accumulations = elementLoop(steps[0].leaf.group.plan, phase)?.accumulations ?? [];
    this.#function = kernel.on(arena)[phase];
    this.#direct = steps.filter(({ isDirect }) => isDirect);
    this.#staged = steps.filter(({ isDirect }) => !isDirect);
    this.#words = entryWords(steps[0].addresses.length);
    const isAccumulating = this.#accumulations.length > 0;
    this.#blocks = steps.map(({ leaf }) => isAccumulating ? Math.ceil(leaf.size / BLOCK) : 0);

    let end = 0;
    for (const step of steps) {
      const key = numbersKey(step);
      if (this.#numbersOf.has(key)) continue;
      this.#numbersOf.set(key, end);
      end += step.numbers.bytes;
    }
    const sums = end;
    steps.forEach((step, i) => {
      this.#sumsOf.set(step, end);
      end += this.#sumBytes * this.#blocks[i];
    });
    this.#piece = isAccumulating ? BLOCK : DIRECT_PIECE;
    this.#elements = sum(this.#direct.map(({ leaf }) => leaf.size));
    const entries = sum(this.#direct.map(({ leaf }) => Math.ceil(leaf.size / this.#piece)));
    const table = end;
    end += 4 * this.#words * (entries + (this.#staged.length === 0 ? 0 : WINDOW_ENTRIES));
    const window = Math.ceil(end / 64) * 64;
    // A program of many arrays needs more, so that a piece of each finds room.
    const bytes = kindsOf(steps[0].leaf.group);
    this.#window = Math.max(WINDOW, pieceBytes(isAccumulating ? BLOCK : PIECE, bytes));
    end = window + (this.#staged.length === 0 ? 0 : this.#window);
    this.#offsets = { sums, table, window, end };
    this.#table = new Uint32Array(this.#words * entries);
  }

  execute(threads: number): void {
    for (const step of this.#steps) step.tensor?.evaluate(this.#phase);
    if (this.#function === undefined) {
      for (const step of this.#steps) step.take(this.#phase, [], NO_SUMS);
      return;
    }
    const { sums, table, window, end } = this.#offsets;
    const base = scratch(this.#arena, end);
    const { buffer } = this.#arena.memory;
    if (base !== this.#base) this.#fillTable(base);
    const memory = new DataView(buffer, base, end);
    this.#numbersOf.forEach((at, key) => {
      if (key instanceof GroupNumbers) key.write(memory, at, () => NaN);
      else key.numbers.write(memory, at, key.tensor!.read);
    });
    const count = this.#table.length / this.#words;
    if (count > 0) {
      new Uint32Array(buffer, base + table, this.#table.length).set(this.#table);
      const most = Math.min(threads, Math.floor(this.#elements / LEAST_EACH));
      if (most > 1 && this.#arena.isShared) {
        runThreaded({
          kernel: this.#kernel.id,
          phase: this.#phase,
          module: this.#kernel.module(true),
          arena: this.#arena,
          run: this.#function,
          table: base + table,
          entries: count,
          entryBytes: 4 * this.#words,
        }, most);
      } else this.#function(base + table, count);
    }
    if (this.#staged.length > 0) {
      const at = base + table + 4 * this.#table.length;
      const entries = new Uint32Array(buffer, at, this.#words * WINDOW_ENTRIES);
      const pass = new Window(this.#kernel, this.#phase, this.#arena, base + window, this.#window);
      for (const step of this.#staged) {
        const numbers = base + this.#numbersOf.get(numbersKey(step))!;
        const into = base + this.#sumsOf.get(step)!;
        pass.pass(step, numbers, into, this.#sumBytes, entries, this.#words, this.#function);
      }
      pass.flush(entries, this.#function);
    }
    if (this.#accumulations.length === 0 && this.#steps[0].tensor === undefined) return;
    const each = this.#accumulations.length;
    const all = new Float64Array(buffer, base + sums, each * sum(this.#blocks));
    let first = 0;
    this.#steps.forEach((step, i) =>
      step.take(
        this.#phase,
        this.#accumulations,
        all.subarray(first, first += each * this.#blocks[i]),
      )
    );
  }

  get #sumBytes(): number {
    return 8 * this.#accumulations.length;
  }

  #fillTable(base: number): void {
    this.#base = base;
    const table = this.#table;
    let at = 0;
    for (const step of this.#direct) {
      const { leaf, addresses } = step;
      const piece = this.#piece;
      const bytes = kindsOf(leaf.group);
      const numbers = base + this.#numbersOf.get(numbersKey(step))!;
      let sums = base + this.#sumsOf.get(step)!;
      for (let from = 0; from < leaf.size; from += piece) {
        table[at + ENTRY.length] = Math.min(piece, leaf.size - from);
        table[at + ENTRY.numbers] = numbers;
        table[at + ENTRY.sums] = sums;
        for (let a = 0; a < addresses.length; a++) {
          table[at + ENTRY.arrays + a] = addresses[a] + from * bytes[a];
        }
        sums += this.#sumBytes;
        at += this.#words;
      }
    }
  }
}

const NO_SUMS = new Float64Array(0);

/** Leaves of a group share numbers, unless some are one a tensor. */
function numbersKey(step: LeafStep): GroupNumbers | LeafStep {
  return step.numbers.tensor.length > 0 ? step : step.numbers;
}

/** The place in an arena where ordinary arrays are stepped, a piece at a time. */
class Window {
  readonly #reads: readonly number[];
  readonly #writes: readonly number[];
  readonly #arena: Arena;
  readonly #address: number;
  readonly #bytes: number;
  #used = 0;
  #entries = 0;
  #outs: { readonly from: NumberArray; readonly to: NumberArray; readonly at: number }[] = [];

  constructor(kernel: Kernel, phase: number, arena: Arena, address: number, bytes: number) {
    const { reads, writes } = kernel.arrays[phase];
    this.#bytes = bytes;
    [this.#reads, this.#writes, this.#arena, this.#address] = [reads, writes, arena, address];
  }

  /** Brings a leaf in, piece by piece, running what is there whenever the window is full. */
  pass(
    step: LeafStep,
    numbers: number,
    sums: number,
    sumBytes: number,
    table: Uint32Array,
    words: number,
    run: PhaseFunction,
  ): void {
    const { leaf, addresses } = step;
    const arrays = [...leaf.inputs, ...leaf.outputs];
    const bytes = kindsOf(leaf.group);
    const inputs = leaf.inputs.length;
    const touched = [...this.#reads, ...this.#writes.map((k) => inputs + k)];
    const piece = sumBytes > 0 ? BLOCK : PIECE;
    for (let from = 0, k = 0; from < leaf.size; from += piece, k++) {
      const size = Math.min(piece, leaf.size - from);
      const needed = pieceBytes(size, touched.map((a) => bytes[a]));
      const isFull = this.#used + needed > this.#bytes ||
        (this.#entries + 1) * words > table.length;
      if (isFull) this.flush(table, run);
      const at = this.#entries++ * words;
      table[at + ENTRY.length] = size;
      table[at + ENTRY.numbers] = numbers;
      table[at + ENTRY.sums] = sums + k * sumBytes;
      const placed = new Map<NumberArray, number>();
      for (const a of touched) {
        const array = arrays[a];
        let address = addresses[a] === 0 ? placed.get(array) : addresses[a] + from * bytes[a];
        if (address === undefined) {
          address = this.#address + this.#used;
          this.#used += Math.ceil(size * bytes[a] / 64) * 64;
          placed.set(array, address);
        }
        table[at + ENTRY.arrays + a] = address;
        if (addresses[a] !== 0) continue;
        const there = viewOf(array, this.#arena.memory.buffer, address, size);
        if (a < inputs) there.set(array.subarray(from, from + size));
        else this.#outs.push({ from: there, to: array, at: from });
      }
    }
  }

  /** Steps what is in the window and brings the results out. */
  flush(table: Uint32Array, run: PhaseFunction): void {
    if (this.#entries > 0) run(table.byteOffset, this.#entries);
    for (const { from, to, at } of this.#outs) to.set(from, at);
    [this.#used, this.#entries, this.#outs] = [0, 0, []];
  }
}

/** What a piece of so many elements takes in the window, for arrays of so many bytes an element. */
function pieceBytes(size: number, bytes: readonly number[]): number {
  return sum(bytes.map((each) => Math.ceil(size * each / 64) * 64));
}

function viewOf(
  like: NumberArray,
  buffer: ArrayBufferLike,
  address: number,
  size: number,
): NumberArray {
  if (like instanceof Float32Array) return new Float32Array(buffer, address, size);
  if (like instanceof Float64Array) return new Float64Array(buffer, address, size);
  return new Uint16Array(buffer, address, size);
}

const scratches = new WeakMap<Arena, Block>();

/** The address of at least `bytes` of an arena that are free between calls. */
function scratch(arena: Arena, bytes: number): number {
  const known = scratches.get(arena);
  if (known !== undefined && known.bytes >= bytes) return known.address;
  if (known !== undefined) arena.free(known);
  scratches.delete(arena);
  const block = arena.allocateWorkingSpace(bytes);
  if (block === undefined) {
    throw new GradusError(
      `Cannot step: a WebAssembly memory has no room left for ${bytes} bytes of working space`,
    );
  }
  scratches.set(arena, block);
  return block.address;
}

const elementBytes = new WeakMap<GroupRun, readonly number[]>();

/** The bytes of an element of each array of a leaf, inputs and then outputs. */
function kindsOf(group: GroupRun): readonly number[] {
  let bytes = elementBytes.get(group);
  if (bytes === undefined) {
    bytes = [...group.inputs, ...group.outputs].map(({ dtype }) => bytesOf(dtype));
    elementBytes.set(group, bytes);
  }
  return bytes;
}

function groupBy<T, K>(items: readonly T[], keyOf: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}
