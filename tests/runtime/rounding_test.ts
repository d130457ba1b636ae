/** Stochastic rounding is unbiased, has the same bits everywhere, and draws its own for each place. */
import {
  type Backend,
  factory,
  type Optimizer,
  optimizer,
  parseProgram,
  resident,
  type StorageType,
} from "../../mod.ts";
import {
  allocate,
  load,
  type ShortType,
  SIGNIFICANT,
  SplitArray,
  store,
} from "../../runtime/trees/dtype.ts";
import { roundingBits, roundingKey, roundStochastically } from "../../runtime/trees/rounding.ts";
import { assert, assertEquals } from "../assert.ts";
import { randomWords } from "../numbers.ts";
import { backends } from "./backends.ts";
import { randomNumbers } from "./random.ts";
import { assertSameBits } from "./same_bits.ts";

const SHORT = ["bfloat16", "float16", "bfloat16+8"] as const;
/** The least number above 0 that has all bits of its type. */
const NORMAL = { bfloat16: 2 ** -126, float16: 2 ** -14, "bfloat16+8": 2 ** -126 } as const;

/** The neighbours of a number: itself twice where the type has it. */
function neighbours(dtype: ShortType, value: number): [low: number, high: number] {
  const exponent = Math.floor(Math.log2(Math.max(Math.abs(value), NORMAL[dtype])));
  const unit = 2 ** (exponent + 1 - SIGNIFICANT[dtype]);
  return [Math.floor(value / unit) * unit, Math.ceil(value / unit) * unit];
}

for (const dtype of SHORT) {
  Deno.test(`a number between two of ${dtype} becomes the upper one as often as it is near it`, () => {
    const next = randomNumbers(3);
    // Each value of the bits that decide, once.
    const words = Array.from({ length: 1 << 12 }, (_, i) => i << 4);
    const subnormals = [0.3, 1.75, -1023.5, -0.001].map((x) => Math.fround(x * 2 ** -24));
    const values = [...Array.from({ length: 40 }, next), ...dtype === "float16" ? subnormals : []];
    for (const value of values) {
      const [low, high] = neighbours(dtype, value);
      const drawn = words.map((word) => roundStochastically(dtype, value, word));
      assert(drawn.every((each) => each === low || each === high), `${value} of ${low}, ${high}`);
      const mean = drawn.reduce((a, b) => a + b, 0) / drawn.length;
      // 12 bits of chance, where up to 16 decide.
      const bound = (high - low) * 2 ** -12;
      assert(Math.abs(mean - value) <= bound, `the mean of ${value} is ${mean}`);
    }
  });

  Deno.test(`what ${dtype} has stays as it is`, () => {
    const next = randomWords(5);
    const array = allocate(dtype, 1);
    for (let i = 0; i < 20_000; i++) {
      if (array instanceof SplitArray) {
        [array.high[0], array.low[0]] = [next() >>> 16, next() >>> 24];
      } else array[0] = next() >>> 16;
      const value = load(dtype, array, 0);
      const rounded = roundStochastically(dtype, value, next() >>> 16);
      if (!Object.is(rounded, value)) assertEquals(rounded, value);
    }
    for (const value of [0, -0, Infinity, -Infinity, NaN]) {
      assert(Object.is(roundStochastically(dtype, value, 0xffff), value), `${value}`);
    }
  });

  Deno.test(`a float64 of ${dtype} is rounded by what float32 lacks too`, () => {
    const above = 1 + 2 ** -40;
    assert(roundStochastically(dtype, above, 0xffff) > above);
    assertEquals(roundStochastically(dtype, above, 0x7fff), 1);
    assertEquals(roundStochastically(dtype, -above, 0), -1);
  });
}

Deno.test("beyond the largest number of a type lies infinity, as likely as it is near", () => {
  assertEquals(roundStochastically("float16", 65_504 + 8, 0), 65_504);
  assertEquals(roundStochastically("float16", 65_504 + 8, 0xffff), 65_536);
  assertEquals(roundStochastically("bfloat16", 3.4e38, 0xffff), Infinity);
  assertEquals(roundStochastically("bfloat16", -1e300, 0xffff), -Infinity);
});

const keeper = (dtype: StorageType, seed = 0): Optimizer =>
  factory(parseProgram({ name: "keeper", state: { other: 0, m: 0 }, step: "m = g\nu = m + g" }))({
    muDtype: { dtype, rounding: "stochastic", seed },
  });

/** Bits of float32 numbers of all sizes: NaNs, infinities, ties and zeros between. */
const words = randomWords(11);
const patterns = Uint32Array.from({ length: 40_003 }, (_, i) => {
  const word = words();
  if (i % 17 === 0) return word & 0xff000000 | 0x7f800000;
  // Sizes that float16 has, and where it is subnormal.
  if (i % 3 === 0) return word & 0x807fffff | (102 + word % 45) << 23;
  return i % 5 === 0 ? word & 0xffff0000 : word;
});
const numbers = new Float32Array(patterns.buffer);

