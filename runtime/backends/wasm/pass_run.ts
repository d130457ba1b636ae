/** One pass over leaves that share a kernel and a memory: the table of its entries, and the space it works in. */
import { GradusError } from "../../../dsl/errors.ts";
import { extentSize } from "../../plan/extent.ts";
import { BLOCK } from "../backend.ts";
import { accumulatedIn, recordWords } from "./fields.ts";
import { blockBytes, tableBytes } from "./blocks.ts";
import type { Kernel, PassFunction } from "./kernel.ts";
import { kindsOf, type LeafStep } from "./leaf.ts";
import type { Arena, Block } from "../../trees/arena.ts";
import { Entry, GroupNumbers } from "./numbers.ts";
import { isBlocked, type Pass, passesOf } from "./passes.ts";
import { roundedOutputs } from "../random.ts";
import { addEntry } from "./entries.ts";
import { entryWords } from "./entry.ts";
import type { Job } from "./threads.ts";
import { type LeafPlaces, sum, Window, WINDOW_ENTRIES, windowBytes } from "./window.ts";

/** The most elements of an entry where arrays are stepped in place: what one thread takes at a time. */
const DIRECT_PIECE = 8 * BLOCK;
/** More than a leaf has: what accumulates along axes is one thread's from its first element on. */
const WHOLE = 2 ** 32;
/** The fewest elements that make a thread worth waking. */
const LEAST_EACH = 1 << 16;

/** The working space of a pass. */
interface Space {
  readonly base: number;
  readonly buffer: ArrayBufferLike;
  readonly numbers: Entry;
  /** The entries of the leaves that are stepped where they are, and their table. */
  readonly entries: Uint32Array<ArrayBuffer>;
  readonly direct: Uint32Array;
  /** The table of those in the window. */
  readonly staged: Uint32Array;
  readonly sums: Float64Array;
  readonly window: Window | undefined;
}

/** Runs a job on so many threads, the caller among them. */
type RunThreaded = (job: Job, threads: number) => void;
let runThreaded: RunThreaded | undefined;

/** Lets passes over shared memory run on several threads; what they run by is in a bundle by that alone. */
export function useThreads(run: RunThreaded): void {
  runThreaded = run;
}

