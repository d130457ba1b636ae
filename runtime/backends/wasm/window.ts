/** The window that ordinary arrays pass through, in batches small enough to stay in the cache. */
import type { MemoryArray } from "../../trees/dtype.ts";
import { BLOCK, type GroupRun } from "../backend.ts";
import { blockBytes } from "./blocks.ts";
import { addEntry } from "./entries.ts";
import type { PassArrays, PassFunction } from "./kernel.ts";
import { kindsOf, type LeafStep } from "./leaf.ts";
import { entryWords } from "./entry.ts";

/** Its least size, in bytes. */
const WINDOW = 1 << 19;
/** The most entries that are in it at once. */
export const WINDOW_ENTRIES = 2048;
/** Up to so many elements an engine copies faster one by one than at once. */
const FEW = 16;
/** Pieces that do not share an entry begin at a multiple of so many elements: whole lines, and whole blocks. */
const ALIGNED = 256;

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
  /** The words of its entries. */
  readonly entries: number[];
  readonly ins: Copy[];
  readonly outs: Copy[];
}

/** Where a leaf's numbers and sums are. */
export interface LeafPlaces {
  readonly numbers: number;
  readonly sums: number;
}

/** What a pass's leaves have in common in the window. */
export interface Passing {
  /** The arrays that the pass reads and writes. */
  readonly touched: PassArrays;
  /** Whether it takes sums of blocks, and the bytes of those of one. */
  readonly sumBytes: number;
  /** Whether leaves may share an entry. */
  readonly shares: boolean;
  /** The words of an entry for its blocks, which entries share that are run one after the other. */
  readonly blocks: readonly number[];
}

/** How some leaves pass through a window, worked out once for its place in memory. */
export class Window {
  readonly #batches: readonly Batch[];
  /** Those of an entry. */
  readonly #words: number;

  constructor(
    steps: readonly LeafStep[],
    { touched, sumBytes, shares, blocks }: Passing,
    placesOf: (step: LeafStep) => LeafPlaces,
    buffer: ArrayBufferLike,
    address: number,
    bytes: number,
  ) {
    const { group } = steps[0].leaf;
    const { inputs } = group;
    const each = kindsOf(group);
    this.#words = entryWords(group);
    const places = placesOfOutputs(group);
    // What is changed in place is read and written at one place here too.
    const placeOf = (a: number) => a < inputs.length ? a : places[a - inputs.length];
    const all = [...touched.reads, ...touched.writes.map((k) => inputs.length + k)];
    const own = [...new Set(all.map(placeOf))];
    // In elements, of which every array has as many.
    const fitting = (bytes - 64 * own.length) / sum(own.map((a) => each[a]));
    // A pass that touches no array has no bound of its own.
    const room = Math.floor(Math.min(fitting, bytes) / ALIGNED) * ALIGNED;
    const begin = new Map<number, number>();
    own.reduce((end, a) => {
      begin.set(a, end);
      return end + Math.ceil(room * each[a] / 64) * 64;
    }, address);
    const most = shares ? room : 0;
    const full = WINDOW_ENTRIES * this.#words;
    const batches: Batch[] = [];
    // The first piece finds no room, and begins it.
    let batch!: Batch;
    let used = room;
    for (const step of steps) {
      const { leaf, addresses } = step;
      const { numbers, sums } = placesOf(step);
      for (let from = 0, size = 0; from < leaf.size; from += size, used += size) {
        if (!shares) used = Math.ceil(used / ALIGNED) * ALIGNED;
        const fits = () => size = Math.min(leaf.size - from, shares ? room - used : BLOCK);
        if (fits() === 0 || used + size > room || batch.entries.length === full) {
          batches.push(batch = { entries: [], ins: [], outs: [] });
          used = 0;
          fits();
        }
        const { entries, ins, outs } = batch;
        const arrays = addresses.map((direct, a) => {
          if (direct !== 0) return direct + from * each[a];
          const start = begin.get(placeOf(a));
          return start === undefined ? 0 : start + used * each[a];
        });
        for (const a of all) {
          if (addresses[a] !== 0) continue;
          const isInput = a < inputs.length;
          const [own, index] = isInput ? [leaf.inputs, a] : [leaf.outputs, a - inputs.length];
          // Scales are fewer than elements.
          const perElement = each[a] / own[index].BYTES_PER_ELEMENT;
          const view = viewOf(own[index], buffer, arrays[a], Math.ceil(size * perElement));
          (isInput ? ins : outs).push({ arrays: own, index, from: from * perElement, view });
        }
        const sumsAt = sums + from / BLOCK * sumBytes;
        const entry = [size, numbers, sumsAt, from, leaf.number, ...arrays, ...blocks];
        addEntry(entries, entry, group, most);
      }
    }
    this.#batches = batches;
  }

  /** Brings the leaves in, steps them and brings the results out, batch by batch. */
  run(table: Uint32Array, pass: PassFunction): void {
    for (const { entries, ins, outs } of this.#batches) {
      for (const { arrays, index, from, view } of ins) {
        copyPart(view, 0, arrays[index], from, view.length);
      }
      table.set(entries);
      pass(table.byteOffset, entries.length / this.#words);
      for (const { arrays, index, from, view } of outs) {
        copyPart(arrays[index], from, view, 0, view.length);
      }
    }
  }
}

/** Copies so many numbers of an array, from one place to another's. */
function copyPart(
  to: MemoryArray,
  at: number,
  array: MemoryArray,
  from: number,
  length: number,
): void {
  if (length <= FEW) { for (let i = 0; i < length; i++) to[at + i] = array[from + i]; }
  else to.set(length === array.length ? array : array.subarray(from, from + length), at);
}

/** Of each output of a group the input that it is written over, or itself where it is by its own. */
function placesOfOutputs({ mode, inputs, outputs }: GroupRun): number[] {
  const isInPlace = mode === "step" || mode === "masterStep";
  return outputs.map(({ name, isSecond }, k) => {
    const read = name === "" && mode === "step" ? "w" : name;
    const input = inputs.findIndex((each) => each.name === read && each.isSecond === isSecond);
    return isInPlace && input >= 0 ? input : inputs.length + k;
  });
}

/** Bytes of a window for arrays of so many bytes an element, in which a block of each finds room. */
export function windowBytes(bytes: readonly number[]): number {
  return Math.max(WINDOW, BLOCK * sum(bytes) + 64 * bytes.length);
}

/** The sum of some numbers. */
export function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}

/** Bytes that leaves of a group take at most in passing: the window, the table of what is in it, and for blocks. */
export function stagedBytes(group: GroupRun): number {
  const bytes = kindsOf(group);
  const { tables = 0, room = 0 } = blockBytes(group) ?? {};
  return windowBytes(bytes) + 4 * WINDOW_ENTRIES * entryWords(group) + tables + room;
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