for (const dtype of SHORT) {
  for (const backend of backends) {
    Deno.test(`each element of ${dtype} is rounded by the bits of its place (${backend})`, () => {
      for (const size of [numbers.length, 1, 2, 3, 7, 8, 9, 15, 16, 17]) {
        const grads = [numbers.slice(0, 3), numbers.slice(numbers.length - size)];
        for (const each of [grads, resident(grads)]) {
          const opt = keeper(dtype, 7).with({ backend });
          const state = opt.init(each);
          state.count = 3;
          const [, { m }] = opt.update(each, state);
          const { data, low } = (m as { data: Uint16Array; low?: Uint8Array }[])[1];
          const expected = allocate(dtype, 1);
          // `m` is the second state of its program, and this its second leaf.
          const key = roundingKey(7, 3, 1);
          each[1].forEach((value, i) => {
            store(dtype, expected, 0, roundStochastically(dtype, value, roundingBits(key, i, 1)));
            const actual = low === undefined
              ? data.subarray(i)
              : new SplitArray(data.subarray(i), low.subarray(i));
            const [a, b] = [load(dtype, actual, 0), load(dtype, expected, 0)];
            if (!Object.is(a, b)) assertEquals([size, i, value, a], [size, i, value, b]);
          });
        }
      }
    });
  }
}

const narrow = optimizer({
  name: "narrow",
  state: { m: 0, r: { over: -1 }, c: { over: 0 }, s: { over: "tensor" } },
  step: `
    r = 0.5*r + mean(abs(g), axis=-1)
    c = 0.5*c + mean(g, axis=0)
    s = 0.5*s + norm(g)
    m = 0.5*m + g/(1 + r) + c
    u = -m/(1 + s)
  `,
})();

Deno.test("states over axes and over tensors, and those beside them, are rounded alike everywhere", () => {
  const shapes = [[37, 53], [3, 4_101], [5, 2], [1, 1], [0, 3]];
  const tree = (seed: number) =>
    shapes.map((shape, i) => {
      const next = randomNumbers(seed + i);
      return { data: Float32Array.from({ length: shape[0] * shape[1] }, next), shape };
    });
  for (const dtype of SHORT) {
    const storage = Object.fromEntries(
      ["m", "r", "c", "s"].map((name) => [name, { dtype, rounding: "stochastic" } as const]),
    );
    const trained = (backend: Backend, isResident: boolean) => {
      const opt = narrow.with({ backend });
      const params = isResident ? resident(tree(1)) : tree(1);
      const state = opt.init(params, { storage });
      for (let step = 0; step < 4; step++) opt.step(params, tree(10 * step), state);
      const [, next] = opt.update(tree(50), state, params);
      return { ...next, params: [...params] };
    };
    const expected = trained("interpreter", false);
    for (const backend of ["js", "wasm"] as const) {
      for (const isResident of [false, true]) {
        assertSameBits(trained(backend, isResident), expected, `${dtype} ${backend} ${isResident}`);
      }
    }
  }
});

Deno.test("seeds, steps, states, leaves and elements have bits of their own", () => {
  const bits = (seed: number, count: number, state: number, leaf: number) =>
    Array.from({ length: 64 }, (_, i) => roundingBits(roundingKey(seed, count, state), i, leaf));
  const all = [
    bits(0, 0, 0, 0),
    ...[bits(1, 0, 0, 0), bits(0, 1, 0, 0), bits(0, 0, 1, 0), bits(0, 0, 0, 1)],
    ...[bits(0.5, 0, 0, 0), bits(-0.5, 0, 0, 0), bits(0, 2 ** 31, 0, 0)],
  ];
  for (const [i, a] of all.entries()) {
    for (const b of all.slice(i + 1)) {
      assert(a.filter((word, k) => word === b[k]).length < 2, "two places have the same bits");
    }
    assert(new Set(a).size > 60, "elements have the same bits");
  }
});

Deno.test("a million rounded numbers have the mean of what they were", () => {
  const size = 1_000_000;
  for (const dtype of SHORT) {
    for (const value of [1 + 2 ** -18 + 2 ** -10, 0.7, 2 ** -24 * 0.3].map(Math.fround)) {
      const grads = new Float32Array(size).fill(value);
      const opt = keeper(dtype);
      const [, { m }] = opt.update(grads, opt.init(grads));
      const { data, low } = m as { data: Uint16Array; low?: Uint8Array };
      const array = low === undefined ? data : new SplitArray(data, low);
      let sum = 0;
      for (let i = 0; i < size; i++) sum += load(dtype, array, i) - value;
      const [below, above] = neighbours(dtype, value);
      // Four standard deviations.
      const bound = 4 * Math.sqrt((value - below) * (above - value) / size) +
        2 ** -24 * (above - below);
      assert(Math.abs(sum / size) <= bound, `${dtype}: ${sum / size} of ${bound}`);
    }
  }
});
