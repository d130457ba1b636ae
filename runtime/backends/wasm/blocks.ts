/**
 * States of a kernel that are stored in blocks. The loops go from block to block: what comes of a block is kept
 * as float32 until all of it is there, and then scaled and stored by a routine.
 */
import {
  BLOCK_SIZE,
  type BlockTables,
  FIRST_BITS,
  LOWER_BITS,
  PLACES,
  tablesOf,
} from "../../trees/block8.ts";
import { type ArrayKind, type GroupArrays, isBlocked } from "../backend.ts";
import { Code, type FunctionType, type Local } from "./code.ts";
import type { Stream } from "./load_store.ts";

/** Where tables are, from the beginning of those for numbers of one sign. */
const LIMITS = 0;
const FRACTIONS = 4 * 256;
const PLACES_AT = FRACTIONS + 4 * 256;
const TABLES = Math.ceil((PLACES_AT + PLACES) / 16) * 16;

/** The bytes that the numbers of a block take, and the zeros that follow them. */
const VALUES = 4 * BLOCK_SIZE + 16;

/** Words of an entry for its blocks, behind the addresses of its arrays: of the tables, and of its room. */
export const BLOCK_WORDS = { tables: 0, room: 1, words: 2 } as const;

/** The bytes that kernels with blocks take: of the tables, and of the room that each entry needs at a time. */
export function blockBytes(
  { inputs, outputs }: Pick<GroupArrays, "inputs" | "outputs">,
): { readonly tables: number; readonly room: number } | undefined {
  if (![...inputs, ...outputs].some(isBlocked)) return undefined;
  return { tables: 2 * TABLES, room: 2 * VALUES * blockedOutputs(outputs).length };
}

/** The results that are stored in blocks, by their places. */
function blockedOutputs(outputs: readonly ArrayKind[]): number[] {
  return outputs.flatMap((kind, k) => isBlocked(kind) && !kind.isSecond ? [k] : []);
}

let bytes: Uint8Array<ArrayBuffer> | undefined;

/** The tables, as they are in memory. */
export function tableBytes(): Uint8Array<ArrayBuffer> {
  if (bytes !== undefined) return bytes;
  bytes = new Uint8Array(2 * TABLES);
  [false, true].forEach((isUnsigned, k) => {
    const { limits, fractions, places }: BlockTables = tablesOf(isUnsigned);
    const put = (array: Float32Array | Uint8Array, at: number) =>
      bytes!.set(new Uint8Array(array.buffer), k * TABLES + at);
    put(limits, LIMITS);
    put(fractions, FRACTIONS);
    put(places, PLACES_AT);
  });
  return bytes;
}

/** Calls what stores a block, with the addresses on the stack. */
export type CallStore = (isUnsigned: boolean) => void;

interface Blocked {
  readonly stream: Stream;
  readonly word: number;
  readonly secondWord: number;
  /** Where the scale of the next block is. */
  readonly scales: Local;
}

interface BlockedOutput extends Blocked {
  readonly codes: Local;
  readonly isUnsigned: boolean;
  /** Where what comes of a block is kept, from the beginning of the entry's room. */
  readonly offset: number;
}

/** The blocks of one function. */
export class Blocks {
  readonly #code: Code;
  readonly #store: CallStore;
  /** Where an entry has the words of {@linkcode BLOCK_WORDS}. */
  readonly #words: number;
  readonly #inputs: Blocked[] = [];
  readonly #outputs: BlockedOutput[] = [];
  readonly #tables: Local;
  readonly #room: Local;
  /** How many numbers of the block there are so far. */
  readonly filled: Local;

