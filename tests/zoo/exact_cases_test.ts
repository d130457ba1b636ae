/** Small cases whose results are known exactly: those of Optax's own tests. */
import {
  addDecayedWeights,
  clip,
  clipByBlockRms,
  clipByGlobalNorm,
  ema,
  freeze,
  identity,
  multiSteps,
  muon,
  type Optimizer,
  partition,
  polyakSgd,
  scale,
  scaleByOptimisticGradient,
  sgd,
  type Tensor,
  zeroNans,
} from "../../mod.ts";
import { assert, assertAlmostEquals, assertEquals } from "../assert.ts";
import { BACKENDS } from "../golden/replay.ts";
import { randomArray } from "../runtime/random.ts";

/** The updates that `opt` makes of gradients, one after another, at parameters that stay. */
function updatesOf<T extends object>(opt: Optimizer, gradients: readonly T[], params: T): T[] {
  let state = opt.init(params);
  return gradients.map((each) => {
    const [updates, next] = opt.update(each, state, params);
    state = next;
    return updates;
  });
}

const numbers = (...values: number[]) => values.map((value) => Float64Array.of(value));
const norm = (values: Iterable<number>) => Math.hypot(...values);

for (const backend of BACKENDS) {
  const test = (name: string, run: (on: (opt: Optimizer) => Optimizer) => void) =>
    Deno.test(`${name} (${backend})`, () => run((opt) => opt.with({ backend })));

  test("an optimistic gradient adds what the last one has changed", (on) => {
    const opt = on(scaleByOptimisticGradient({ alpha: 1, beta: 1 }));
    assertEquals(updatesOf(opt, numbers(2, 3, 4), Float64Array.of(0)), numbers(2, 4, 5));
  });

  test("a Polyak step on the sum of magnitudes is one step to its minimum", (on) => {
    const opt = on(polyakSgd());
    const x = Float64Array.of(1, -1);
    opt.step(x, x.map(Math.sign), opt.init(x), { value: 2 });
    assert(Math.max(...x.map(Math.abs)) < 1e-10, String(x));
  });

  test("an average without bias begins at the first gradient", (on) => {
    const [[first], [second]] = updatesOf(
      on(ema({ decay: 0.9, debias: true })),
      numbers(5, 7),
      Float64Array.of(0),
    );
    assertAlmostEquals(first, 5, 1e-14);
    assertAlmostEquals(second, (0.1 * 7 + 0.09 * 5) / 0.19, 1e-14);
  });

  test("of four gradients, the mean is the update and the others are 0", (on) => {
    const opt = on(multiSteps(scale({ stepSize: 1 }), { everyKSchedule: 4 }));
    const updates = updatesOf(opt, numbers(1, 2, 3, 4), Float64Array.of(0));
    assertEquals(updates.map(([u]) => u + 0), [0, 0, 0, 2.5]);
  });

  test("a clip limits each element, a norm and a root mean square, and what is so already", (on) => {
    const gradients = [Float64Array.of(500, 5), Float64Array.of(300, 3)];
    const once = (opt: Optimizer, given = gradients) => updatesOf(on(opt), [given], given)[0];
    assertEquals(once(clip({ maxDelta: 1 })), [Float64Array.of(1, 1), Float64Array.of(1, 1)]);
    for (let i = 1; i <= 50; i++) {
      const clipsNorm = clipByGlobalNorm({ maxNorm: 1 / i });
      const clipped = once(clipsNorm);
      for (const each of [clipped, once(clipsNorm, clipped)]) {
        assertAlmostEquals(norm(each.flatMap((leaf) => [...leaf])), 1 / i, 5e-7);
      }
      const clipsRms = clipByBlockRms({ threshold: 1 / i });
      const blocks = once(clipsRms);
      for (const leaf of [...blocks, ...once(clipsRms, blocks)]) {
        assertAlmostEquals(norm(leaf) / Math.sqrt(2), 1 / i, 5e-7);
      }
    }
  });

  test("weights decay where the mask says", (on) => {
    const opt = on(addDecayedWeights({ weightDecay: 0.1, mask: { a: true, b: { c: false } } }));
    const tree = (value: number) => ({
      a: Float64Array.of(value, value),
      b: { c: Float64Array.of(value) },
    });
    const [updates] = updatesOf(opt, [tree(0)], tree(1));
    assertEquals(updates, { a: Float64Array.of(0.1, 0.1), b: { c: Float64Array.of(0) } });
  });

  test("what is no number becomes 0, and infinity stays", (on) => {
    const [updates] = updatesOf(
      on(zeroNans()),
      [Float64Array.of(NaN, Infinity, -Infinity, 3)],
      Float64Array.of(0, 0, 0, 0),
    );
    assertEquals(updates, Float64Array.of(0, Infinity, -Infinity, 3));
  });

  test("each part of a partition has its own update, and what is frozen none", (on) => {
    const tree = (a: number, b: number, c: number) => ({
      a: Float64Array.of(a),
      b: [Float64Array.of(b)],
      c: Float64Array.of(c),
    });
    const parts = {
      less: scale({ stepSize: -1 }),
      same: identity(),
      twice: scale({ stepSize: 2 }),
    };
    const opt = on(partition(parts, { a: "less", b: "same", c: "twice" }));
    const given = tree(3, 5, 7);
    assertEquals(updatesOf(opt, [given], given), [tree(-3, 5, 14)]);
    const frozen = on(freeze({ a: true, b: [false], c: true }));
    const [{ a, b, c }] = updatesOf(frozen, [given], given);
    assertEquals([a[0] + 0, b[0][0], c[0] + 0], [0, 5, 0]);
  });

  test("steps of Newton and Schulz make a matrix orthogonal", (on) => {
    const opt = on(muon({
      learningRate: 1,
      nsCoeffs: [2, -1.5, 0.5],
      nsSteps: 20,
      nesterov: false,
      weightDecay: 0,
    }));
    const twice = Float64Array.from({ length: 64 }, (_, i) => i % 9 === 0 ? 2 : 0);
    for (const data of [new Float64Array(randomArray(64, 3)), twice]) {
      const given: Tensor = { data, shape: [8, 8] };
      const [{ data: x }] = updatesOf(opt, [given], given);
      for (let i = 0; i < 8; i++) {
        for (let j = 0; j < 8; j++) {
          let product = 0;
          for (let k = 0; k < 8; k++) product += x[8 * k + i] * x[8 * k + j];
          assertAlmostEquals(product, i === j ? 1 : 0, 1e-5);
        }
      }
    }
  });
}

Deno.test("of four gradients, the sum may be the update", () => {
  const every = multiSteps(sgd({ learningRate: 1 }), { everyKSchedule: 4, useGradMean: false });
  const updates = updatesOf(every, numbers(1, 2, 3, 4), Float64Array.of(0));
  assertEquals(updates.at(-1), Float64Array.of(-10));
});
