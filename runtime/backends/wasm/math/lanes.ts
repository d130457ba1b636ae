/**
 * A notation for functions on four float32 numbers. Float64 numbers come two to a vector, so four of them
 * take two vectors, and every instruction is written twice: for one half, at once for the other.
 */
import { type Doubles, polynomial } from "../../../../dsl/random/doubles.ts";
import type { Code, FunctionType, Local } from "../code.ts";

/** Four numbers: one vector of float32, or two vectors of float64. */
export interface Quad {
  readonly lanes: "f32x4" | "f64x2";
  readonly vectors: readonly Local[];
}

/** A number stands for itself in every lane, a bigint for its bits. */
export type Operand = Quad | number | bigint;

/** A function of a module: how it is called and how its body is written. */
export interface Routine {
  readonly type: FunctionType;
  write(lanes: Lanes): void;
}

/** Writes the body of a function, an operation after the other. */
export class Lanes implements Doubles<Quad, Quad> {
  readonly #code: Code;
  readonly #include: (routine: Routine) => number;

  /** `include` adds another function to the module, once, and returns its index. */
  constructor(code: Code, include: (routine: Routine) => number) {
    [this.#code, this.#include] = [code, include];
  }

  /** The `index`th parameter: four float32. */
  param(index: number): Quad {
    return { lanes: "f32x4", vectors: [this.#code.param(index)] };
  }

  /** Leaves the results of the function. */
  give(...results: Quad[]): void {
    for (const local of results.flatMap(({ vectors }) => vectors)) this.#code.get(local);
  }

  /** An instruction on all four; without a prefix, that of the lanes of its operands. */
  op(name: string, ...operands: Operand[]): Quad {
    const { lanes, vectors } = operands.find((each) => typeof each === "object")!;
    const instruction = name.includes(".") ? name : `${lanes}.${name}`;
    return this.#each(lanes, vectors.length, (half) => {
      for (const operand of operands) this.#push(operand, lanes, half);
      this.#code.op(instruction);
    });
  }

  /** An integer shift of every lane: `shl` or `shr_u`. */
  shift(name: "shl" | "shr_u", operand: Quad, by: number): Quad {
    const integers = operand.lanes === "f32x4" ? "i32x4" : "i64x2";
    return this.#each(operand.lanes, operand.vectors.length, (half) => {
      this.#code.get(operand.vectors[half]).i32(by).op(`${integers}.${name}`);
    });
  }

  add(a: Operand, b: Operand): Quad {
    return this.op("add", a, b);
  }

  sub(a: Operand, b: Operand): Quad {
    return this.op("sub", a, b);
  }

  mul(a: Operand, b: Operand): Quad {
    return this.op("mul", a, b);
  }

  div(a: Operand, b: Operand): Quad {
    return this.op("div", a, b);
  }

  and(a: Operand, b: Operand): Quad {
    return this.op("v128.and", a, b);
  }

  or(a: Operand, b: Operand): Quad {
    return this.op("v128.or", a, b);
  }

  xor(a: Operand, b: Operand): Quad {
    return this.op("v128.xor", a, b);
  }

  sqrt(x: Quad): Quad {
    return this.op("sqrt", x);
  }

  abs(x: Quad): Quad {
    return this.op("abs", x);
  }

  less(a: Operand, b: Operand): Quad {
    return this.op("lt", a, b);
  }

  /** `a` where `mask` is all ones, `b` where it is 0. */
  select(mask: Quad, a: Operand, b: Operand): Quad {
    return this.op("v128.bitselect", a, b, mask);
  }

  /** `rare` where `mask` is all ones, `common` where it is 0; `rare` is computed only if any lane needs it. */
  choose(mask: Quad, rare: () => Quad, common: () => Quad): Quad {
    const result = common();
    this.whenAny(mask, () => this.assign(result, this.select(mask, rare(), result)));
    return result;
  }

  /** Of a normal float64 above 0: x = 2^e·m with m from √½ to √2. */
  split(x: Quad): readonly [exponent: Quad, mantissa: Quad] {
    const shifted = this.op("i64x2.add", x, bitsOf(1) - ROOT);
    const mantissa = this.op("i64x2.add", this.and(shifted, (1n << 52n) - 1n), ROOT);
    // An integer below the leading bit of 2^52 is that integer, added to it.
    const raised = this.or(this.shift("shr_u", shifted, 52), bitsOf(2 ** 52));
    return [this.sub(raised, 2 ** 52 + 1023), mantissa];
  }

  /** `operand` within bounds; NaN stays, as `pmin` and `pmax` return their first operand for it. */
  clamp(operand: Quad, lo: number, hi: number): Quad {
    return this.op("pmax", this.op("pmin", operand, hi), lo);
  }

  /** Only the sign bit of every lane. */
  sign(operand: Quad): Quad {
    return this.and(operand, operand.lanes === "f32x4" ? 1n << 31n : 1n << 63n);
  }

  /** A polynomial by Horner's scheme, coefficients from the lowest power up. */
  polynomial(x: Quad, coefficients: readonly number[]): Quad {
    return polynomial<Quad, Quad>(this, x, coefficients);
  }

  /** Float64 of float32: exact. */
  widen(operand: Quad): Quad {
    const [all] = operand.vectors;
    return this.#each("f64x2", 2, (half) => {
      this.#code.get(all);
      if (half === 1) {
        this.#code.get(all).shuffle(8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15);
      }
      this.#code.op("f64x2.promote_low_f32x4");
    });
  }

  /** Float64 in [1, 2) by the upper 52 of 64 bits, given as upper and lower words of four lanes. */
  fraction(high: Quad, low: Quad): Quad {
    const [[upper], [lower]] = [high.vectors, low.vectors];
    const pairs = this.#each("f64x2", 2, (half) => {
      const from = 8 * half;
      const word = (first: number) => [first, first + 1, first + 2, first + 3];
      this.#code.get(lower).get(upper);
      this.#code.shuffle(...word(from), ...word(16 + from), ...word(from + 4), ...word(20 + from));
    });
    return this.or(this.shift("shr_u", pairs, 12), bitsOf(1));
  }

  /** Float32 of float64: rounded to nearest, beyond the range infinite, below it subnormal or 0. */
  narrow({ vectors: [low, high] }: Quad): Quad {
    return this.#each("f32x4", 1, () => {
      this.#code.get(low).op("f32x4.demote_f64x2_zero");
      this.#code.get(high).op("f32x4.demote_f64x2_zero");
      this.#code.shuffle(0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23);
    });
  }

  /** Calls another function; its results are pairs of vectors of float64. */
  call(routine: Routine, ...operands: Quad[]): Quad[] {
    this.give(...operands);
    this.#code.call(this.#include(routine), routine.type);
    const results = routine.type.results.map(() => this.#code.local("v128"));
    for (const local of results.toReversed()) this.#code.set(local);
    return results.flatMap((low, i) =>
      i % 2 === 0 ? [{ lanes: "f64x2", vectors: [low, results[i + 1]] } as const] : []
    );
  }

  /** Runs `body` if any lane of `mask` is set; only an `assign` in it has an effect on what follows. */
  whenAny(mask: Quad, body: () => void): void {
    this.#code.block(() => {
      mask.vectors.forEach((local, half) => {
        this.#code.get(local);
        if (half > 0) this.#code.op("v128.or");
      });
      this.#code.op("v128.any_true", "i32.eqz").branchIf(0);
      body();
    });
  }

  /** Gives a variable a new value. */
  assign(variable: Quad, value: Quad): void {
    variable.vectors.forEach((local, half) => this.#code.get(value.vectors[half]).set(local));
  }

  #each(lanes: Quad["lanes"], count: number, write: (half: number) => void): Quad {
    const vectors = Array.from({ length: count }, (_, half) => {
      const result = this.#code.local("v128");
      write(half);
      this.#code.set(result);
      return result;
    });
    return { lanes, vectors };
  }

  #push(operand: Operand, lanes: Quad["lanes"], half: number): void {
    if (typeof operand === "number") this.#code.splat(lanes, operand);
    else if (typeof operand === "bigint") {
      if (lanes === "f32x4") this.#code.bits("i32x4", operand);
      else this.#code.bits("i64x2", operand);
    } else if (operand.lanes !== lanes) {
      throw new Error(`an operand of ${operand.lanes} stands beside one of ${lanes}`);
    } else {
      this.#code.get(operand.vectors[half]);
    }
  }
}

/** Added to a float64 below 2^51, it leaves the nearest integer in the low bits. */
export const ROUND = 1.5 * 2 ** 52;

/** The bits of a float64. */
export function bitsOf(value: number): bigint {
  return new BigUint64Array(Float64Array.of(value).buffer)[0];
}

const ROOT = bitsOf(Math.SQRT1_2);
