/** The matrices in the arrays of a leaf: parts of them, or copies where their elements stand in another order. */
import { partOf } from "./arena.ts";
import type { MemoryArray } from "./dtype.ts";
import { type MatrixView, placesIn } from "./view.ts";

/** An array, and one with its elements in the order of the matrices. */
interface Copy {
  readonly array: MemoryArray;
  readonly copy: MemoryArray;
  isWritten: boolean;
}

/** The matrices in the arrays of one leaf. */
export class LeafMatrices {
  readonly #count: number;
  /** Where the elements of the matrices are in the leaf, where that is elsewhere. */
  readonly #places: Uint32Array | undefined;
  #copies: Copy[] = [];
  /** Copies of arrays that it was asked for before. */
  #spare: MemoryArray[] = [];

  constructor(view: MatrixView, shape: readonly number[]) {
    this.#count = view.count;
    this.#places = placesIn(view, shape);
  }

  /** Whether blocks of `size` elements of an array are blocks of its matrices too. */
  keepsBlocks(size: number, array: { readonly length: number }, isLikeLeaf: boolean): boolean {
    if (isLikeLeaf && this.#places !== undefined) return false;
    return this.#count === 1 || array.length / this.#count % size === 0;
  }

  /** Forgets the arrays that it was asked for. */
  clear(): void {
    this.#spare = this.#copies.map(({ copy }) => copy);
    this.#copies = [];
  }

  /**
   * The part of an array that each matrix has. One that is like the leaf is in the order of its elements; of
   * others each matrix has its part by itself. What is not written is only brought in.
   */
  of(array: MemoryArray, isLikeLeaf: boolean, isWritten: boolean): MemoryArray[] {
    const whole = this.#places === undefined || !isLikeLeaf
      ? array
      : this.#copyOf(array, isWritten);
    const length = array.length / this.#count;
    return Array.from({ length: this.#count }, (_, i) => partOf(whole, i * length, length));
  }

  /** Brings in what the arrays hold by now. */
  begin(): void {
    const places = this.#places;
    if (places === undefined) return;
    for (const { array, copy } of this.#copies) {
      for (let i = 0; i < places.length; i++) copy[i] = array[places[i]];
    }
  }

  /** Brings back what has been written. */
  end(): void {
    const places = this.#places;
    if (places === undefined) return;
    for (const { array, copy, isWritten } of this.#copies) {
      if (isWritten) { for (let i = 0; i < places.length; i++) array[places[i]] = copy[i]; }
    }
  }

  /** One copy of an array, however often it is asked for: what is changed in place is read and written there. */
  #copyOf(array: MemoryArray, isWritten: boolean): MemoryArray {
    let known = this.#copies.find((each) => each.array === array);
    if (known === undefined) {
      const fits = this.#spare.findIndex(({ constructor }) => constructor === array.constructor);
      const copy = fits < 0 ? array.slice() : this.#spare.splice(fits, 1)[0];
      this.#copies.push(known = { array, copy, isWritten });
    }
    known.isWritten ||= isWritten;
    return known.copy;
  }
}
