/** Which arrays share memory: none may be written at two places, or read after another place wrote it. */
import { GradusError } from "../../dsl/errors.ts";
import type { MemoryArray } from "./dtype.ts";
import { countBefore } from "./halving.ts";

/** Where an array is of those that are written, as messages show it: its list, and the leaf in it. */
export type Place = (list: number, leaf: number) => string;

/** Each array of some lists, with its list and the leaf in it. */
export function* eachOf<A>(
  lists: readonly (readonly A[])[],
): Generator<readonly [array: A, list: number, leaf: number]> {
  for (const [list, arrays] of lists.entries()) {
    for (const [leaf, array] of arrays.entries()) yield [array, list, leaf];
  }
}

interface Placed {
  readonly array: MemoryArray;
  readonly list: number;
  readonly leaf: number;
}

/** The arrays that a step writes, by the memory they lie in. */
export class Written {
  /** Those of each buffer, in the order of their addresses once they are all there. */
  readonly #buffers = new Map<ArrayBufferLike, Placed[]>();

  /** Adds an array. */
  add(array: MemoryArray, list: number, leaf: number): void {
    if (array.length === 0) return;
    const sharing = this.#buffers.get(array.buffer);
    if (sharing === undefined) this.#buffers.set(array.buffer, [{ array, list, leaf }]);
    else sharing.push({ array, list, leaf });
  }

  /** Refuses arrays that share memory, since both would be written; `place` tells where each is. */
  requireApart(place: Place, doing: string): void {
    for (const sharing of this.#buffers.values()) {
      if (sharing.length === 1) continue;
      sharing.sort((a, b) => a.array.byteOffset - b.array.byteOffset);
      for (let i = 1; i < sharing.length; i++) {
        const [before, { array, list, leaf }] = [sharing[i - 1], sharing[i]];
        if (endOf(before.array) <= array.byteOffset) continue;
        throw new GradusError(
          `${doing}: every array must be at one place of the tree: given one at both ` +
            `${place(before.list, before.leaf)} and ${
              place(list, leaf)
            }; pass a tied parameter once`,
        );
      }
    }
  }

  /** Whether an array shares memory with one of them. */
  overlaps(array: MemoryArray): boolean {
    const sharing = this.#buffers.get(array.buffer);
    if (sharing === undefined || array.length === 0) return false;
    // The last that begins before the end of `array`; those that are written do not overlap each other.
    const end = endOf(array);
    const count = countBefore(sharing, (each) => each.array.byteOffset < end);
    return count > 0 && endOf(sharing[count - 1].array) > array.byteOffset;
  }
}

function endOf(array: MemoryArray): number {
  return array.byteOffset + array.byteLength;
}
