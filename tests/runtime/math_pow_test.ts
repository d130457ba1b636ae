/** The routine of power against Math.pow. */
import { assertEquals } from "../assert.ts";
import { edges32, randomWords } from "../numbers.ts";
import { assertWithinUlps, runRoutine } from "./routines.ts";

const COUNT = 2_000_000;
const next = randomWords(5);
const random = () => next() / 2 ** 32;

/** Checks pairs, made of the place of each. */
function assertPairs(count: number, pair: (i: number) => readonly [number, number]): void {
  const [x, y] = [new Float32Array(count), new Float32Array(count)];
  for (let i = 0; i < count; i++) [x[i], y[i]] = pair(i);
  assertWithinUlps("Pow", x, y);
}

const word = new Uint32Array(1);
const single = new Float32Array(word.buffer);

function fromBits(bits: number): number {
  word[0] = bits;
  return single[0];
}

/** A positive number of any exponent, or of the exponents nearest that of 1. */
function positive(binades: number = 254): number {
  const exponent = 127 - Math.floor(binades / 2) + Math.floor(random() * binades);
  return fromBits(exponent * 2 ** 23 + (next() & 0x7fffff));
}

Deno.test("power keeps within its ulps at every pair of exponents", () => {
  assertPairs(512 * 512 * 4, (i) => [
    fromBits((i & 511) * 2 ** 23 + (next() & 0x7fffff)),
    fromBits(((i >> 9) & 511) * 2 ** 23 + (next() & 0x7fffff)),
  ]);
});

Deno.test("power keeps within its ulps over all of its results", () => {
  assertPairs(COUNT, () => {
    const x = positive();
    return [x, (random() * 280 - 151) / Math.log2(x)];
  });
});

Deno.test("power keeps within its ulps where it overflows and underflows", () => {
  const limits = [128, -126, -149, -150];
  assertPairs(COUNT, (i) => {
    const x = positive();
    return [x, (limits[i & 3] + (random() - 0.5) * 2 ** -(i % 20)) / Math.log2(x)];
  });
});

Deno.test("power keeps within its ulps for bases near 1", () => {
  assertPairs(COUNT, (i) => {
    const x = fromBits(0x3f800000 + Math.floor((random() - 0.5) * 2 ** (2 + i % 22)));
    const y = x === 1 ? random() * 1e9 : (random() * 280 - 151) / Math.log2(x);
    return [x, y];
  });
});

Deno.test("power keeps within its ulps for exponents that optimizers use", () => {
  const exponents = [2, 3, 0.5, -0.5, -1, 1, 1 / 3, -0.25, 0.75, 0.8, 4, 1.5, -0.8, -2, 0.999, 20];
  assertPairs(COUNT, (i) => [positive(), exponents[i & 15]]);
});

Deno.test("power keeps within its ulps for constant bases near 1, as of a decay", () => {
  const bases = [0.9, 0.99, 0.999, 0.9999, 0.95, 0.98, 1.01, 1.0001];
  assertPairs(8 * 16_384, (i) => [bases[i & 7], i >> 3]);
});

Deno.test("power of a negative base takes its sign from a whole exponent", () => {
  assertPairs(
    COUNT,
    (i) => [-positive(40), Math.floor(random() * 2 ** (i % 7)) - 2 ** (i % 7) / 2],
  );
  // Around 2^24 the odd numbers end.
  assertPairs(4096, (i) => [
    -fromBits(0x3f800000 + (i & 63) - 32),
    2 ** 23 + (i >> 6) / 2 - 16,
  ]);
  assertEquals(
    [...runRoutine(
      "Pow",
      Float32Array.of(-1, -1, -1, -2, -2, -2, -8, -1),
      Float32Array.of(16777215, 16777216, 8388607.5, 3, 4, -1, 1 / 3, 3e38),
    )],
    [-1, 1, NaN, -8, 16, -0.5, NaN, 1],
  );
});

Deno.test("power of whole numbers is exact where it can be", () => {
  const bases = Array.from({ length: 16 }, (_, i) => i - 8);
  const pairs = bases.flatMap((x) => Array.from({ length: 8 }, (_, y) => [x, y] as const));
  const results = runRoutine(
    "Pow",
    Float32Array.from(pairs, ([x]) => x),
    Float32Array.from(pairs, ([, y]) => y),
  );
  assertEquals(
    [...results],
    pairs.map(([x, y]) => new Array<number>(y).fill(x).reduce((a, b) => a * b, 1)),
  );
});

Deno.test("power gives what its row says for every pair of edges", () => {
  const extras = [0.25, -0.25, 0.75, 1 / 3, 33, 127, 128, -149, -150, -151, 16777216, 1e30, -1e30];
  const values = [...edges32, ...extras];
  const size = values.length;
  assertPairs(size ** 2, (i) => [values[i % size], values[Math.floor(i / size)]]);
});

Deno.test("power has the special cases of C", () => {
  const [inf, none] = [Infinity, NaN];
  const cases: readonly (readonly [x: number, y: number, power: number])[] = [
    [1, inf, 1],
    [1, -inf, 1],
    [-1, inf, 1],
    [-1, -inf, 1],
    [1, none, 1],
    [-1, none, none],
    [none, 0, 1],
    [none, -0, 1],
    [inf, 0, 1],
    [none, 1, none],
    [0, 3, 0],
    [-0, 3, -0],
    [-0, 2, 0],
    [-0, 0.5, 0],
    [-0, -3, -inf],
    [-0, -2, inf],
    [0, -3, inf],
    [-inf, 3, -inf],
    [-inf, 2, inf],
    [-inf, 0.5, inf],
    [-inf, -3, -0],
    [-inf, -2, 0],
    [0.5, inf, 0],
    [0.5, -inf, inf],
    [-0.5, inf, 0],
    [-2, inf, inf],
    [-2, -inf, 0],
    [-2, 0.5, none],
    [-0, inf, 0],
    [-0, -inf, inf],
  ];
  const results = runRoutine(
    "Pow",
    Float32Array.from(cases, ([x]) => x),
    Float32Array.from(cases, ([, y]) => y),
  );
  cases.forEach(([x, y, power], i) => assertEquals(results[i], power, `${x}^${y}`));
});
