/** The normal quantile has the same bits on vectors as on numbers, in its rarest parts too. */
import { numbers } from "../../dsl/random/doubles.ts";
import { normalQuantile } from "../../dsl/random/normal.ts";
import { Code } from "../../runtime/backends/wasm/code.ts";
import { Module } from "../../runtime/backends/wasm/module.ts";
import { Lanes, type Quad, type Routine } from "../../runtime/backends/wasm/math/lanes.ts";
import { assert, assertEquals } from "../assert.ts";
import { randomWords } from "../numbers.ts";

/** Four quantiles of float64, for bits of four upper and four lower words. */
const quantiles: Routine = {
  type: { name: "quantiles", params: ["v128", "v128"], results: ["v128", "v128"] },
  write: (lanes) => {
    const fraction = lanes.fraction(lanes.param(0), lanes.param(1));
    const q = lanes.add(lanes.sub(fraction, 1.5), 2 ** -53);
    lanes.give(normalQuantile<Quad, Quad>(lanes, q));
  },
};

function compile(): (high: Uint32Array, low: Uint32Array) => Float64Array {
  const module = new Module({ shared: false, initial: 1, maximum: 1 });
  const body = new Code(quantiles.type);
  quantiles.write(new Lanes(body, () => 0));
  const index = module.add(body);
  const code = new Code({ name: "run", params: [], results: [] });
  const upper = code.local("v128");
  code.i32(0).memory("v128.load").i32(16).memory("v128.load").call(index, quantiles.type);
  code.set(upper);
  const lower = code.local("v128");
  code.set(lower).i32(32).get(lower).memory("v128.store").i32(48).get(upper).memory("v128.store");
  module.add(code);
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module.bytes()), {
    env: { memory },
  });
  const words = new Uint32Array(memory.buffer);
  return (high, low) => {
    words.set(high, 0);
    words.set(low, 4);
    (exports.run as () => void)();
    return new Float64Array(memory.buffer, 32, 4);
  };
}

Deno.test("quantiles of vectors are those of numbers, bit for bit", () => {
  const run = compile();
  const next = randomWords(3);
  // As many words with a long run of equal bits in front as without: the tails, and the far tails.
  const word = () => {
    const shifted = next() >>> (next() % 33 % 32);
    return next() % 2 === 0 ? shifted : ~shifted >>> 0;
  };
  const edges = [0, 1, 0xffffffff, 0x7fffffff, 0x80000000, 0xfff, 0xfffff000];
  let far = 0;
  for (let round = 0; round < 40_000; round++) {
    const make = () => next() % 8 === 0 ? edges[next() % edges.length] : word();
    const high = Uint32Array.from({ length: 4 }, make);
    const low = Uint32Array.from({ length: 4 }, make);
    const results = run(high, low);
    for (let lane = 0; lane < 4; lane++) {
      const q = (high[lane] * 2 ** 20 + (low[lane] >>> 12) + 0.5) * 2 ** -52 - 0.5;
      const expected = normalQuantile(numbers, q);
      if (!Object.is(results[lane], expected)) assertEquals(results[lane], expected, `of ${q}`);
      if (Math.abs(expected) > 6.7) far++;
    }
  }
  assert(far > 1_000, `only ${far} of the numbers were far out`);
});
