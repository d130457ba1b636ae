/** One phase of a step: the table of entries that a kernel goes through, and the space it works in. */
import { GradusError } from "../../dsl/errors.ts";
import type { Accumulation } from "../plan.ts";
import { BLOCK } from "../run.ts";
import type { Kernel, PhaseFunction } from "./kernel.ts";
import { kindsOf, type LeafStep } from "./leaf.ts";
import type { Arena, Block } from "./memory.ts";
import { GroupNumbers } from "./numbers.ts";
import { elementLoop, ENTRY, entryWords } from "./render.ts";
import { runThreaded } from "./threads.ts";
import { Window, WINDOW_ENTRIES, windowBytes } from "./window.ts";

/** The most elements of an entry where arrays are stepped in place: what one thread takes at a time. */
const DIRECT_PIECE = 8 * BLOCK;
/** The fewest elements that make a thread worth waking. */
const LEAST_EACH = 1 << 16;

/** One phase of leaves that share a kernel and a memory. */
export class PhaseRun {
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
    this.#window = windowBytes(isAccumulating, kindsOf(steps[0].leaf.group));
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
        table[at + ENTRY.first] = from;
        table[at + ENTRY.leaf] = leaf.number;
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

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}
