/** The window that ordinary arrays pass through, in batches small enough to stay in the cache. */
import type { MemoryArray } from "../../trees/dtype.ts";
import { BLOCK, type GroupRun, type LeafRun } from "../backend.ts";
import { blockBytes } from "./blocks.ts";
import { Entries, type LeafPlaces } from "./entries.ts";
import type { PassArrays, PassFunction } from "./kernel.ts";
import { kindsOf, type LeafStep } from "./leaf.ts";
import { entryWords } from "./render.ts";

/** Its least size, in bytes. */
const WINDOW = 1 << 19;
/** The most entries that are in it at once. */
export const WINDOW_ENTRIES = 2048;
/** The most elements of a leaf that are in it at once, where leaves do not share entries. */
const PIECE = 8 * BLOCK;
/** How large it gets for the sake of long pieces. */
const MOST_BYTES = 1 << 22;
/** Up to so many elements an engine copies faster one by one than at once. */
const FEW = 16;
/** Pieces that do not share an entry begin at a multiple of so many elements: whole lines, and whole blocks. */
const ALIGNED = 256;

/** A part of a leaf and its place in the window, in elements. */
interface Piece {
  /** Its arrays may be others in the next step. */
  readonly leaf: LeafRun;
  readonly from: number;
  readonly size: number;
  readonly at: number;
  /** The inputs that are brought in, and the outputs that are brought out, by their numbers. */
  readonly ins: readonly number[];
  readonly outs: readonly number[];
  /** The parts of the window that are brought out. */
  readonly views: readonly MemoryArray[];
}

/** What is in the window at once. */
interface Batch {
  readonly table: Uint32Array;
  readonly count: number;
  readonly pieces: readonly Piece[];
}

/** All of the window that an input passes through. */
interface Region {
  readonly view: MemoryArray;
  /** Numbers for each element: of scales, fewer than one. */
  readonly perElement: number;
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
  /** By the number of the input. */
  readonly #regions: readonly (Region | undefined)[];
  /** Of each output, how many numbers it has for each element. */
  readonly #perOutput: readonly number[];

  constructor(
    steps: readonly LeafStep[],
    { touched, sumBytes, shares, blocks }: Passing,
    placesOf: (step: LeafStep) => LeafPlaces,
    buffer: ArrayBufferLike,
    address: number,
    bytes: number,
  ) {
    const { group, inputs: likeInputs, outputs: likeOutputs } = steps[0].leaf;
    const { inputs, outputs } = group;
    const each = kindsOf(group);
    const piece = pieceOf(sumBytes > 0, each);
    const read = inputsOfOutputs(group);
    // What is changed in place is read and written at one place here too.
    const placeOf = (a: number) =>
      a < inputs.length || read[a - inputs.length] < 0 ? a : read[a - inputs.length];
    const { reads, writes } = touched;
    const own = [...new Set([...reads, ...writes.map((k) => placeOf(inputs.length + k))])];
    const room = roomFor(piece, own.map((a) => each[a]), bytes);
    const begin = new Map<number, number>();
    own.reduce((end, a) => {
      begin.set(a, end);
      return end + Math.ceil(room * each[a] / 64) * 64;
    }, address);
    const per = [...likeInputs, ...likeOutputs].map((array, a) =>
      each[a] / array.BYTES_PER_ELEMENT
    );
    const viewOf = (a: number, at: number, size: number) => {
      const like = a < inputs.length ? likeInputs[a] : likeOutputs[a - inputs.length];
      const start = begin.get(placeOf(a))! + at * each[a];
      return arrayLike(like, buffer, start, Math.ceil(size * per[a]));
    };
    this.#regions = inputs.map((_, a) =>
      reads.includes(a) ? { view: viewOf(a, 0, room), perElement: per[a] } : undefined
    );
    this.#perOutput = outputs.map((_, k) => per[inputs.length + k]);

