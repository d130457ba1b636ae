/** States of 8 bits in blocks: the dynamic map, what is stored of a block, and the same bits on every backend. */
import {
  adafactor,
  adamw,
  type BlockTensor,
  explain,
  factory,
  fixed,
  lamb,
  lion,
  muon,
  novograd,
  type Optimizer,
  parseProgram,
  release,
  resident,
  sm3,
  type StorageChoice,
  yogi,
} from "../../mod.ts";
import { neverNegative } from "../../dsl/ranges.ts";
import {
  BLOCK_SIZE,
  BlockArray,
  FIRST_BITS,
  fromCode,
  LOWER_BITS,
  storesInOrder,
  tablesOf,
} from "../../runtime/trees/block8.ts";
import { threadsTakenPart } from "../../runtime/backends/wasm/threads.ts";
import { assert, assertEquals } from "../assert.ts";
import { edges32 } from "../numbers.ts";
import { assertRefused } from "../refused.ts";
import { backends } from "./backends.ts";
import { randomArray } from "./random.ts";
import { assertSameBits } from "./same_bits.ts";

const SIGNS = [false, true] as const;

function stored(values: ArrayLike<number>, isUnsigned: boolean): BlockArray {
  const array = BlockArray.zeros(values.length, isUnsigned);
  const write = storesInOrder(array);
  for (let i = 0; i < values.length; i++) write(i, values[i]);
  return array;
}

function numbersOf({ codes, scales, isUnsigned }: BlockArray): Float32Array {
  return Float32Array.from(
    codes,
    (code, i) => fromCode(code, scales[Math.floor(i / BLOCK_SIZE)], isUnsigned),
  );
}

Deno.test("the dynamic map has 0, 1, seven decades that double in number, and as many below 0 but for -1", () => {
  for (const isUnsigned of SIGNS) {
    const { fractions, zero } = tablesOf(isUnsigned);
    assertEquals([fractions.length, new Set(fractions).size], [256, 256]);
    assert(fractions.every((fraction, i) => i === 0 || fraction > fractions[i - 1]));
    assertEquals([fractions[zero], fractions[255]], [0, 1]);
    const above = fractions.slice(zero + 1, 255);
    for (let decade = 0; decade < 7; decade++) {
      const own = above.filter((x) => x > 10 ** -(decade + 1) && x < 10 ** -decade);
      const count = 2 ** (6 - decade) * (isUnsigned ? 2 : 1);
      assertEquals(own.length, count);
      // Evenly spaced, from half a space above the lower end.
      own.forEach((x, k) => {
        const expected = Math.fround(10 ** -decade * (0.1 + 0.9 * (k + 0.5) / count));
        assert(Math.abs(x - expected) <= x * 2 ** -23, `${x} for ${expected}`);
      });
    }
  }
  const { fractions } = tablesOf(false);
  for (let k = 1; k < 128; k++) assertEquals(fractions[127 - k], -fractions[127 + k]);
  assertEquals([fractions[0], fractions[128]].map((x) => x.toPrecision(6)), [
    "-0.992969",
    "5.50000e-7",
  ]);
  assertEquals(tablesOf(true).fractions[1].toPrecision(6), "3.25000e-7");
});

Deno.test("between two numbers with the same upper bits is one limit at most, which one look decides", () => {
  const words = new Uint32Array(1);
  const single = new Float32Array(words.buffer);
  for (const isUnsigned of SIGNS) {
    const { limits, places } = tablesOf(isUnsigned);
    places.forEach((place, i) => {
      words[0] = ((FIRST_BITS + i + 1) << LOWER_BITS) - 1;
      assert(single[0] <= 1 ? single[0] <= limits[place + 1] : true);
    });
    words[0] = FIRST_BITS << LOWER_BITS;
    assert(single[0] < limits[0], "what has other upper bits is nearest to 0");
  }
});

Deno.test("a number is stored as the nearest fraction of its block's scale, by a search through all", () => {
  for (const isUnsigned of SIGNS) {
    const { fractions } = tablesOf(isUnsigned);
    const values = randomArray(5 * BLOCK_SIZE + 19, 3).map((x, i) =>
      (isUnsigned ? Math.abs(x) : x) * 10 ** (i % 3 - 2 * (i % 5))
    );
    const array = stored(values, isUnsigned);
    assertEquals([array.codes.length, array.scales.length], [1299, 6]);
    values.forEach((x, i) => {
      const scale = array.scales[Math.floor(i / BLOCK_SIZE)];
      const ratio = Math.fround(x / scale);
      const off = (code: number) => Math.abs(fractions[code] - ratio);
      const best = fractions.reduce((best, _, code) => off(code) < off(best) ? code : best, 0);
      assertEquals(off(array.codes[i]), off(best), `${x} of ${scale}`);
    });
    for (let from = 0; from < values.length; from += BLOCK_SIZE) {
      const block = values.slice(from, from + BLOCK_SIZE);
      const greatest = block.reduce((a, b) => Math.abs(b) > Math.abs(a) ? b : a, 0);
      assertEquals(array.scales[from / BLOCK_SIZE], greatest, "the scale is a number of the block");
      assertEquals(numbersOf(array)[from + block.indexOf(greatest)], greatest, "which is exact");
    }
    // What was read is stored as it was.
    const again = stored(numbersOf(array), isUnsigned);
    assertEquals([again.codes, again.scales], [array.codes, array.scales]);
  }
});

