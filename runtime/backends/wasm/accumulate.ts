/** How a kernel accumulates: in the lanes of registers, or in the results beside each other in memory. */
import { reduceOps } from "../../../dsl/ops.ts";
import type { Accumulation, Loop } from "../../plan/plan.ts";
import type { Code, Local } from "./code.ts";
import { isBlocked } from "./passes.ts";
import type { Stream, Width } from "./load_store.ts";
import type { LanePairs, Walk } from "./walk.ts";

/** The accumulations of a pass. */
export class Accumulators {
  readonly #code: Code;
  readonly #walk: Walk | undefined;
  readonly #isDouble: boolean;
  /** The lane of a single element. */
  readonly #position: Local;
  /** What accumulates by blocks of elements. */
  readonly #blocked: readonly Accumulation[];
  readonly #lanesOf: ReadonlyMap<Accumulation, LanePairs>;
  readonly #lanePairs = new Map<number, Local>();

  constructor(
    code: Code,
    loop: Loop,
    walk: Walk | undefined,
    lanes: "f32x4" | "f64x2",
    position: Local,
  ) {
    [this.#code, this.#walk, this.#position] = [code, walk, position];
    this.#isDouble = lanes === "f64x2";
    this.#blocked = loop.accumulations.filter(isBlocked);
    const pairs = () => ({ low: code.local("v128"), high: code.local("v128") });
    this.#lanesOf = new Map<Accumulation, LanePairs>([
      ...walk?.lanes ?? [],
      ...this.#blocked.map((each) => [each, pairs()] as const),
    ]);
  }

  /** Whether it matters to which lane an element goes. */
  get haveLanes(): boolean {
    return this.#lanesOf.size > 0;
  }

  /** Empties what accumulates by blocks. */
  begin(): void {
    for (const each of this.#blocked) {
      const { low, high } = this.#lanesOf.get(each)!;
      this.#code.splat("f64x2", reduceOps[each.op].start).tee(low).set(high);
    }
  }

  /** Adds a value of a body. */
  add(accumulation: Accumulation, value: Local, width: Width, half: number): void {
    const slot = this.#walk?.slots.get(accumulation);
    if (slot !== undefined) this.#addBeside(accumulation, value, slot, width, half);
    else if (width === "single") this.#addSingle(accumulation, value);
    else this.#addVector(accumulation, value, half);
  }

  /** Writes the sums of a block to the address on the stack. */
  end(): void {
    const code = this.#code;
    const address = code.local("i32");
    code.set(address);
    this.#blocked.forEach((accumulation, k) => {
      const { combine } = reduceOps[accumulation.op].wasm;
      const { low, high } = this.#lanesOf.get(accumulation)!;
      code.get(low).get(high).op(combine).set(low);
      // The second lane joins the first.
      code.get(address).get(low).get(low).get(low);
      code.shuffle(8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7);
      code.op(combine).lane("f64x2.extract_lane", 0).memory("f64.store", 8 * k);
    });
  }

  /** Adds to the four lanes: the low two and the high two, each a pair of float64. */
  #addVector(accumulation: Accumulation, value: Local, half: number): void {
    const code = this.#code;
    const { combine } = reduceOps[accumulation.op].wasm;
    const { low, high } = this.#lanesOf.get(accumulation)!;
    const halves = this.#isDouble ? [half === 0 ? low : high] : [low, high];
    halves.forEach((into, k) => {
      const pair = this.#pair(accumulation, value, k);
      code.get(into).get(pair).op(combine).set(into);
    });
  }

  /** Adds an element beside whole vectors: it counts for its own lane only. */
  #addSingle(accumulation: Accumulation, value: Local): void {
    const code = this.#code;
    const { start, wasm: { combine } } = reduceOps[accumulation.op];
    const { low, high } = this.#lanesOf.get(accumulation)!;
    for (const [into, first] of [[low, 0], [high, 2]] as const) {
      const pair = this.#pair(accumulation, value, 0);
      code.get(pair).splat("f64x2", start).get(this.#position).op("i32x4.splat");
      code.get(this.#lanesFrom(first)).op("i32x4.eq", "v128.bitselect").set(pair);
      code.get(into).get(pair).op(combine).set(into);
    }
  }

  /** Adds each element to the result beside it in memory. */
  #addBeside(
    accumulation: Accumulation,
    value: Local,
    { address }: Stream,
    width: Width,
    half: number,
  ): void {
    const code = this.#code;
    const { combine } = reduceOps[accumulation.op].wasm;
    const isSingle = width === "single";
    const pairs = this.#isDouble || isSingle ? 1 : 2;
    for (let k = 0; k < pairs; k++) {
      const offset = 16 * (half * pairs + k);
      const pair = this.#pair(accumulation, value, k);
      code.get(address);
      code.get(address).memory(isSingle ? "v128.load64_splat" : "v128.load", offset);
      code.get(pair).op(combine);
      if (isSingle) code.lane("f64x2.extract_lane", 0).memory("f64.store", offset);
      else code.memory("v128.store", offset);
    }
  }

  /** A value's `k`th two numbers as float64, squared where the reduction is of squares. */
  #pair({ op }: Accumulation, value: Local, k: number): Local {
    const code = this.#code;
    const pair = code.local("v128");
    code.get(value);
    if (k > 0) code.get(value).shuffle(8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7);
    if (!this.#isDouble) code.op("f64x2.promote_low_f32x4");
    code.set(pair);
    if (reduceOps[op].wasm.squares) code.get(pair).get(pair).op("f64x2.mul").set(pair);
    return pair;
  }

  /** The numbers `first`, `first`, `first` + 1, `first` + 1: which lane each half of a pair is. */
  #lanesFrom(first: number): Local {
    const code = this.#code;
    const known = this.#lanePairs.get(first) ?? code.local("v128");
    this.#lanePairs.set(first, known);
    code.bits("i64x2", BigInt(first) * 0x1_0000_0001n);
    code.bits("i64x2", BigInt(first + 1) * 0x1_0000_0001n);
    code.shuffle(0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23).set(known);
    return known;
  }
}