/** A pass over leaves that share a kernel and a memory. */
export class PassRun {
  readonly #index: number;
  readonly #pass: Pass;
  readonly #steps: readonly LeafStep[];
  readonly #kernel: Kernel;
  readonly #arena: Arena;
  readonly #function: PassFunction;
  readonly #direct: readonly LeafStep[];
  readonly #staged: readonly LeafStep[];
  /** The sums of a block. */
  readonly #sumsEach: number;
  /** The number of blocks of each leaf for which there are sums. */
  readonly #blocks: readonly number[];
  /** Offsets from the beginning of the working space. */
  readonly #numbersOf = new Map<GroupNumbers | LeafStep, number>();
  readonly #sumsOf = new Map<LeafStep, number>();
  readonly #offsets: {
    sums: number;
    tables: number;
    room: number;
    table: number;
    window: number;
    end: number;
  };
  /** The bytes that an entry needs for its blocks, and the tables for them, if it has any. */
  readonly #blockBytes: ReturnType<typeof blockBytes>;
  readonly #words: number;
  /** The bytes of the window. */
  readonly #window: number;
  /** The most elements of an entry that is stepped where it is. */
  readonly #piece: number;
  /** The elements that are. */
  readonly #elements: number;
  /** The most entries that those have. */
  readonly #entries: number;
  /** Whether leaves may share an entry. */
  readonly #shares: boolean;
  /** The working space as it was found last, and how ordinary arrays pass through it. */
  #space: Space | undefined;

  /** The `index`th pass of `kernel`; the leaves' fields take the first `fields` bytes of the working space. */
  constructor(
    index: number,
    steps: readonly LeafStep[],
    kernel: Kernel,
    arena: Arena,
    fields: number,
  ) {
    [this.#index, this.#steps, this.#kernel, this.#arena] = [index, steps, kernel, arena];
    const { group } = steps[0].leaf;
    const { plan } = group;
    const pass = this.#pass = passesOf(plan)[index];
    this.#function = kernel.on(arena)[index];
    // What varies over axes only is in the working space, wherever the leaf's arrays are.
    const isNarrow = pass.loop.extent !== "element";
    this.#direct = steps.filter(({ isDirect }) => isNarrow || isDirect);
    this.#staged = steps.filter(({ isDirect }) => !(isNarrow || isDirect));
    this.#sumsEach = pass.loop.accumulations.filter(isBlocked).length;
    this.#words = entryWords(group);
    this.#blockBytes = blockBytes(group);
    // Nothing that the pass does tells one leaf from another but its arrays.
    this.#shares = pass.axes === undefined && this.#blockBytes === undefined &&
      this.#sumsEach === 0 && plan.random.length === 0 &&
      roundedOutputs(group.outputs).length === 0;
    const isInBlocks = this.#sumsEach > 0;
    this.#blocks = steps.map((step) => isInBlocks ? Math.ceil(this.#size(step) / BLOCK) : 0);

    let end = fields;
    for (const step of steps) {
      const key = numbersKey(step);
      if (this.#numbersOf.has(key)) continue;
      this.#numbersOf.set(key, end);
      end += step.numbers.bytes + Math.ceil(4 * recordWords(plan) / 16) * 16;
    }
    const sums = end;
    steps.forEach((step, i) => {
      this.#sumsOf.set(step, end);
      end += this.#sumBytes * this.#blocks[i];
    });
    this.#piece = isInBlocks ? BLOCK : pass.axes?.isAccumulating ? WHOLE : DIRECT_PIECE;
    this.#elements = sum(this.#direct.map((step) => this.#size(step)));
    const entries = this.#entries = sum(
      this.#direct.map((step) => Math.ceil(this.#size(step) / this.#piece)),
    );
    const tables = end;
    const room = tables + (this.#blockBytes?.tables ?? 0);
    // Any thread may take an entry; those that pass through the window share the last room.
    end = room + (this.#blockBytes?.room ?? 0) * (entries + 1);
    const table = end;
    end += 4 * this.#words * (entries + (this.#staged.length === 0 ? 0 : WINDOW_ENTRIES));
    const window = Math.ceil(end / 64) * 64;
    this.#window = windowBytes(kindsOf(group));
    end = window + (this.#staged.length === 0 ? 0 : this.#window);
    this.#offsets = { sums, tables, room, table, window, end };
  }

  /** Bytes of working space that it needs, those of fields among them. */
  get bytes(): number {
    return this.#offsets.end;
  }

  /** Forgets where the leaves' arrays are. */
  forget(): void {
    this.#space = undefined;
  }

  execute(threads: number): void {
    const space = this.#spaceNow();
    this.#writeNumbers(space.numbers);
    if (this.#blockBytes !== undefined) {
      new Uint8Array(space.buffer, space.base + this.#offsets.tables).set(tableBytes());
    }
    const accumulated = accumulatedIn(this.#steps[0].leaf.group.plan, this.#pass);
    if (accumulated.length > 0) {
      for (const { fields } of this.#steps) fields?.start(accumulated);
    }
    const count = space.entries.length / this.#words;
    if (count > 0) {
      space.direct.set(space.entries);
      const address = space.direct.byteOffset;
      const most = Math.min(threads, count, Math.floor(this.#elements / LEAST_EACH));
      if (most > 1 && this.#arena.isShared && runThreaded !== undefined) {
        runThreaded({
          kernel: this.#kernel.id,
          pass: this.#index,
          module: this.#kernel.module(true),
          arena: this.#arena,
          run: this.#function,
          table: address,
          entries: count,
          entryBytes: 4 * this.#words,
        }, most);
      } else this.#function(address, count);
    }
    space.window?.run(space.staged, this.#function);
    const { extent, accumulations } = this.#pass.loop;
    if (accumulated.length > 0) {
      for (const { fields } of this.#steps) fields?.finish(accumulated, extent);
    }
    accumulations.filter(isBlocked).forEach((accumulation, k) => {
      let first = 0;
      this.#steps.forEach((step, i) => {
        const end = first + this.#sumsEach * this.#blocks[i];
        step.take(accumulation, space.sums, first + k, this.#sumsEach, end);
        first = end;
      });
    });
  }

  /** The working space, as far as this pass takes it. */
  #spaceNow(): Space {
    const { sums, table, window, end } = this.#offsets;
    const base = workingSpace(this.#arena, end);
    const { buffer } = this.#arena.memory;
    if (this.#space?.base === base && this.#space.buffer === buffer) return this.#space;
    const places = (step: LeafStep): LeafPlaces => ({
      numbers: base + this.#numbersOf.get(numbersKey(step))!,
      sums: base + this.#sumsOf.get(step)!,
    });
    const staged = base + table + 4 * this.#words * this.#entries;
    const hasStaged = this.#staged.length > 0;
    const passing = {
      touched: this.#kernel.arrays[this.#index],
      sumBytes: this.#sumBytes,
      shares: this.#shares,
      blocks: this.#blockWords(base, this.#entries),
    };
    return this.#space = {
      base,
      buffer,
      numbers: new Entry(
        buffer,
        this.#steps[0].leaf.group.dtype === "float64",
        base,
        Math.floor(end / 4) * 4,
      ),
      entries: this.#directEntries(base, places),
      direct: new Uint32Array(buffer, base + table, this.#words * this.#entries),
      staged: new Uint32Array(buffer, staged, hasStaged ? this.#words * WINDOW_ENTRIES : 0),
      sums: new Float64Array(buffer, base + sums, this.#sumsEach * sum(this.#blocks)),
      window: hasStaged
        ? new Window(this.#staged, passing, places, buffer, base + window, this.#window)
        : undefined,
    };
  }

  /** The words for the blocks of an entry, by its place in the table. */
  #blockWords(base: number, entry: number): number[] {
    if (this.#blockBytes === undefined) return [];
    const { tables, room } = this.#offsets;
    return [base + tables, base + room + entry * this.#blockBytes.room];
  }

  #writeNumbers(memory: Entry): void {
    this.#numbersOf.forEach((at, key) => {
      if (key instanceof GroupNumbers) return key.write(memory, at, undefined);
      key.numbers.write(memory, at, key.tensor);
      if (key.fields !== undefined) memory.setWords(at + key.numbers.bytes, key.fields.record);
    });
  }

  get #sumBytes(): number {
    return 8 * this.#sumsEach;
  }

  #size({ leaf: { shape } }: LeafStep): number {
    return extentSize(this.#pass.loop.extent, shape);
  }

  #directEntries(base: number, placesOf: (step: LeafStep) => LeafPlaces): Uint32Array<ArrayBuffer> {
    const { group } = this.#steps[0].leaf;
    const words: number[] = [];
    const most = this.#shares ? this.#piece : 0;
    const bytes = kindsOf(group);
    for (const step of this.#direct) {
      const [piece, size] = [this.#piece, this.#size(step)];
      let { numbers, sums } = placesOf(step);
      for (let from = 0; from < size; from += piece, sums += this.#sumBytes) {
        const addresses = step.addresses.map((address, a) => address + from * bytes[a]);
        const blocks = this.#blockWords(base, words.length / this.#words);
        const taken = Math.min(piece, size - from);
        const entry = [taken, numbers, sums, from, step.leaf.number, ...addresses, ...blocks];
        addEntry(words, entry, group, most);
      }
    }
    return Uint32Array.from(words);
  }
}

/** Leaves of a group share numbers, unless some are one a tensor or each has a record of its own. */
function numbersKey(step: LeafStep): GroupNumbers | LeafStep {
  return step.numbers.tensor.length > 0 || step.fields !== undefined ? step : step.numbers;
}

const scratches = new WeakMap<Arena, Block>();

/** The address of at least `bytes` of an arena that are free between steps; it stays until more are asked for. */
export function workingSpace(arena: Arena, bytes: number): number {
  if (hasWorkingSpace(arena, bytes)) return scratches.get(arena)!.address;
  throw new GradusError(
    `Cannot step: a WebAssembly memory has no room left for ${bytes} bytes of working space`,
  );
}

/** Whether there is so much, which from here on is kept. */
export function hasWorkingSpace(arena: Arena, bytes: number): boolean {
  const known = scratches.get(arena);
  if (known !== undefined && known.bytes >= bytes) return true;
  if (known !== undefined) arena.free(known);
  scratches.delete(arena);
  const block = arena.allocateWorkingSpace(bytes);
  if (block !== undefined) scratches.set(arena, block);
  return block !== undefined;
}
