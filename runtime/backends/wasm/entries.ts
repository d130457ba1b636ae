/** The entries of a pass's table: each a stretch of one leaf, or of several that follow each other everywhere. */
import { type GroupRun, isBlocked as isStoredInBlocks } from "../backend.ts";
import { roundedOutputs } from "../random.ts";
import { kindsOf, type LeafStep } from "./leaf.ts";
import type { Pass } from "./passes.ts";
import { ENTRY, entryWords } from "./render.ts";

/** Where a leaf's numbers and sums are. */
export interface LeafPlaces {
  readonly numbers: number;
  readonly sums: number;
}

/** Entries, in the order in which they are run. */
export class Entries {
  readonly #words: number[] = [];
  readonly #each: number;
  readonly #bytes: readonly number[];
  /** The most elements of an entry that several leaves share; 0 where each must have its own. */
  readonly #most: number;

  constructor(group: GroupRun, most: number) {
    [this.#each, this.#bytes, this.#most] = [entryWords(group), kindsOf(group), most];
  }

  get count(): number {
    return this.#words.length / this.#each;
  }

  /** Their table. */
  table(): Uint32Array<ArrayBuffer> {
    return Uint32Array.from(this.#words);
  }

  /**
   * Adds `size` elements of a leaf from the element `first` on. `addresses` are those of its arrays there, and
   * `blocks` the words for its blocks, if it has any.
   */
  add(
    { leaf: { number } }: LeafStep,
    first: number,
    size: number,
    { numbers, sums }: LeafPlaces,
    addresses: readonly number[],
    blocks: readonly number[] = [],
  ): void {
    const words = this.#words;
    const last = words.length - this.#each;
    if (last >= 0) {
      const before = words[last + ENTRY.length];
      const follows = before + size <= this.#most && words[last + ENTRY.numbers] === numbers &&
        addresses.every((address, a) =>
          address === words[last + ENTRY.arrays + a] + before * this.#bytes[a]
        );
      if (follows) {
        words[last + ENTRY.length] = before + size;
        return;
      }
    }
    const entry = [size, numbers, sums, first, number, ...addresses, ...blocks];
    for (const word of entry) words.push(word);
  }
}

/** Whether leaves may share an entry: nothing that the pass does tells one from another but its arrays. */
export function mayShare(group: GroupRun, { loop, axes }: Pass): boolean {
  const { plan, inputs, outputs } = group;
  return loop.extent === "element" && axes === undefined && loop.accumulations.length === 0 &&
    plan.random.length === 0 && roundedOutputs(outputs).length === 0 &&
    ![...inputs, ...outputs].some(isStoredInBlocks);
}
