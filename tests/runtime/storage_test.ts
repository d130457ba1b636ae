/** Storage types against all their bit patterns, exact arithmetic and the engine's own float16. */
import { factory, lion, type Optimizer, parseProgram } from "../../mod.ts";
import {
  allocate,
  bytesOf,
  type DType,
  fromBfloat16,
  fromFloat16,
  load,
  memoryOf,
  store,
  toBfloat16,
  toFloat16,
  toSplit,
} from "../../runtime/trees/dtype.ts";
import { assert, assertEquals } from "../assert.ts";
import { randomNumbers } from "./random.ts";

const bits64 = new BigUint64Array(1);
const double = new Float64Array(bits64.buffer);
const bits32 = new Uint32Array(1);
const single = new Float32Array(bits32.buffer);
const half = new Float16Array(1);
const halfBits = new Uint16Array(half.buffer);

/** The float64 next to a finite positive one, away from 0 or towards it. */
function neighbour(value: number, direction: 1n | -1n): number {
  double[0] = value;
  bits64[0] += direction;
  return double[0];
}

/** The bits that the engine itself gives a number as float16. */
function engineFloat16(value: number): number {
  half[0] = value;
  return halfBits[0];
}

/** The value of bfloat16 bits, by the definition of the format. */
function valueOfBfloat16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 7) & 0xff;
  const fraction = bits & 0x7f;
  if (exponent === 0xff) return fraction === 0 ? sign * Infinity : NaN;
  return exponent === 0
    ? sign * fraction * 2 ** -133
    : sign * (1 + fraction / 128) * 2 ** (exponent - 127);
}

/** Finite values at or above 0 by their bits, and then 2^128 in the place of infinity. */
const ladder = Float64Array.from(
  { length: 0x7f81 },
  (_, bits) => bits === 0x7f80 ? 2 ** 128 : valueOfBfloat16(bits),
);

/** The bfloat16 bits nearest to a number, ties to even: a search, and a comparison of exact distances. */
function nearestBfloat16(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  if (magnitude >= 2 ** 128) return sign | 0x7f80;
  let [low, high] = [0, 0x7f80];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (ladder[middle] <= magnitude) low = middle;
    else high = middle;
  }
  // Both distances are exact, or so unequal that rounding does not reverse them.
  const [below, above] = [magnitude - ladder[low], ladder[high] - magnitude];
  const isUp = above < below || (above === below && low % 2 === 1);
  return sign | (isUp ? high : low);
}

Deno.test("every bfloat16 has the value of its definition and comes back to its bits", () => {
  for (let bits = 0; bits < 0x10000; bits++) {
    const value = fromBfloat16(bits);
    const expected = valueOfBfloat16(bits);
    if (!Object.is(value, expected)) assertEquals([bits, value], [bits, expected]);
    const back = toBfloat16(value);
    if (Number.isNaN(value)) assert(Number.isNaN(valueOfBfloat16(back)), `NaN ${bits}`);
    else if (back !== bits) assertEquals(back, bits);
  }
});

Deno.test("every float16 has the engine's value and comes back to its bits", () => {
  for (let bits = 0; bits < 0x10000; bits++) {
    halfBits[0] = bits;
    const value = fromFloat16(bits);
    if (!Object.is(value, half[0])) assertEquals([bits, value], [bits, half[0]]);
    const back = toFloat16(value);
    if (Number.isNaN(value)) assert(Number.isNaN(fromFloat16(back)), `NaN ${bits}`);
    else if (back !== bits) assertEquals(back, bits);
  }
});

Deno.test("halfway between two bfloat16 the even one is stored, a trifle decides otherwise", () => {
  for (let low = 0; low < 0x7f80; low++) {
    const middle = (ladder[low] + ladder[low + 1]) / 2;
    const even = low % 2 === 0 ? low : low + 1;
    const cases = [
      [middle, even],
      [neighbour(middle, 1n), low + 1],
      [neighbour(middle, -1n), low],
    ];
    for (const [value, expected] of cases) {
      if (toBfloat16(value) !== expected) {
        assertEquals([value, toBfloat16(value)], [value, expected]);
      }
      const negative = toBfloat16(-value);
      if (negative !== (expected | 0x8000)) assertEquals([-value, negative], [-value, expected]);
    }
  }
});

Deno.test("halfway between two float16 the even one is stored, a trifle decides otherwise", () => {
  const valueOf = (bits: number) => bits === 0x7c00 ? 65536 : fromFloat16(bits);
  for (let low = 0; low < 0x7c00; low++) {
    const middle = (valueOf(low) + valueOf(low + 1)) / 2;
    const even = low % 2 === 0 ? low : low + 1;
    const cases = [
      [middle, even],
      [neighbour(middle, 1n), low + 1],
      [neighbour(middle, -1n), low],
    ];
    for (const [value, expected] of cases) {
      if (engineFloat16(value) !== expected) assertEquals(engineFloat16(value), expected);
      if (toFloat16(value) !== expected) assertEquals([value, toFloat16(value)], [value, expected]);
      const negative = toFloat16(-value);
      if (negative !== (expected | 0x8000)) assertEquals([-value, negative], [-value, expected]);
    }
  }
});

