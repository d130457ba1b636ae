/** Arrays between guard zones, so that whatever is written or read beside them shows. */
import type { NumberArray } from "../../runtime/trees/dtype.ts";
import { allocateResident, type Arena, blockOf } from "../../runtime/trees/arena.ts";
import { assert } from "../assert.ts";

/** What guard zones are filled with: bytes that make numbers of their own in every type. */
export const PATTERNS: Readonly<Record<string, readonly number[]>> = {
  // As float32 and in the upper half of a float64: NaN; in the short types too.
  NaN: [0xff, 0xff, 0xff, 0xff],
  // 1e30 as float32; large in the other types.
  large: [0xca, 0xf2, 0x49, 0x71],
  zero: [0, 0, 0, 0],
};

/** Bytes before and behind an array. */
const ZONE = 256;

/** Places arrays between zones of a pattern, and tells whether the zones are as they were. */
export class Guards {
  readonly #pattern: readonly number[];
  readonly #arena: Arena | undefined;
  readonly #zones: { readonly bytes: Uint8Array; readonly what: string }[] = [];
  #last: NumberArray | undefined;
  #count = 0;

  /** Arrays are placed in `arena` or, without one, in ordinary memory. */
  constructor(pattern: readonly number[], arena?: Arena) {
    [this.#pattern, this.#arena] = [pattern, arena];
  }

  /** A tree with a guarded copy of every array of `tree`; numbers and the like are kept. */
  copy<T>(tree: T, what: string): T {
    if (ArrayBuffer.isView(tree)) return this.#place(tree as unknown as NumberArray, what) as T;
    if (typeof tree !== "object" || tree === null) return tree;
    const copies = Object.entries(tree).map(([key, inner]) =>
      [key, this.copy(inner, `${what}/${key}`)] as const
    );
    return (Array.isArray(tree)
      ? copies.map(([, inner]) => inner)
      : Object.fromEntries(copies)) as T;
  }

  /** Fails if a zone has changed. */
  check(when: string): void {
    for (const { bytes, what } of this.#zones) {
      for (let i = 0; i < bytes.length; i++) {
        if (bytes[i] === this.#patternAt(bytes.byteOffset + i)) continue;
        assert(false, `${when}: byte ${i} of ${bytes.length} ${what} has been written`);
      }
    }
  }

  #place(array: NumberArray, what: string): NumberArray {
    const placed = this.#arena === undefined
      ? this.#ordinary(array, what)
      : this.#resident(array, this.#arena, what);
    placed.set(array);
    return placed;
  }

  #ordinary(array: NumberArray, what: string): NumberArray {
    const { BYTES_PER_ELEMENT: each } = array;
    // Not at the boundary of a vector, wherever the type allows it.
    const from = ZONE + each * (this.#count++ % 4);
    const buffer = new ArrayBuffer(Math.ceil((from + array.byteLength + ZONE) / 8) * 8);
    const make = array.constructor as new (b: ArrayBuffer, at: number, n: number) => NumberArray;
    this.#zone(new Uint8Array(buffer, 0, from), `before ${what}`);
    this.#zone(new Uint8Array(buffer, from + array.byteLength), `behind ${what}`);
    return new make(buffer, from, array.length);
  }

  #resident(array: NumberArray, arena: Arena, what: string): NumberArray {
    const { memory } = arena;
    const zone = (side: string) => {
      const { byteOffset } = this.#last = allocateResident(new Float32Array(ZONE / 4), arena);
      this.#zone(new Uint8Array(memory.buffer, byteOffset, ZONE), `${side} ${what}`);
    };
    if (this.#last === undefined) zone("before");
    const placed = allocateResident(array, arena);
    const block = blockOf(placed)!;
    // What is left of the block's last line is no one's either.
    const end = placed.byteOffset + placed.byteLength;
    const rest = block.address + block.bytes - end;
    this.#zone(new Uint8Array(memory.buffer, end, rest), `at the end of ${what}`);
    zone("behind");
    return placed;
  }

  #zone(bytes: Uint8Array, what: string): void {
    for (let i = 0; i < bytes.length; i++) bytes[i] = this.#patternAt(bytes.byteOffset + i);
    this.#zones.push({ bytes, what });
  }

  #patternAt(address: number): number {
    return this.#pattern[address % this.#pattern.length];
  }
}
