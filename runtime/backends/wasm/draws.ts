/** The random numbers that a loop of a kernel draws: it keeps their keys, and counts the elements. */
import type { Node, RandomOpName } from "../../../dsl/node.ts";
import { randomRow } from "../../../dsl/ops.ts";
import type { Code, Local } from "./code.ts";
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

  /** Of what is rounded, the words that are used now and those that come next. */
  readonly #words = new Map<Stream, { readonly now: Local; readonly next: Local }>();

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
  push(node: Node, width: Width): void {
    this.#draw(node, node.op as RandomOpName, () => this.#elements(width));
  }

  /** Pushes the bits that the next four elements are rounded by, or four times those of the next one. */
  pushBits(stream: Stream, width: Width): void {
    const code = this.#code;
    const [elements, words] = [code.local("v128"), code.local("v128")];
    this.#elements(width);
    code.set(elements);
    this.#draw(stream, "Bits", () => {
      code.get(elements).i32(4).op("i32x4.shr_u").i32(2).op("i32x4.shl");
      code.get(elements).bits("i32x4", 3).op("v128.and", "v128.or");
    });
    // On the stack is the lower word upon the upper one.
    const lacks = (bit: number) =>
      code.get(elements).bits("i32x4", bit).op("v128.and").bits("i32x4", 0).op("i32x4.eq");
    lacks(8);
    code.op("v128.bitselect").set(words);
    code.get(words).i32(16).op("i32x4.shr_u").get(words).bits("i32x4", 0xffff).op("v128.and");
    lacks(4);
    code.op("v128.bitselect");
  }

  /**
   * The same for one half of the next eight elements, whose place is a multiple of eight: every other time
   * there are bits left of the time before.
   */
  pushAligned(stream: Stream, half: number): void {
    const code = this.#code;
    const { now, next } = this.#kept(stream);
    if (half === 1) {
      code.get(now).bits("i32x4", 0xffff).op("v128.and");
      return;
    }
    code.block(() => {
      code.get(next).set(now);
      code.get(this.#element).i32(8).op("i32.and").branchIf(0);
      this.#draw(stream, "Bits", () => {
        code.get(this.#element).i32(2).op("i32.shr_u", "i32x4.splat");
        this.#countUp();
      });
      code.set(next).set(now);
    });
    code.get(now).i32(16).op("i32x4.shr_u");
  }

  #kept(stream: Stream): { readonly now: Local; readonly next: Local } {
    let words = this.#words.get(stream);
    if (words === undefined) {
      words = { now: this.#code.local("v128"), next: this.#code.local("v128") };
      this.#words.set(stream, words);
    }
    return words;
  }

  #draw(key: DrawnFor, op: Drawn, pushCounters: () => void): void {
    for (const word of this.#keys.get(key)!.words) this.#code.get(word);
    pushCounters();
    this.#code.get(this.#leaf);
    this.#call(op);
  }

  #elements(width: Width): void {
    this.#code.get(this.#element).op("i32x4.splat");
    if (width === "vector") this.#countUp();
  }

  /** Adds 0, 1, 2 and 3. */
  #countUp(): void {
    const code = this.#code.bits("i64x2", 1n << 32n).bits("i64x2", 2n | 3n << 32n);
    code.shuffle(0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23).op("i32x4.add");
  }
}