const special = [
  ...[0, 1, 65504, 65519.99, 65520, 65536, 1e5, 2 ** 127, 3.4e38, 3.5e38, 1e300, Infinity],
  ...[2 ** -24, 2 ** -25, 2 ** -26, 2 ** -14, 2 ** -126, 2 ** -133, 2 ** -134, 2 ** -149],
  ...[2 ** -150, 1e-300, Number.MIN_VALUE, Number.MAX_VALUE],
].flatMap((value) => [value, -value]);

Deno.test("the edges of the formats are stored as exact arithmetic and the engine have it", () => {
  for (const value of special) {
    assertEquals([value, toBfloat16(value)], [value, nearestBfloat16(value)]);
    assertEquals([value, toFloat16(value)], [value, engineFloat16(value)]);
    assertEquals(fromFloat16(toFloat16(value)), Math.f16round(value));
  }
});

Deno.test("float32 numbers of all sizes are stored as exact arithmetic and the engine have it", () => {
  for (let bits = 0; bits < 2 ** 32; bits += 1021 * 16) {
    bits32[0] = bits;
    const value = single[0];
    if (Number.isNaN(value)) continue;
    if (toBfloat16(value) !== nearestBfloat16(value)) {
      assertEquals([value, toBfloat16(value)], [value, nearestBfloat16(value)]);
    }
    if (toFloat16(value) !== engineFloat16(value)) {
      assertEquals([value, toFloat16(value)], [value, engineFloat16(value)]);
    }
  }
});

Deno.test("random float64 numbers are stored as exact arithmetic and the engine have it", () => {
  const next = randomNumbers(7);
  for (let i = 0; i < 100_000; i++) {
    // Sums of random numbers of very unlike sizes fill the bits that float32 lacks.
    const value = next() * 2 ** (i % 60 - 30) * (1 + next() * 2 ** -24);
    if (toBfloat16(value) !== nearestBfloat16(value)) {
      assertEquals([value, toBfloat16(value)], [value, nearestBfloat16(value)]);
    }
    if (toFloat16(value) !== engineFloat16(value)) {
      assertEquals([value, toFloat16(value)], [value, engineFloat16(value)]);
    }
  }
});

Deno.test("NaN is stored as NaN", () => {
  assert(Number.isNaN(valueOfBfloat16(toBfloat16(NaN))));
  assert(Number.isNaN(fromFloat16(toFloat16(NaN))));
});

Deno.test("each type allocates, stores, loads and counts its bytes", () => {
  const expected: readonly [Exclude<DType, "block8">, string, number, number][] = [
    ["float64", "Float64Array", 8, 0.1],
    ["float32", "Float32Array", 4, Math.fround(0.1)],
    ["bfloat16", "Uint16Array", 2, 0.10009765625],
    ["float16", "Uint16Array", 2, Math.f16round(0.1)],
    ["bfloat16+8", "SplitArray", 3, 0.1000003814697265625],
  ];
  for (const [dtype, array, bytes, value] of expected) {
    const allocated = allocate(dtype, 3);
    assertEquals([allocated.constructor.name, allocated.length], [array, 3]);
    const each = memoryOf(allocated).map((part) => part.BYTES_PER_ELEMENT);
    assertEquals([bytesOf(dtype), each.reduce((a, b) => a + b)], [bytes, bytes]);
    store(dtype, allocated, 1, 0.1);
    assertEquals([0, 1, 2].map((i) => load(dtype, allocated, i)), [0, value, 0]);
  }
});

const kept = factory(parseProgram({ name: "keeper", state: { m: 0 }, step: "m = g\nu = m + g" }));
const keeper = (muDtype: string): Optimizer => kept({ muDtype });

/** Bits of float32 numbers of all sizes: ties, NaNs with every kind of payload, and zeros between. */
const patterns = Uint32Array.from({ length: 40_003 }, (_, i) => {
  const [upper, lower] = [
    Math.imul(i, 0x9e3779b9) & 0xffff0000,
    [0, 0x7fff, 0x8000, 0x8001][i % 4],
  ];
  return i % 5 === 0 ? 0 : i % 7 === 0 ? upper | 0x7f800000 | lower : upper | lower;
});

/** In every place of eight numbers, one that needs more than a sum: a tie, or a NaN that a carry would end. */
const alone = Uint32Array.from(
  [
    0x3f808000,
    0x3f818000,
    0xbf818000,
    0x3f810080,
    0x7f7f8000,
    0x7f800001,
    0xff800001,
    0x7fffffff,
    0xffffffff,
  ]
    .flatMap((word) => Array.from({ length: 64 }, (_, i) => i % 9 === 0 ? word : 0x3f812345 + i)),
);

/** The bits of a tensor as words: those of a bfloat16, or of 24 bits. */
function bitsOf(tensor: unknown): number[] {
  const { data, low } = tensor as { data: Uint16Array; low?: Uint8Array };
  return Array.from(data, (bits, i) => low === undefined ? bits : bits << 8 | low[i]);
}

