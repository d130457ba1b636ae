/** The random numbers that a loop of a kernel draws: it keeps their keys, and counts the elements. */
import type { Node } from "../../../dsl/node.ts";
import { randomRow } from "../../../dsl/ops.ts";
import type { Code, Local } from "./emit.ts";
import type { Stream, Width } from "./load_store.ts";
import type { Drawn } from "./math/random.ts";

/** Places in memory, in 32-bit words. */
export interface DrawsPlaces {
  /** Of the number of an entry's first element, and of its leaf, in an entry. */
  readonly first: number;
  readonly leaf: number;
  /** Of the address of its numbers in an entry. */
  readonly numbers: number;
  /** Of the first key among those numbers. */
  readonly keys: number;
}

/** Calls the routine of a distribution. */
type Call = (op: Drawn) => void;

/** What numbers are drawn for: a random node, or what is stored rounded by them. */
type DrawnFor = Node | Stream;

/** Whether a node is drawn. */
export function isRandom({ op }: Node): boolean {
  return randomRow(op) !== undefined;
}

/** Writes the drawing of a loop's random numbers. */
export class Draws {
  readonly #code: Code;
  readonly #places: DrawsPlaces;
  readonly #call: Call;
  /** The number of the next element, in its leaf. */
  readonly #element: Local;
  readonly #leaf: Local;
  /** The place of each key among those of an entry, and its two words. */
  readonly #keys: ReadonlyMap<
    DrawnFor,
    { readonly place: number; readonly words: readonly Local[] }
  >;

  /** `drawn` are what numbers are drawn for, with the places of their keys. */
  constructor(
    code: Code,
    drawn: ReadonlyMap<DrawnFor, number>,
    places: DrawsPlaces,
    call: Call,
  ) {
    [this.#code, this.#places, this.#call] = [code, places, call];
    [this.#element, this.#leaf] = [code.local("i32"), code.local("v128")];
    this.#keys = new Map(
      [...drawn].map(([key, place]) => [key, {
        place,
        words: [code.local("v128"), code.local("v128")],
      }]),
    );
  }

  /** Begins with an entry. */
  begin(entry: Local): void {
    const code = this.#code;
    const { first, leaf, numbers, keys } = this.#places;
    code.get(entry).memory("i32.load", 4 * first).set(this.#element);
    code.get(entry).memory("v128.load32_splat", 4 * leaf).set(this.#leaf);
    this.#keys.forEach(({ place, words }) =>
      words.forEach((word, i) => {
        code.get(entry).memory("i32.load", 4 * numbers);
        code.memory("v128.load32_splat", 4 * (keys + 2 * place + i)).set(word);
      })
    );
  }

  /** Goes on to later elements. */
  advance(elements: number): void {
    this.#code.get(this.#element).i32(elements).op("i32.add").set(this.#element);
  }

  /** Pushes the numbers of the next four elements, or four times that of the next one. */
  push(key: DrawnFor, op: Drawn, width: Width): void {
    const code = this.#code;
    for (const word of this.#keys.get(key)!.words) code.get(word);
    code.get(this.#element).op("i32x4.splat");
    if (width === "vector") {
      // 0, 1, 2 and 3.
      code.bits("i64x2", 1n << 32n).bits("i64x2", 2n | 3n << 32n);
      code.shuffle(0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23).op("i32x4.add");
    }
    code.get(this.#leaf);
    this.#call(op);
  }
}
