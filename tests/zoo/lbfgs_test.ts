/** L-BFGS against the two loops written out, and what it reaches. */
import { applyUpdates, GradusError, lbfgs, type LbfgsOptions, scaleByLbfgs } from "../../mod.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { BACKENDS } from "../golden/replay.ts";

type Vector = readonly number[];
const dot = (a: Vector, b: Vector) => a.reduce((sum, x, i) => sum + x * b[i], 0);
const axpy = (k: number, x: Vector, y: Vector) => y.map((value, i) => value + k * x[i]);

const rosenbrock = ([x, y]: Vector): Vector => [
  -2 * (1 - x) - 400 * x * (y - x * x),
  200 * (y - x * x),
];
const wave = (x: Vector): Vector => x.map((value) => 4 * value ** 3 - 4 * value);
const bowl = (x: Vector): Vector => x.map((value, i) => (i + 1) ** 2 * (value - i));

/**
 * Liu and Nocedal's algorithm, pair by pair in a list. A pair of which s·y is not above 0 counts for
 * nothing, and the next one takes its place.
 */
function steps(
  gradient: (x: Vector) => Vector,
  start: Vector,
  count: number,
  { learningRate = 1, memorySize = 10, scaleInitPrecond = true }: {
    learningRate?: number;
    memorySize?: number;
    scaleInitPrecond?: boolean;
  },
): Vector {
  const pairs: { s: Vector; y: Vector; rho: number }[] = [];
  let x = start;
  let last: { x: Vector; g: Vector } | undefined;
  for (let t = 0; t < count; t++) {
    const g = gradient(x);
    if (last !== undefined) {
      const [s, y] = [axpy(-1, last.x, x), axpy(-1, last.g, g)];
      if (pairs.length > 0 && pairs[0].rho === 0) pairs.shift();
      pairs.unshift({ s, y, rho: dot(s, y) > 0 ? 1 / dot(s, y) : 0 });
      pairs.splice(memorySize);
    }
    let q: Vector = g;
    const a = pairs.map(({ s, y, rho }) => {
      const each = rho * dot(s, q);
      q = axpy(-each, y, q);
      return each;
    });
    const newest = pairs.find(({ rho }) => rho > 0);
    const gamma = newest === undefined
      ? Math.min(1, 1 / Math.sqrt(dot(g, g)))
      : dot(newest.s, newest.y) / dot(newest.y, newest.y);
    if (scaleInitPrecond) q = q.map((value) => gamma * value);
    for (const [i, { s, y, rho }] of [...pairs.entries()].reverse()) {
      q = axpy(a[i] - rho * dot(y, q), s, q);
    }
    last = { x, g };
    x = axpy(-learningRate, q, x);
  }
  return x;
}

for (const backend of BACKENDS) {
  for (
    const [name, gradient, start] of [
      ["rosenbrock", rosenbrock, [-1.2, 1]],
      ["bowl", bowl, [5, -3, 2, 8, 1]],
      ["wave", wave, [0.1, -0.3, 1.2]],
    ] as const
  ) {
    for (
      const options of [
        { learningRate: 1e-3, memorySize: 5 },
        { learningRate: 0.5, memorySize: 2 },
        { learningRate: 0.5, memorySize: 1 },
        { learningRate: 1e-3, memorySize: 3, scaleInitPrecond: false },
      ] satisfies LbfgsOptions[]
    ) {
      Deno.test(`L-BFGS on ${name} is its two loops, ${JSON.stringify(options)} (${backend})`, () => {
        const opt = lbfgs(options).with({ backend });
        // Two leaves, so that products go over the tree.
        let params = [Float64Array.from(start.slice(0, 1)), Float64Array.from(start.slice(1))];
        const state = opt.init(params);
        for (let t = 0; t < 15; t++) {
          const g = gradient(params.flatMap((leaf) => [...leaf]));
          opt.step(params, [Float64Array.of(g[0]), Float64Array.from(g.slice(1))], state);
        }
        params = params.map((leaf) => leaf);
        const expected = steps(gradient, start, 15, options);
        params.flatMap((leaf) => [...leaf]).forEach((value, i) =>
          assert(Math.abs(value - expected[i]) < 1e-8 * Math.max(1, Math.abs(expected[i])))
        );
      });
    }
  }
}

for (const backend of BACKENDS) {
  for (const dtype of [Float32Array, Float64Array]) {
    Deno.test(`L-BFGS goes from a hill down into the valley (${dtype.name}, ${backend})`, () => {
      for (const start of [0.1, -0.1, 0.01]) {
        const opt = lbfgs({ learningRate: 0.5, memorySize: 5 }).with({ backend });
        let params: Float32Array | Float64Array = dtype.of(start);
        const inPlace = dtype.of(start);
        let [state, own] = [opt.init(params), opt.init(inPlace)];
        for (let t = 0; t < 60; t++) {
          const [updates, next] = opt.update(dtype.from(wave([...params])), state, params);
          opt.step(inPlace, dtype.from(wave([...inPlace])), own);
          [params, state] = [applyUpdates(params, updates), next];
        }
        for (const [x] of [params, inPlace]) assert(Math.abs(x - Math.sign(start)) < 1e-6, `${x}`);
      }
    });
  }
}

Deno.test("the direction of L-BFGS is what it steps against", () => {
  const [opt, transform] = [lbfgs({ memorySize: 2 }), scaleByLbfgs({ memorySize: 2 })];
  let params = Float64Array.of(5, -3, 2);
  let [state, own] = [opt.init(params), transform.init(params)];
  for (let t = 0; t < 6; t++) {
    const g = Float64Array.from(bowl([...params]));
    const [updates, next] = opt.update(g, state, params);
    const [direction, after] = transform.update(g, own, params);
    assertEquals(Array.from(direction, (q) => -q), [...updates]);
    [state, own, params] = [next, after, applyUpdates(params, updates)];
  }
  assert(Math.hypot(...bowl([...params])) < 1);
});

Deno.test("L-BFGS keeps the pairs that it remembers, and none where it remembers the newest", () => {
  const states = (memorySize: number) => [...lbfgs({ memorySize }).program.state.keys()];
  assertEquals(states(1), ["theta", "grad"]);
  assertEquals(states(2), ["theta", "grad", "s1", "y1", "rho1", "s2", "y2", "rho2"]);
});

Deno.test("a memory of no pairs, or of very many, is refused", () => {
  for (const memorySize of [0, 51, 1.5, NaN]) {
    assertThrows(
      () => lbfgs({ memorySize }),
      GradusError,
      "`memorySize` must be a whole number from 1 to 50",
    );
  }
});
