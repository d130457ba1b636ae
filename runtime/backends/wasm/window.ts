/** The window that ordinary arrays pass through: small enough to stay in the cache. */
import { BLOCK } from "../backend.ts";
import type { NumberArray } from "../../trees/dtype.ts";
import type { Kernel, PassFunction } from "./kernel.ts";
import { kindsOf, type LeafStep } from "./leaf.ts";
import type { Arena } from "../../trees/arena.ts";
import { ENTRY } from "./render.ts";

/** Its least size, in bytes. */
const WINDOW = 1 << 19;
/** The most entries that are in it at once. */
export const WINDOW_ENTRIES = 2048;
/** The most elements of a leaf that are in it at once. */
const PIECE = 8 * BLOCK;

/** The place in an arena where ordinary arrays are stepped, a piece at a time. */
export class Window {
  readonly #reads: readonly number[];
  readonly #writes: readonly number[];
  readonly #arena: Arena;
  readonly #address: number;
  readonly #bytes: number;
  #used = 0;
  #entries = 0;
  #outs: { readonly from: NumberArray; readonly to: NumberArray; readonly at: number }[] = [];

  constructor(kernel: Kernel, pass: number, arena: Arena, address: number, bytes: number) {
    const { reads, writes } = kernel.arrays[pass];
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
    run: PassFunction,
  ): void {
    const { leaf, addresses } = step;
    const arrays = [...leaf.inputs, ...leaf.outputs];
    const bytes = kindsOf(leaf.group);
    const inputs = leaf.inputs.length;
    const touched = [...this.#reads, ...this.#writes.map((k) => inputs + k)];
    const piece = pieceOf(sumBytes > 0);
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
      table[at + ENTRY.first] = from;
      table[at + ENTRY.leaf] = leaf.number;
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
  flush(table: Uint32Array, run: PassFunction): void {
    if (this.#entries > 0) run(table.byteOffset, this.#entries);
    for (const { from, to, at } of this.#outs) to.set(from, at);
    [this.#used, this.#entries, this.#outs] = [0, 0, []];
  }
}

/** What a piece of so many elements takes in the window, for arrays of so many bytes an element. */
function pieceBytes(size: number, bytes: readonly number[]): number {
  return bytes.reduce((total, each) => total + Math.ceil(size * each / 64) * 64, 0);
}

// Sums are taken block by block.
function pieceOf(isAccumulating: boolean): number {
  return isAccumulating ? BLOCK : PIECE;
}

/** Bytes of a window for arrays of so many bytes an element, in which a piece of each finds room. */
export function windowBytes(isAccumulating: boolean, bytes: readonly number[]): number {
  return Math.max(WINDOW, pieceBytes(pieceOf(isAccumulating), bytes));
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
