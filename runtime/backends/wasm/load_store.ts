/** Loads and stores of a kernel: numbers as they are, and the short types widened and rounded. */
import { bytesOf, type DType, isShort } from "../../trees/dtype.ts";
import type { Code, Local } from "./code.ts";
import { FLOAT16_BITS, mendFloat16, narrowFloat16, widenFloat16 } from "./float16.ts";

/** Whether a whole vector is moved, or a single element that then fills all lanes. */
export type Width = "vector" | "single";

/** An array that a loop goes through, and where it is now. */
export interface Stream {
  readonly dtype: DType;
  /** Whether what is stored is rounded stochastically. */
  readonly isRounded?: boolean;
  readonly address: Local;
  /** Where the further bits of a `"bfloat16+8"` are. */
  readonly low?: Local;
  /** Of a `"block8"`, where the fractions of its codes are, and the scale of the block, in all lanes. */
  readonly fractions?: { readonly tables: Local; readonly offset: number };
  readonly scale?: Local;
}

/** Bytes that a vector of computation covers in memory, by how it is stored, further bits and scales apart. */
export function strideOf(dtype: DType, width: Width): number {
  const single = dtype === "bfloat16+8" ? 2 : Math.floor(bytesOf(dtype));
  return width === "single" ? single : dtype === "float64" ? 16 : single * 4;
}

// In memory, two vectors of short numbers are one, and both halves of a pair are moved at once.
const LOW_HALVES = [0, 1, 16, 17, 2, 3, 18, 19, 4, 5, 20, 21, 6, 7, 22, 23];
const HIGH_HALVES = [8, 9, 24, 25, 10, 11, 26, 27, 12, 13, 28, 29, 14, 15, 30, 31];
const UPPER_OF_PAIR = [2, 3, 6, 7, 10, 11, 14, 15, 18, 19, 22, 23, 26, 27, 30, 31];

/** The upper of the lower bytes of each lane of a pair. */
const FURTHER_OF_PAIR = [1, 5, 9, 13, 17, 21, 25, 29, 1, 5, 9, 13, 17, 21, 25, 29];

/** Half of the lowest bit that a bfloat16 has. */
const HALF = 0x8000;
/** Of a mask with a bit a byte, the bits of the lower half of each lane. */
const LOWER_HALVES = 0x3333;
/** What is added to the bits of a float32 before those that a type drops are cut off. */
const BELOW: Partial<Record<DType, number>> = { bfloat16: 0x7fff, "bfloat16+8": 0x7f };
/** What of those bits is in registers throughout. */
const FIXED: Partial<Record<DType, readonly number[]>> = {
  bfloat16: [HALF],
  "bfloat16+8": [1, 0x7f],
  float16: FLOAT16_BITS,
};
/** The bit that makes a NaN quiet. */
const QUIET = 0x400000;

/** Makes words of one half of eight shorts. */
function extended(half: number): string {
  return half === 0 ? "i32x4.extend_low_i16x8_u" : "i32x4.extend_high_i16x8_u";
}

/** The loads and stores of one function. */
export class Transfers {
  readonly #code: Code;
  /** Of each short output, the first half of a pair until the second comes. */
  readonly #waiting = new Map<Stream, Local>();
  /** Of each array of short numbers, by its address, the pair that was loaded last. */
  readonly #pairs = new Map<Local, Local>();
  readonly #constants = new Map<number, Local>();
  readonly #scratch: readonly Local[];

  /** Begins the function: what arrays of these types need is put in registers. */
  constructor(code: Code, dtypes: readonly DType[]) {
    this.#code = code;
    for (const bits of new Set(dtypes.flatMap((dtype) => FIXED[dtype] ?? []))) {
      const local = code.local("v128");
      code.bits("i32x4", bits).set(local);
      this.#constants.set(bits, local);
    }
    this.#scratch = dtypes.some(isShort) ? [0, 1, 2].map(() => code.local("v128")) : [];
  }

  /** Pushes a vector, the first or second `half` of a pair; or a single element in all lanes. */
  load(stream: Stream, width: Width, half: number): void {
    const { dtype, address, low } = stream;
    const code = this.#code;
    const isVector = width === "vector";
    if (dtype === "block8") return this.#loadCodes(stream, width, half);
    if (!isShort(dtype)) {
      const single = dtype === "float64" ? "v128.load64_splat" : "v128.load32_splat";
      code.get(address).memory(isVector ? "v128.load" : single, half * strideOf(dtype, width));
      return;
    }
    if (dtype !== "float16") code.bits("i32x4", 0);
    if (isVector) this.#pair("v128.load", address, half);
    else code.get(address).memory("i32.load16_u").op("i16x8.splat");
    if (dtype !== "float16") {
      code.shuffle(...(half === 0 ? LOW_HALVES : HIGH_HALVES));
      if (low === undefined) return;
      if (!isVector) code.get(low).memory("i32.load8_u").op("i32x4.splat");
      else {
        this.#pair("v128.load8x8_u", low, half);
        code.op(extended(half));
      }
      code.i32(8).op("i32x4.shl", "v128.or");
    } else {
      code.op(extended(half));
      widenFloat16(code, this.#bits);
    }
  }

  /** Pushes both halves of a pair, which are loaded with the first. */
  #pair(load: string, address: Local, half: number): void {
    const code = this.#code;
    let pair = this.#pairs.get(address);
    if (pair === undefined) this.#pairs.set(address, pair = code.local("v128"));
    if (half === 0) code.get(address).memory(load).tee(pair);
    else code.get(pair);
  }