    const batches: { readonly entries: Entries; readonly pieces: Piece[] }[] = [];
    let used = room;
    let [ins, outs]: (readonly number[])[] = [[], []];
    for (const step of steps) {
      const { leaf, addresses } = step;
      const places = placesOf(step);
      ins = sameOr(ins, reads.filter((a) => addresses[a] === 0));
      outs = sameOr(outs, writes.filter((k) => addresses[inputs.length + k] === 0));
      for (let from = 0, size = 0; from < leaf.size; from += size, used += size) {
        if (!shares) used = Math.ceil(used / ALIGNED) * ALIGNED;
        size = Math.min(leaf.size - from, shares ? Math.max(1, room - used) : piece);
        if (used + size > room || batches.at(-1)!.entries.count === WINDOW_ENTRIES) {
          batches.push({ entries: new Entries(group, shares ? room : 0), pieces: [] });
          [used, size] = [0, Math.min(leaf.size - from, shares ? room : piece)];
        }
        const { entries, pieces } = batches.at(-1)!;
        const at = used;
        const arrays = addresses.map((direct, a) => {
          if (direct !== 0) return direct + from * each[a];
          const start = begin.get(placeOf(a));
          return start === undefined ? 0 : start + at * each[a];
        });
        const sums = places.sums + from / BLOCK * sumBytes;
        entries.add(step, from, size, { ...places, sums }, arrays, blocks);
        const views = outs.map((k) => viewOf(inputs.length + k, at, size));
        pieces.push({ leaf, from, size, at, ins, outs, views });
      }
    }
    this.#batches = batches.map(({ entries, pieces }) => ({
      ...{ table: entries.table(), count: entries.count, pieces },
    }));
  }

  /** Brings the leaves in, steps them and brings the results out, batch by batch. */
  run(table: Uint32Array, pass: PassFunction): void {
    for (const batch of this.#batches) {
      for (const { leaf: { inputs }, from, size, at, ins } of batch.pieces) {
        for (let i = 0; i < ins.length; i++) {
          const { view, perElement } = this.#regions[ins[i]]!;
          const length = Math.ceil(size * perElement);
          copyPart(view, at * perElement, inputs[ins[i]], from * perElement, length);
        }
      }
      table.set(batch.table);
      pass(table.byteOffset, batch.count);
      for (const { leaf: { outputs }, from, outs, views } of batch.pieces) {
        for (let i = 0; i < outs.length; i++) {
          copyPart(outputs[outs[i]], from * this.#perOutput[outs[i]], views[i], 0, views[i].length);
        }
      }
    }
  }
}

/** Copies `length` numbers from one array into another. */
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

/** The list, or the equal one before: leaves whose arrays lie alike have one. */
function sameOr(before: readonly number[], list: readonly number[]): readonly number[] {
  return list.join() === before.join() ? before : list;
}

/** The input that each output of a group is written over, where it is. */
function inputsOfOutputs({ mode, inputs, outputs }: GroupRun): number[] {
  if (mode !== "step" && mode !== "masterStep") return outputs.map(() => -1);
  return outputs.map(({ name, isSecond }) => {
    const read = name === "" && mode === "step" ? "w" : name;
    return inputs.findIndex((input) => input.name === read && input.isSecond === isSecond);
  });
}

/** What so many elements take in the window, of arrays of so many bytes an element. */
function pieceBytes(size: number, bytes: readonly number[]): number {
  return bytes.reduce((total, each) => total + Math.ceil(size * each / 64) * 64, 0);
}

// Sums are taken block by block, and of many arrays only a little is in the window at once.
function pieceOf(isAccumulating: boolean, bytes: readonly number[]): number {
  return isAccumulating || pieceBytes(PIECE, bytes) > MOST_BYTES ? BLOCK : PIECE;
}

/** How many elements there is room for in so many bytes: a piece at least. */
function roomFor(piece: number, bytes: readonly number[], window: number): number {
  const ends = 64 * bytes.length;
  const fitting = (window - ends) / bytes.reduce((a, b) => a + b, 0);
  return Math.max(piece, Math.floor(fitting / ALIGNED) * ALIGNED);
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

function arrayLike(
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
