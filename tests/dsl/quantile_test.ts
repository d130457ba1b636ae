/** The normal quantile is as accurate as is said, by the power series of the distribution in whole numbers. */
import { numbers } from "../../dsl/random/doubles.ts";
import { normalQuantile } from "../../dsl/random/normal.ts";
import { assert, assertEquals } from "../assert.ts";
import { randomWords } from "../numbers.ts";
import { fixed, float64, over, PI } from "../runtime/coefficients.ts";

const ONE = fixed(1);
const times = (a: bigint, b: bigint) => a * b / ONE;

function squareRoot(value: bigint): bigint {
  let root = fixed(Math.sqrt(float64(value)));
  for (let i = 0; i < 8; i++) root = (root + over(value, root)) / 2n;
  return root;
}

const DENSITY = over(ONE, squareRoot(2n * PI));

/** The probability of a normal number between 0 and `z`. */
function probability(z: bigint): bigint {
  const square = times(z, z);
  let [sum, term] = [0n, z];
  for (let k = 1n; term !== 0n; k++) {
    sum += term / (2n * k - 1n);
    term = -times(term, square) / (2n * k);
  }
  return times(DENSITY, sum);
}

/** How far the quantile of `q` is off, relative to its size. */
function errorAt(q: number): number {
  const z = normalQuantile(numbers, q);
  const missing = fixed(q) - probability(fixed(z));
  const density = Math.exp(-z * z / 2) / Math.sqrt(2 * Math.PI);
  return float64(missing) / density / z;
}

/** Where the formula changes, and the two ends. */
const EDGES = [
  ...[0.425, 0.425 + 2 ** -54, 0.425 - 2 ** -54, 0.5 - 2 ** -53, 2 ** -53, 0.5 - Math.exp(-25)],
  ...[0.5 - 1.3e-11, 0.5 - 1.5e-11, 0.5 - 2 ** -30, 0.5 - 2 ** -52],
];

Deno.test("the quantile is within 1e-15 of the number that has the probability", () => {
  const next = randomWords(11);
  const inside = Array.from({ length: 400 }, () => (next() + 0.5) / 2 ** 32 - 0.5);
  const tails = Array.from({ length: 200 }, () => 0.5 - 2 ** (-1 - next() / 2 ** 32 * 51));
  let most = 0;
  for (const q of [...EDGES, ...inside, ...tails]) most = Math.max(most, Math.abs(errorAt(q)));
  assert(most < 1e-15, `it is off by ${most}`);
  assert(most > 2e-16, `${most} is too good to be true`);
});

Deno.test("the quantile is odd, and rises over the edges of its parts", () => {
  const quantile = (q: number) => normalQuantile(numbers, q);
  for (const q of EDGES) assertEquals(quantile(-q), -quantile(q));
  for (const at of [0.425, 0.5 - Math.exp(-25), 0.25]) {
    const [below, above] = [quantile(at - 1e-14), quantile(at + 1e-14)];
    assert(above > below, `${below} is followed by ${above} at ${at}`);
  }
  assertEquals(quantile(0), 0);
});
