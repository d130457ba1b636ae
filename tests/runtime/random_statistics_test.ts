/**
 * Random numbers are distributed as is said. The numbers are always the same, so that these tests cannot
 * fail by chance; a bound is about four standard deviations of what it bounds.
 */
import { normalQuantile } from "../../dsl/random/normal.ts";
import { numbers } from "../../dsl/random/doubles.ts";
import { factory, parseProgram } from "../../mod.ts";
import { assert } from "../assert.ts";

const COUNT = 1_000_000;

function sample(step: string): Float32Array {
  const opt = factory(parseProgram({ name: "sample", step }))();
  const zeros = new Float32Array(COUNT);
  return opt.update(zeros, opt.init(zeros))[0];
}

const mean = (values: Float32Array, of: (x: number) => number) =>
  values.reduce((sum, x) => sum + of(x), 0) / values.length;

function assertNear(actual: number, expected: number, bound: number, what: string): void {
  assert(Math.abs(actual - expected) < bound, `${what} is ${actual}, not ${expected} ± ${bound}`);
}

/** The largest distance of the distribution of `sorted` from one with the given quantiles, at 2000 of them. */
function distance(sorted: Float32Array, quantile: (p: number) => number): number {
  let most = 0;
  let below = 0;
  for (let i = 1; i < 2_000; i++) {
    const bound = quantile(i / 2_000);
    while (below < sorted.length && sorted[below] < bound) below++;
    most = Math.max(most, Math.abs(below / sorted.length - i / 2_000));
  }
  return most;
}

Deno.test("a million normal numbers have the moments and the tails of the distribution", () => {
  const drawn = sample("u = normal(5)");
  const root = Math.sqrt(COUNT);
  assertNear(mean(drawn, (x) => x), 0, 4 / root, "the mean");
  assertNear(mean(drawn, (x) => x ** 2), 1, 4 * Math.sqrt(2) / root, "the variance");
  assertNear(mean(drawn, (x) => x ** 3), 0, 4 * Math.sqrt(15) / root, "the third moment");
  assertNear(mean(drawn, (x) => x ** 4), 3, 4 * Math.sqrt(96) / root, "the kurtosis");
  for (const [bound, share] of [[1, 0.3173105], [2, 0.0455003], [3, 0.0026998], [4, 6.334e-5]]) {
    const beyond = mean(drawn, (x) => Number(Math.abs(x) > bound));
    assertNear(beyond, share, 4 * Math.sqrt(share) / root, `the share beyond ${bound}`);
  }
});

Deno.test("a million normal numbers are near the distribution everywhere", () => {
  const sorted = sample("u = normal(5)").sort();
  const apart = distance(sorted, (p) => normalQuantile(numbers, p - 0.5));
  // The distance that one sample in a thousand exceeds.
  assert(apart < 1.95 / Math.sqrt(COUNT), `the distance is ${apart}`);
  assert(apart > 1e-5, `${apart} is nearer than a sample can be`);
});

Deno.test("a million uniform numbers are spread evenly from 0 to 1", () => {
  const drawn = sample("u = uniform(5)");
  const root = Math.sqrt(COUNT);
  assertNear(mean(drawn, (x) => x), 0.5, 4 * Math.sqrt(1 / 12) / root, "the mean");
  assertNear(mean(drawn, (x) => x ** 2), 1 / 3, 4 * Math.sqrt(4 / 45) / root, "the square");
  const apart = distance(drawn.sort(), (p) => p);
  assert(apart < 1.95 / Math.sqrt(COUNT), `the distance is ${apart}`);
});

Deno.test("neighbours, leaves, steps and seeds are not correlated", () => {
  const bound = 4 / Math.sqrt(COUNT);
  const drawn = sample("u = normal(5)");
  const uncorrelated = (others: Float32Array, what: string) =>
    assertNear(drawn.reduce((sum, x, i) => sum + x * others[i], 0) / COUNT, 0, bound, what);
  uncorrelated(sample("u = normal(6)"), "the correlation of seeds");
  uncorrelated(sample("u = normal(5, count + 1)"), "the correlation of steps");
  uncorrelated(sample("u = sqrt(12)*(uniform(5) - 0.5)"), "the correlation of distributions");
  const opt = factory(parseProgram({ name: "sample", step: "u = normal(5)" }))();
  const zeros = [new Float32Array(COUNT), new Float32Array(COUNT)];
  uncorrelated(opt.update(zeros, opt.init(zeros))[0][1], "the correlation of leaves");
  const shifted = new Float32Array(COUNT);
  shifted.set(drawn.subarray(1));
  uncorrelated(shifted, "the correlation of neighbours");
});

Deno.test("signs by a uniform number are even", () => {
  const signs = sample("u = where(uniform(1) < 0.5, -1, 1)");
  assertNear(mean(signs, (x) => x), 0, 4 / Math.sqrt(COUNT), "the mean of the signs");
  assert(signs.every((sign) => Math.abs(sign) === 1));
});