Deno.test("of two fractions equally near, that nearer to 0 is stored; zeros, NaN and infinities", () => {
  for (const isUnsigned of SIGNS) {
    const { fractions, zero } = tablesOf(isUnsigned);
    let ties = 0;
    for (let code = zero; code < 255; code++) {
      const middle = (fractions[code] + fractions[code + 1]) / 2;
      if (Math.fround(middle) !== middle) continue;
      ties++;
      const signs = isUnsigned ? [1] : [1, -1];
      for (const sign of signs) {
        const { codes } = stored([1, sign * middle], isUnsigned);
        assertEquals(codes[1] - zero, sign * (code - zero));
      }
    }
    assert(ties > 20, `${ties}`);
    const zeros = stored([0, -0, 0], isUnsigned);
    assertEquals([zeros.codes, zeros.scales], [
      new Uint8Array(3).fill(zero),
      new Float32Array(1),
    ]);
    for (const wrong of [NaN, Infinity, ...(isUnsigned ? [] : [-Infinity])]) {
      const array = stored([...new Array(BLOCK_SIZE).fill(0.5), 1, wrong, 2], isUnsigned);
      assertEquals([...numbersOf(array)].slice(254), [0.5, 0.5, NaN, NaN, NaN]);
    }
  }
  assertEquals([...numbersOf(stored([2, -3, -0.5], true))], [2, 0, 0]);
});

Deno.test("a state is unsigned where its program, for all that it may be given, leaves it so", () => {
  const signs = (opt: Optimizer) => [...neverNegative(opt.program)].join();
  assertEquals(signs(adamw({ learningRate: 1 })), "v");
  assertEquals(signs(yogi({ learningRate: 1 })), "");
  const own = (step: string, b: unknown = { default: 0.9, domain: "[0, 1)" }) =>
    parseProgram({ name: "own", hyper: { b }, state: { v: 0, s: 1 }, step } as never);
  const all = (step: string, b?: unknown) => [...neverNegative(own(step, b))].join();
  assertEquals(all("v = b*v + (1 - b)*g^2; s = max(s, v); u = s*v"), "v,s");
  // Without a domain, b may be 2.
  assertEquals(all("v = b*v + (1 - b)*g^2; u = s*v", 0.9), "s");
  // What rests on a state that is not, is not.
  assertEquals(all("s = v; v = v - g; u = s*v"), "");
  assertEquals(all("v = v + globalNorm(g)*s; s = abs(s - v); u = s*v"), "v,s");
});

const block8 = "block8" as const;
const cases: readonly [name: string, opt: Optimizer, storage: StorageChoice][] = [
  ["adamw", adamw({ learningRate: 1e-2 }), { m: block8, v: block8 }],
  ["lion", lion({ learningRate: 1e-2, muDtype: block8 }), {}],
  ["lamb beside random bits", lamb({ learningRate: 1e-2 }), {
    m: block8,
    v: { dtype: "bfloat16", rounding: "stochastic" },
  }],
  ["adafactor", adafactor({ learningRate: 1e-2, momentum: 0.9 }), { v: block8, m: block8 }],
  ["novograd", novograd({ learningRate: 1e-2 }), { m: block8 }],
  ["sm3", sm3({ learningRate: 1e-2 }), { m: block8 }],
  ["muon", muon({ learningRate: 1e-2 }), { m: block8 }],
];

/** Parameters, large enough for blocks and too small, and the state after some steps. */
function trained(opt: Optimizer, storage: StorageChoice, shape: number[], isResident = false) {
  const size = shape.reduce((a, b) => a * b);
  const numbers = (seed: number) => ({
    large: { data: randomArray(size, seed), shape },
    small: randomArray(300, seed + 50),
  });
  const place = <T extends object>(tree: T): T => isResident ? resident(tree) : tree;
  const params = place(numbers(1));
  const state = opt.init(params, { storage });
  for (let step = 2; step < 5; step++) {
    const gradients = place(numbers(step));
    opt.step(params, gradients, state);
    release(gradients);
  }
  const made = structuredClone({ params, state: { ...state } });
  release([params, state]);
  return made;
}

