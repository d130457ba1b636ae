/** Random numbers, four at a time: the bits of four elements, and the numbers made of them. */
import { randomOps } from "../../../../dsl/ops.ts";
import type { RandomOpName } from "../../../../dsl/node.ts";
import { streamBit } from "../../../../dsl/random/draw.ts";
import { normalQuantile } from "../../../../dsl/random/normal.ts";
import { threefry, type Words } from "../../../../dsl/random/threefry.ts";
import type { FunctionType } from "../code.ts";
import type { Lanes, Quad, Routine } from "./lanes.ts";

/** How each routine is called: the words of a key, the numbers of the elements, that of their leaf. */
export const RANDOM: FunctionType = {
  name: "random",
  params: ["v128", "v128", "v128", "v128"],
  results: ["v128"],
};

/** The same for the words themselves, upper and lower. */
export const BITS: FunctionType = { ...RANDOM, results: ["v128", "v128"] };

/** What is drawn: a distribution, or the bits that results are rounded by. */
export type Drawn = RandomOpName | "Bits";

type Formula = (lanes: Lanes, high: Quad, low: Quad) => Quad | [Quad, Quad];

const formulas: Readonly<Record<Drawn, Formula>> = {
  Bits: (_, high, low) => [high, low],
  Normal: (lanes, high, low) => {
    // Both differences are exact.
    const q = lanes.add(lanes.sub(lanes.fraction(high, low), 1.5), 2 ** -53);
    return lanes.narrow(normalQuantile<Quad, Quad>(lanes, q));
  },
  Uniform: (lanes, high) =>
    lanes.mul(lanes.op("f32x4.convert_i32x4_u", lanes.shift("shr_u", high, 8)), 2 ** -24),
};

/** The routine of each distribution, and of the bits. */
export const randomRoutines: Readonly<Record<Drawn, Routine>> = {
  Bits: routine("Bits"),
  Normal: routine("Normal"),
  Uniform: routine("Uniform"),
};

function routine(op: Drawn): Routine {
  const { call, stream } = op === "Bits" ? { call: "bits", stream: 0 } : randomOps[op];
  return {
    type: { ...(op === "Bits" ? BITS : RANDOM), name: `random.${call}` },
    write: (lanes) => {
      const [seed, count, elements, leaf] = RANDOM.params.map((_, i) => lanes.param(i));
      const own = lanes.xor(leaf, BigInt(streamBit(stream)));
      const [high, low] = threefry(new LaneWords(lanes), [seed, count], [elements, own]);
      lanes.give(...[formulas[op](lanes, high, low)].flat());
    },
  };
}

/** Four words at a time. */
class LaneWords implements Words<Quad> {
  readonly #lanes: Lanes;

  constructor(lanes: Lanes) {
    this.#lanes = lanes;
  }

  add(a: Quad, b: Quad | number): Quad {
    return this.#lanes.op("i32x4.add", a, bits(b));
  }

  xor(a: Quad, b: Quad | number): Quad {
    return this.#lanes.xor(a, bits(b));
  }

  rotate(a: Quad, by: number): Quad {
    return this.#lanes.or(this.#lanes.shift("shl", a, by), this.#lanes.shift("shr_u", a, 32 - by));
  }
}

function bits(operand: Quad | number): Quad | bigint {
  return typeof operand === "number" ? BigInt(operand) : operand;
}