  constructor(code: Code, store: CallStore, words: number) {
    [this.#code, this.#store, this.#words] = [code, store, words];
    const word = () => code.local("i32");
    [this.#tables, this.#room, this.filled] = [word(), word(), word()];
  }

  /** What is gone through element by element: codes that are read, and numbers that are kept. */
  get slots(): readonly Stream[] {
    return [...this.#inputs, ...this.#outputs].map(({ stream }) => stream);
  }

  /** A state that is read, whose codes and scales an entry has at these words. */
  input({ isUnsigned }: ArrayKind, word: number, secondWord: number): Stream {
    const code = this.#code;
    const stream: Stream = {
      dtype: "block8",
      address: code.local("i32"),
      fractions: { tables: this.#tables, offset: tablesAt(isUnsigned) + FRACTIONS },
      scale: code.local("v128"),
    };
    this.#inputs.push({ stream, word, secondWord, scales: code.local("i32") });
    return stream;
  }

  /** The same of the result `k` of `outputs`, which is written. */
  output(outputs: readonly ArrayKind[], k: number, word: number, secondWord: number): Stream {
    const code = this.#code;
    const stream: Stream = { dtype: "float32", address: code.local("i32") };
    this.#outputs.push({
      ...{ stream, word, secondWord, scales: code.local("i32"), codes: code.local("i32") },
      isUnsigned: outputs[k].isUnsigned === true,
      offset: VALUES * blockedOutputs(outputs).indexOf(k),
    });
    return stream;
  }

  /** Begins with an entry, which begins with a block. */
  begin(entry: Local): void {
    const code = this.#code;
    const load = (word: number) => code.get(entry).memory("i32.load", 4 * word);
    load(this.#words + BLOCK_WORDS.tables).set(this.#tables);
    load(this.#words + BLOCK_WORDS.room).set(this.#room);
    for (const { stream, word, secondWord, scales } of this.#inputs) {
      load(word).set(stream.address);
      load(secondWord).set(scales);
    }
    for (const { word, secondWord, scales, codes } of this.#outputs) {
      load(word).set(codes);
      load(secondWord).set(scales);
    }
    this.#restart();
  }

  /** Goes through as many elements as are `left`; `body` goes through those of a block, and leaves none. */
  runs(left: Local, body: () => void): void {
    const code = this.#code;
    const [rest, taken] = [code.local("i32"), code.local("i32")];
    code.get(left).set(rest);
    code.block(() => {
      code.loop(() => {
        code.get(rest).op("i32.eqz").branchIf(1);
        code.block(() => {
          code.get(this.filled).branchIf(0);
          for (const { stream, scales } of this.#inputs) {
            code.get(scales).memory("v128.load32_splat").set(stream.scale!);
            code.get(scales).i32(4).op("i32.add").set(scales);
          }
        });
        code.block(() => {
          code.i32(BLOCK_SIZE).get(this.filled).op("i32.sub").tee(left);
          code.get(rest).op("i32.le_u").branchIf(0);
          code.get(rest).set(left);
        });
        code.get(left).set(taken);
        code.get(rest).get(left).op("i32.sub").set(rest);
        body();
        code.get(this.filled).get(taken).op("i32.add").set(this.filled);
        code.block(() => {
          code.get(this.filled).i32(BLOCK_SIZE).op("i32.ne").branchIf(0);
          this.#finish();
        });
        code.branch(0);
      });
    });
  }

  /** Stores the block at the end of an entry, which may be shorter. */
  end(): void {
    const code = this.#code;
    code.block(() => {
      code.get(this.filled).op("i32.eqz").branchIf(0);
      this.#finish();
    });
  }

  #finish(): void {
    const code = this.#code;
    for (const { offset, codes, scales, isUnsigned } of this.#outputs) {
      code.get(this.#room).i32(offset).op("i32.add").get(this.filled).get(codes).get(scales);
      code.get(this.#tables).i32(tablesAt(isUnsigned)).op("i32.add");
      this.#store(isUnsigned);
      code.get(codes).i32(BLOCK_SIZE).op("i32.add").set(codes);
      code.get(scales).i32(4).op("i32.add").set(scales);
    }
    this.#restart();
  }

  #restart(): void {
    const code = this.#code;
    code.i32(0).set(this.filled);
    for (const { stream, offset } of this.#outputs) {
      code.get(this.#room).i32(offset).op("i32.add").set(stream.address);
    }
  }
}

function tablesAt(isUnsigned: boolean | undefined): number {
  return isUnsigned ? TABLES : 0;
}

/** What a routine that stores a block takes: addresses of numbers, their count, and addresses again. */
export const STORE_BLOCK: Omit<FunctionType, "name"> = {
  params: ["i32", "i32", "i32", "i32", "i32"],
  results: [],
};

/** The routine that stores a block, and where in it the loop over vectors is that takes the most time. */
export function storeBlock(
  isUnsigned: boolean,
): { readonly code: Code; readonly from: number; readonly to: number } {
  const code = new Code({ name: isUnsigned ? "storeUnsigned" : "storeSigned", ...STORE_BLOCK });
  const [values, count, codes, scales, tables] = [0, 1, 2, 3, 4].map((k) => code.param(k));
  const [at, end, place] = [0, 1, 2].map(() => code.local("i32"));
  const vector = () => code.local("v128");
  const [least, greatest, scale, ratio, magnitude, bits, below] = Array.from(
    { length: 7 },
    vector,
  );
  const { zero } = tablesOf(isUnsigned);
  const eachVector = (body: () => void) => {
    code.get(values).set(at);
    code.block(() => {
      code.loop(() => {
        code.get(at).get(end).op("i32.ge_u").branchIf(1);
        body();
        code.get(at).i32(16).op("i32.add").set(at);
        code.branch(0);
      });
    });
  };
  // Of the last vector, what is behind the numbers counts as 0; arrays have room for its codes.
  code.get(values).get(count).i32(2).op("i32.shl", "i32.add").tee(end);
  code.bits("i32x4", 0).memory("v128.store");

  const from = code.length;
  eachVector(() => {
    code.get(at).memory("v128.load").tee(ratio).get(least).op("f32x4.min").set(least);
    code.get(ratio).get(greatest).op("f32x4.max").set(greatest);
  });
  for (const turned of [8, 4]) {
    const picks = Array.from({ length: 16 }, (_, i) => (i + turned) % 16);
    for (const [most, op] of [[least, "f32x4.min"], [greatest, "f32x4.max"]] as const) {
      code.get(most).get(most).get(most).shuffle(...picks).op(op).set(most);
    }
  }
  code.get(greatest);
  if (!isUnsigned) {
    code.get(least).get(greatest).get(least).op("f32x4.neg", "f32x4.ge", "v128.bitselect");
  }
  // What is not finite makes all of the block NaN.
  code.splat("f32x4", NaN).get(greatest).splat("f32x4", Infinity).op("f32x4.lt");
  code.get(least).splat("f32x4", -Infinity).op("f32x4.gt", "v128.and", "v128.bitselect").set(scale);
  code.get(scales).get(scale).lane("f32x4.extract_lane", 0).memory("f32.store");

  eachVector(() => {
    code.get(at).memory("v128.load").get(scale).op("f32x4.div").tee(ratio);
    code.get(ratio).get(ratio).op("f32x4.eq", "v128.and").set(ratio);
    if (isUnsigned) code.get(ratio).splat("f32x4", 0).op("f32x4.max").set(magnitude);
    else {
      code.get(ratio).op("f32x4.abs").set(magnitude);
      code.get(ratio).splat("f32x4", 0).op("f32x4.lt").set(below);
    }
    code.get(magnitude).i32(LOWER_BITS).op("i32x4.shr_u").bits("i32x4", FIRST_BITS);
    code.op("i32x4.sub").bits("i32x4", 0).op("i32x4.max_s").set(bits);
    for (let lane = 0; lane < 4; lane++) {
      code.get(tables).get(bits).lane("i32x4.extract_lane", lane).op("i32.add");
      code.memory("i32.load8_u", PLACES_AT).tee(place);
      code.get(tables).get(place).i32(2).op("i32.shl", "i32.add").memory("f32.load", LIMITS);
      code.get(magnitude).lane("f32x4.extract_lane", lane).op("f32.lt", "i32.add").set(place);
      code.get(codes);
      if (isUnsigned) code.get(place);
      else {
        // There is no -1: of numbers below 0, the last place is the one before.
        const sign = () => code.get(below).lane("i32x4.extract_lane", lane);
        code.get(place).get(place).i32(7).op("i32.shr_u");
        sign();
        code.op("i32.and", "i32.sub");
        sign();
        code.op("i32.xor");
        sign();
        code.op("i32.sub").i32(zero).op("i32.add");
      }
      code.memory("i32.store8", lane);
    }
    code.get(codes).i32(4).op("i32.add").set(codes);
  });
  return { code, from, to: code.length };
}