  /** Looks the codes up, one by one, and multiplies their fractions by the scale. */
  #loadCodes({ address, fractions, scale }: Stream, width: Width, half: number): void {
    const code = this.#code;
    const { tables, offset } = fractions!;
    const look = (lane: number) => {
      code.get(address).memory("i32.load8_u", 4 * half + lane).i32(2).op("i32.shl");
      code.get(tables).op("i32.add");
    };
    look(0);
    code.memory("v128.load32_splat", offset);
    for (let lane = 1; width === "vector" && lane < 4; lane++) {
      look(lane);
      code.memory("f32.load", offset).lane("f32x4.replace_lane", lane);
    }
    code.get(scale!).op("f32x4.mul");
  }

  /** Stores a vector or the first lane of it; short numbers when the second half of a pair is there. */
  store(stream: Stream, width: Width, half: number, value: Local): void {
    const code = this.#code;
    const { dtype, address } = stream;
    if (width === "vector" && isShort(dtype)) {
      if (half === 0) this.#wait(stream, value);
      else this.#storePair(stream, this.#waiting.get(stream)!, value);
      return;
    }
    code.get(address);
    if (isShort(dtype)) {
      const [rounded] = this.#scratch;
      this.#round(dtype, value, rounded);
      this.#mend(dtype, value, rounded);
      code.get(rounded);
      if (dtype !== "float16") code.i32(16).op("i32x4.shr_u");
      code.lane("i32x4.extract_lane", 0).memory("i32.store16");
      if (stream.low === undefined) return;
      code.get(stream.low).get(rounded).i32(8).op("i32x4.shr_u");
      code.lane("i32x4.extract_lane", 0).memory("i32.store8");
      return;
    }
    code.get(value);
    if (width === "vector") code.memory("v128.store", half * strideOf(dtype, width));
    else if (dtype === "float64") code.lane("f64x2.extract_lane", 0).memory("f64.store");
    else code.lane("f32x4.extract_lane", 0).memory("f32.store");
  }

  #wait(stream: Stream, value: Local): void {
    const waiting = this.#waiting.get(stream) ?? this.#code.local("v128");
    this.#waiting.set(stream, waiting);
    this.#code.get(value).set(waiting);
  }

  #storePair({ dtype, address, low: further }: Stream, first: Local, second: Local): void {
    const code = this.#code;
    const [low, high, sum] = this.#scratch;
    const pairs = [[first, low], [second, high]] as const;
    for (const [value, rounded] of pairs) this.#round(dtype, value, rounded);
    code.block(() => {
      // Where there is no NaN, as nearly always, one addition tells; two infinities may look like one.
      code.get(first).get(second).op("f32x4.add").tee(sum).get(sum).op("f32x4.ne");
      if (dtype === "bfloat16") {
        // A tie that went up has left zeros in its lower half.
        code.get(low).get(high).op("i16x8.min_u").bits("i32x4", 0).op("i16x8.eq", "v128.or");
        code.op("i8x16.bitmask").i32(LOWER_HALVES).op("i32.and", "i32.eqz").branchIf(0);
      } else code.op("i32x4.bitmask", "i32.eqz").branchIf(0);
      code.rarely(() => pairs.forEach(([value, rounded]) => this.#mend(dtype, value, rounded)));
    });
    code.get(address).get(low).get(high);
    if (dtype === "float16") code.op("i16x8.narrow_i32x4_u");
    else code.shuffle(...UPPER_OF_PAIR);
    code.memory("v128.store");
    if (further === undefined) return;
    code.get(further).get(low).get(high).shuffle(...FURTHER_OF_PAIR);
    code.memoryLane("v128.store64_lane", 0);
  }

  /**
   * Rounds to the nearest, into the upper bits of each lane or, of a float16, the lower half; a NaN may come
   * out as any number, and the ties of a bfloat16 go up.
   */
  #round(dtype: DType, value: Local, rounded: Local): void {
    const code = this.#code;
    if (dtype === "float16") narrowFloat16(code, this.#bits, value, rounded);
    else if (dtype === "bfloat16") {
      code.get(value);
      this.#bits(HALF).op("i32x4.add").set(rounded);
    } else this.#toEven(dtype, value, rounded);
  }

  /** Makes exact what `#round` leaves: ties and NaNs. */
  #mend(dtype: DType, value: Local, rounded: Local): void {
    if (dtype === "float16") return mendFloat16(this.#code, value, rounded);
    if (dtype === "bfloat16") this.#toEven(dtype, value, rounded);
    this.#cutNaN(value, rounded);
  }

  #toEven(dtype: DType, value: Local, rounded: Local): void {
    const dropped = dtype === "bfloat16" ? 16 : 8;
    const code = this.#code.get(value).i32(dropped).op("i32x4.shr_u");
    this.#bits(1).op("v128.and");
    this.#bits(BELOW[dtype]!).op("i32x4.add").get(value).op("i32x4.add");
    code.set(rounded);
  }

  /** Pushes words of these bits. */
  #bits = (bits: number): Code => {
    const fixed = this.#constants.get(bits);
    return fixed === undefined ? this.#code.bits("i32x4", bits) : this.#code.get(fixed);
  };

  /** Puts every NaN of `value` in its place again, cut off, and quiet so that what is left is one. */
  #cutNaN(value: Local, rounded: Local): void {
    const code = this.#code.get(rounded).get(value).bits("i32x4", QUIET).op("v128.or");
    code.get(value).get(value).op("f32x4.eq", "v128.bitselect").set(rounded);
  }
}
