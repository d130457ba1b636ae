/** Numbers that find faults: the edges of both formats, and random bits. */
const word = new Uint32Array(2);
const single = new Float32Array(word.buffer, 0, 1);
const double = new Float64Array(word.buffer);

function singleOf(bits: number): number {
  word[0] = bits;
  return single[0];
}

function doubleOf(high: number, low: number): number {
  [word[0], word[1]] = [low, high];
  return double[0];
}

/** The float32 numbers at which operations change their ways. */
export const edges32: readonly number[] = [
  ...[0, 1, 2, 3, 0.5, 1.5, 2.5, 8388607.5, 16777215].flatMap((x) => [x, -x]),
  Infinity,
  -Infinity,
  NaN,
  ...[0x00000001, 0x007fffff, 0x00800000, 0x7f7fffff, 0x3f7fffff, 0x3f800001].flatMap((bits) => [
    singleOf(bits),
    -singleOf(bits),
  ]),
];

/** The same for float64. */
export const edges64: readonly number[] = [
  ...edges32,
  ...[Number.MIN_VALUE, 2 ** -1022, Number.MAX_VALUE, Number.EPSILON, 1 / 3].flatMap((
    x,
  ) => [x, -x]),
];

/** A source of random words that always starts alike. */
export function randomWords(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
}

/** Edges, then random bit patterns, `count` numbers in all. */
export function numbers32(count: number, seed: number): number[] {
  const next = randomWords(seed);
  return Array.from({ length: count }, (_, i) => edges32[i] ?? singleOf(next()));
}

/** Edges, then random bit patterns of float64, `count` numbers in all. */
export function numbers64(count: number, seed: number): number[] {
  const next = randomWords(seed);
  return Array.from({ length: count }, (_, i) => edges64[i] ?? doubleOf(next(), next()));
}

const wide = new BigInt64Array(1);
const wideDouble = new Float64Array(wide.buffer);
const narrow = new Int32Array(1);
const narrowSingle = new Float32Array(narrow.buffer);

/** How many numbers of the format lie between two; 0 for two NaNs, -0 next to 0. */
export function ulpsBetween(a: number, b: number, dtype: "float32" | "float64"): number {
  if (Object.is(a, b)) return 0;
  if (Number.isNaN(a) || Number.isNaN(b)) return Infinity;
  return Math.abs(Number(orderOf(a, dtype) - orderOf(b, dtype)));
}

function orderOf(x: number, dtype: "float32" | "float64"): bigint {
  if (dtype === "float32") {
    narrowSingle[0] = x;
    const bits = narrow[0];
    return BigInt(bits < 0 ? -1 - (bits & 0x7fffffff) : bits);
  }
  wideDouble[0] = x;
  const bits = wide[0];
  return bits < 0n ? -1n - (bits & 0x7fffffffffffffffn) : bits;
}
