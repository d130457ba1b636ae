/** Which arrays share memory: none may be written at two places, or read after another place wrote it. */
import { GradusError } from "../../dsl/errors.ts";
import type { MemoryArray } from "./dtype.ts";
import { countBefore } from "./halving.ts";

interface Placed {
  readonly array: MemoryArray;
  readonly place: () => string;
}

/** The arrays that a step writes, by the memory they lie in. */
export class Written {
  /** Those of each buffer, in the order of their addresses. */
  readonly #buffers = new Map<ArrayBufferLike, Placed[]>();

  /** Refuses arrays that share memory, since both would be written; `place` tells where each is. */
  constructor(
    arrays: Iterable<readonly [array: MemoryArray, place: () => string]>,
    doing: string,
  ) {
    for (const [array, place] of arrays) {
      if (array.length === 0) continue;
      const sharing = this.#buffers.get(array.buffer);
      if (sharing === undefined) this.#buffers.set(array.buffer, [{ array, place }]);
      else sharing.push({ array, place });
    }
    for (const sharing of this.#buffers.values()) {
      sharing.sort((a, b) => a.array.byteOffset - b.array.byteOffset);
      for (let i = 1; i < sharing.length; i++) {
        const [before, { array, place }] = [sharing[i - 1], sharing[i]];
        if (endOf(before.array) <= array.byteOffset) continue;
        throw new GradusError(
          `${doing}: every array must be at one place of the tree: given one at both ` +
            `${before.place()} and ${place()}; pass a tied parameter once`,
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