const shorts = [
  ["bfloat16", toBfloat16],
  ["float16", toFloat16],
  ["bfloat16+8", toSplit],
] as const;

Deno.test("short states in vectors and at their ends have the bits of the definition", () => {
  const ends = [1, 2, 3, 7, 8, 9, 15, 16, 17].map((size) => patterns.slice(-size));
  for (const bits of [patterns, alone, ...ends]) {
    const size = bits.length;
    const grads = new Float32Array(bits.buffer);
    for (const [dtype, nearest] of shorts) {
      const opt = keeper(dtype);
      const [, { m }] = opt.update(grads, opt.init(grads));
      const data = bitsOf(m);
      bits.forEach((word, i) => {
        // A NaN as bfloat16 is the first half of its bits, and quiet.
        const expected = !Number.isNaN(grads[i])
          ? nearest(grads[i])
          : dtype === "bfloat16"
          ? word >>> 16 | 0x40
          : dtype === "bfloat16+8"
          ? word >>> 8 | 0x4000
          : word >>> 16 & 0x8000 | 0x7e00;
        if (data[i] !== expected) assertEquals([size, i, word, data[i]], [size, i, word, expected]);
      });
    }
  }
});

Deno.test("a step reads every bfloat16 and float16 as its definition has it", () => {
  const data = Uint16Array.from({ length: 0x10000 + 5 }, (_, i) => i);
  for (const [dtype, value] of [["bfloat16", fromBfloat16], ["float16", fromFloat16]] as const) {
    const opt = factory(parseProgram({ name: "reader", state: { m: 0 }, step: "u = m; m = g" }))({
      muDtype: dtype,
    });
    const grads = new Float32Array(data.length);
    const state = { ...opt.init(grads), m: { data, shape: [data.length], dtype } };
    assertEquals(opt.update(grads, state)[0], Float32Array.from(data, value));
  }
});

Deno.test("a short state is stored rounded and read widened", () => {
  for (
    const [dtype, round] of [["bfloat16", nearestBfloat16], ["float16", engineFloat16]] as const
  ) {
    const opt = keeper(dtype).with({ backend: "interpreter" });
    const grads = Float32Array.of(0.1, -1e-3, 65519, 1e-7, -0);
    const state = opt.init(grads);
    assertEquals(state.m, { data: new Uint16Array(5), shape: [5], dtype });
    const [, next] = opt.update(grads, state);
    assertEquals(next.m, { data: Uint16Array.from(grads, round), shape: [5], dtype });
  }
});

Deno.test("arithmetic on a short state stays in the parameter's type", () => {
  const { fround } = Math;
  for (const muDtype of ["bfloat16", "float16"] as const) {
    const opt = lion({ learningRate: 0.1, weightDecay: 0, muDtype }).with({
      backend: "interpreter",
    });
    const params = Float32Array.of(0);
    const state = opt.init(params);
    let m = 0;
    for (const g of [0.3, -0.7, 0.11].map(fround)) {
      opt.step(params, Float32Array.of(g), state);
      const sum = fround(fround(fround(0.99) * m) + fround(fround(1 - 0.99) * g));
      const bits = muDtype === "bfloat16" ? nearestBfloat16(sum) : engineFloat16(sum);
      m = muDtype === "bfloat16" ? valueOfBfloat16(bits) : Math.f16round(sum);
      assertEquals((state.m as unknown as { data: Uint16Array }).data[0], bits);
    }
  }
});

// Rounded to float32 first, this would be a tie, and come out as 1.
Deno.test("a float64 is stored short by one rounding, not two", () => {
  const tie = { bfloat16: 1 + 2 ** -8 + 2 ** -40, float16: 1 + 2 ** -11 + 2 ** -40 };
  for (const [dtype, value] of Object.entries(tie)) {
    const opt = keeper(dtype).with({ backend: "interpreter" });
    const grads = Float64Array.of(value, -value);
    const [updates, state] = opt.update(grads, opt.init(grads));
    const up = dtype === "bfloat16" ? 0x3f81 : 0x3c01;
    assertEquals((state.m as { data: Uint16Array }).data, Uint16Array.of(up, up | 0x8000));
    assertEquals(updates, Float64Array.of(2 * value, -2 * value));
  }
});

Deno.test("a float64 parameter may have a float32 state", () => {
  const opt = keeper("float32").with({ backend: "interpreter" });
  const grads = Float64Array.of(0.1);
  const state = opt.init(grads);
  opt.step(Float64Array.of(0), grads, state);
  assertEquals((state.m as { data: Float32Array }).data, Float32Array.of(0.1));
});

Deno.test("a state of the parameter's own type is stored as without an option", () => {
  const opt = keeper("float32").with({ backend: "interpreter" });
  const grads = { a: Float32Array.of(0.1), b: { data: Float32Array.of(1, 2), shape: [2, 1] } };
  assertEquals(opt.init(grads).m, kept().init(grads).m);
});