for (const [name, opt, storage] of cases) {
  Deno.test(`${name}: blocks have the same bits on every backend, in place and in updates`, () => {
    for (const shape of [[64, 64], [17, 243]]) {
      const expected = trained(opt.with({ backend: "interpreter" }), storage, shape);
      const { large, small } = expected.state.m as Record<string, BlockTensor>;
      assertEquals([large.dtype, large.data.length % 256], [block8, shape[0] === 64 ? 0 : 35]);
      assert(small instanceof Float32Array, "few numbers stay float32");
      for (const backend of backends) {
        for (const isResident of [false, true]) {
          const made = trained(opt.with({ backend }), storage, shape, isResident);
          assertSameBits(made, expected, `${backend}, ${shape}`);
        }
        const params = { large: { data: randomArray(4131, 1), shape: [17, 243] } };
        const own = opt.with({ backend });
        const state = own.init(params, { storage });
        const gradients = { large: { data: randomArray(4131, 2), shape: [17, 243] } };
        const [, next] = own.update(gradients, state, params);
        own.step(params, gradients, state);
        assertSameBits({ ...next }, { ...state }, `updates, ${backend}`);
      }
    }
  });
}

Deno.test("any number of threads stores the same bits", async () => {
  const storage = { m: block8, v: block8 };
  const opt = adamw({ learningRate: 1e-2 });
  const expected = trained(opt.with({ backend: "js" }), storage, [300_001]);
  for (const threads of [1, 2, 4]) {
    const own = opt.with({ backend: "wasm", threads });
    for (let again = 0; again < 2; again++) {
      assertSameBits(trained(own, storage, [300_001], true), expected, `${threads} threads`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  assert(threadsTakenPart());
});

Deno.test("numbers at the edges of float32 are stored alike by every backend", () => {
  const keep = factory(parseProgram({ name: "keep", state: { m: 0 }, step: "m = g; u = -m" }))({
    muDtype: block8,
  });
  const grads = randomArray(4096 + 700, 8);
  edges32.forEach((x, i) => grads[i * 3] = x);
  for (let i = 0; i < 256; i++) grads[1024 + i] = 2 ** -149 * (i % 5);
  const made = backends.map((backend) => {
    const opt = keep.with({ backend });
    const [, state] = opt.update(grads, opt.init(grads));
    return [state.m, opt.update(grads, state)[1].m];
  });
  made.forEach((each, k) => assertSameBits(each, made[0], backends[k]));
  const { scales } = made[0][0] as BlockTensor;
  assert(scales.some(Number.isNaN) && scales.some((x) => x > 0) && scales.some((x) => x < 0));
});

Deno.test("what would never change, or is given otherwise, is refused by name", () => {
  const params = new Float32Array(5000);
  const opt = adamw({ learningRate: 1 });
  const init = (m: unknown) => () => opt.init(params, { storage: { m } as StorageChoice });
  assertRefused(init({ dtype: block8, rounding: "stochastic" }), "must be stored short");
  assertRefused(init({ dtype: block8, unsigned: 1 }), "`unsigned` must be true or false");
  assertRefused(init({ dtype: "bfloat16", unsigned: true }), "and of a block8");
  const sum = factory(parseProgram({ name: "sum", state: { s: 0 }, step: "s = s + g^2; u = -s" }));
  assertRefused(() => sum().init(params, { storage: { s: block8 } }), "it is a running sum");
  const state = opt.init(params, { storage: { m: block8, v: block8 } });
  const [m, v] = [state.m, state.v] as unknown as BlockTensor[];
  assertEquals([m.unsigned, v.unsigned], [undefined, true]);
  const step = (m: unknown) => () => opt.step(params, params, { ...state, m } as typeof state);
  assertRefused(step({ ...m, scales: m.scales.slice(1) }), "must have `scales`, a Float32Array");
  assertRefused(step({ ...m, data: new Uint16Array(5000) }), "must hold the codes of a block8");
  assertRefused(step({ ...m, shape: [5, 999] }), "whose product is the length of its data, 5000");
  assertRefused(() => opt.init(m as never), "which only states are stored as");
});

Deno.test("a cost sheet counts a byte for each number and 4 for each block", () => {
  const opt = fixed(lion, { name: "blocks" }, {})({ learningRate: 1, muDtype: block8 });
  const { stateBytes, bytesMoved, prediction } = explain(opt);
  assertEquals([stateBytes, bytesMoved], [1 + 4 / 256, 12 + 2 * (1 + 4 / 256)]);
  const wide = explain(lion({ learningRate: 1 })).prediction!;
  assert(prediction!.instructions > wide.instructions + 10, "codes are looked up one by one");
  assertEquals(explain(opt, new Float32Array(4095)).stateBytes, 4);
  assertEquals(explain(opt, new Float32Array(4096)).stateBytes, 1 + 4 / 256);
});
