/** The window that ordinary arrays pass through, in batches small enough to stay in the cache. */
import type { MemoryArray } from "../../trees/dtype.ts";
import { BLOCK, type GroupRun } from "../backend.ts";
import { blockBytes } from "./blocks.ts";
import type { PassArrays, PassFunction } from "./kernel.ts";
import { kindsOf, type LeafStep } from "./leaf.ts";
import { ENTRY, entryWords } from "./render.ts";

/** Its least size, in bytes. */
const WINDOW = 1 << 19;
/** The most entries that are in it at once. */
export const WINDOW_ENTRIES = 2048;
/** The most elements of a leaf that are in it at once. */
const PIECE = 8 * BLOCK;
/** How large it gets for the sake of long pieces. */
const MOST_BYTES = 1 << 22;
/** Up to so many elements an engine copies faster one by one than at once. */
const FEW = 16;

/** A part of an array and its place in the window. */
interface Copy {
  /** The arrays of the leaf, which may be others in the next step. */
  readonly arrays: readonly MemoryArray[];
  readonly index: number;
  readonly from: number;
  readonly view: MemoryArray;
}

/** What is in the window at once. */
interface Batch {
  readonly entries: number[];
  readonly ins: Copy[];
  readonly outs: Copy[];
}

/** Where a leaf's numbers and sums are. */
export interface LeafPlaces {
  readonly numbers: number;
  readonly sums: number;
  /** The bytes of the sums of a block; 0 where none are taken. */
  readonly sumBytes: number;
  /** The words of an entry for its blocks, which entries share that are run one after the other. */
  readonly blocks: readonly number[];
}

/** How some leaves pass through a window, worked out once for its place in memory. */
export class Window {
  readonly #batches: readonly Batch[];
  readonly #words: number;

  /** `touched` are the arrays that the pass reads and writes, `words` those of an entry of its table. */
  constructor(
    steps: readonly LeafStep[],
    touched: PassArrays,
    placesOf: (step: LeafStep) => LeafPlaces,
    words: number,
    buffer: ArrayBufferLike,
    address: number,
    bytes: number,
  ) {
    this.#words = words;
    const batches: Batch[] = [];
    let batch: Batch | undefined;
    let used = 0;
    for (const step of steps) {
      const { leaf, addresses } = step;
      const { inputs, outputs } = leaf;
      const each = kindsOf(leaf.group);
      const shared = inputsOfOutputs(leaf.group);
      const { numbers, sums, sumBytes, blocks } = placesOf(step);
      const written = touched.writes.map((k) => inputs.length + k);
      const all = [...touched.reads, ...written];
      const piece = pieceOf(sumBytes > 0, each);
      for (let from = 0, block = 0; from < leaf.size; from += piece, block++) {
        const size = Math.min(piece, leaf.size - from);
        const needed = pieceBytes(size, all.map((a) => each[a]));
        if (
          batch === undefined || used + needed > bytes ||
          batch.entries.length === WINDOW_ENTRIES * words
        ) {
          batches.push(batch = { entries: [], ins: [], outs: [] });
          used = 0;
        }
        const entry = batch.entries.length;
        for (let word = 0; word < words; word++) batch.entries.push(0);
        batch.entries[entry + ENTRY.length] = size;
        batch.entries[entry + ENTRY.numbers] = numbers;
        batch.entries[entry + ENTRY.sums] = sums + block * sumBytes;
        batch.entries[entry + ENTRY.first] = from;
        batch.entries[entry + ENTRY.leaf] = leaf.number;
        blocks.forEach((word, k) => batch!.entries[entry + words - blocks.length + k] = word);
        const views = new Map<number, MemoryArray>();
        for (const a of all) {
          const isInput = a < inputs.length;
          let place = addresses[a] === 0 ? 0 : addresses[a] + from * each[a];
          if (place === 0) {
            const [arrays, index] = isInput ? [inputs, a] : [outputs, a - inputs.length];
            // What is changed in place is read and written at one place here too.
            let view = isInput ? undefined : views.get(shared[index]);
            // Scales are fewer than elements: a piece begins with a block.
            const perElement = each[a] / arrays[index].BYTES_PER_ELEMENT;
            if (view === undefined) {
              const length = Math.ceil(size * perElement);
              view = viewOf(arrays[index], buffer, address + used, length);
              used += Math.ceil(size * each[a] / 64) * 64;
            }
            if (isInput) views.set(a, view);
            const copy = { arrays, index, from: from * perElement, view };
            (isInput ? batch.ins : batch.outs).push(copy);
            place = view.byteOffset;
          }
          batch.entries[entry + ENTRY.arrays + a] = place;
        }
      }
    }
    this.#batches = batches;
  }

  /** Brings the leaves in, steps them and brings the results out, batch by batch. */
  run(table: Uint32Array, pass: PassFunction): void {
    for (const { entries, ins, outs } of this.#batches) {
      for (const { arrays, index, from, view } of ins) {
        const array = arrays[index];
        const { length } = view;
        if (length <= FEW) { for (let i = 0; i < length; i++) view[i] = array[from + i]; }
        else view.set(length === array.length ? array : array.subarray(from, from + length));
      }
      table.set(entries);
      pass(table.byteOffset, entries.length / this.#words);
      for (const { arrays, index, from, view } of outs) {
        const array = arrays[index];
        const { length } = view;
        if (length <= FEW) { for (let i = 0; i < length; i++) array[from + i] = view[i]; }
        else array.set(view, from);
      }
    }
  }
}

/** The input that each output of a group is written over, where it is. */
function inputsOfOutputs({ mode, inputs, outputs }: GroupRun): number[] {
  if (mode !== "step" && mode !== "masterStep") return outputs.map(() => -1);
  return outputs.map(({ name, isSecond }) => {
    const read = name === "" && mode === "step" ? "w" : name;
    return inputs.findIndex((input) => input.name === read && input.isSecond === isSecond);
  });
}

/** What a piece of so many elements takes in the window, for arrays of so many bytes an element. */
function pieceBytes(size: number, bytes: readonly number[]): number {
  return bytes.reduce((total, each) => total + Math.ceil(size * each / 64) * 64, 0);
}

// Sums are taken block by block, and of many arrays only a little is in the window at once.
function pieceOf(isAccumulating: boolean, bytes: readonly number[]): number {
  return isAccumulating || pieceBytes(PIECE, bytes) > MOST_BYTES ? BLOCK : PIECE;
}

/** Bytes of a window for arrays of so many bytes an element, in which a piece of each finds room. */
export function windowBytes(isAccumulating: boolean, bytes: readonly number[]): number {
  return Math.max(WINDOW, pieceBytes(pieceOf(isAccumulating, bytes), bytes));
}

/** Bytes that leaves of a group take at most in passing: the window, the table of what is in it, and for blocks. */
export function stagedBytes(group: GroupRun): number {
  const bytes = kindsOf(group);
  const { tables = 0, room = 0 } = blockBytes(group) ?? {};
  return Math.max(windowBytes(true, bytes), windowBytes(false, bytes)) +
    4 * WINDOW_ENTRIES * entryWords(group) + tables + room;
}

function viewOf(
  like: MemoryArray,
  buffer: ArrayBufferLike,
  address: number,
  size: number,
): MemoryArray {
  if (like instanceof Float32Array) return new Float32Array(buffer, address, size);
  if (like instanceof Float64Array) return new Float64Array(buffer, address, size);
  if (like instanceof Uint8Array) return new Uint8Array(buffer, address, size);
  return new Uint16Array(buffer, address, size);
}
