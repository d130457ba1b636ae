/** Wrappers step by step as in Optax: SAM, privacy, clips per example, gradients that are left out. */
import {
  adam,
  adamw,
  chain,
  conditionallyTransform,
  dpsgd,
  GradusError,
  hutchinsonEstimatorDiagHessian,
  multiSteps,
  normalizeByUpdateNorm,
  type Optimizer,
  perExampleGlobalNormClip,
  perExampleLayerNormClip,
  sam,
  type SamOptions,
  scheduleFree,
  scheduleFreeAdamw,
  scheduleFreeSgd,
  sgd,
  skipLargeUpdates,
  skipNotFinite,
  sophia,
} from "../../mod.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { BACKENDS } from "./replay.ts";

type Vector = Float64Array<ArrayBuffer>;
type Numbers = readonly number[];

const golden: {
  readonly sam: readonly (SamOptions & { readonly steps: readonly Numbers[] })[];
  readonly global: readonly (readonly [number, readonly Numbers[], number])[];
  readonly layer: readonly (readonly [number, boolean, readonly Numbers[], Numbers])[];
  readonly dpsgd: readonly (readonly Numbers[])[];
  readonly skipNotFinite: readonly Numbers[];
  readonly skipLargeUpdates: readonly Numbers[];
} = JSON.parse(Deno.readTextFileSync(new URL("wrappers.json", import.meta.url)));

function assertClose(actual: Iterable<number>, expected: Numbers, what: string): void {
  const list = [...actual];
  assertEquals(list.length, expected.length, what);
  const worst = Math.max(
    ...expected.map((value, i) => Math.abs(list[i] - value) / Math.max(1, Math.abs(value))),
  );
  assert(worst <= 1e-13, `${what}: ${list}, not ${expected}`);
}

const gradFn = ([x, y, z]: Vector): Vector =>
  Float64Array.of(2 * x + y ** 3, 3 * x * y * y + Math.cos(y), 0.1 * z);

for (const { steps, ...options } of golden.sam) {
  Deno.test(`sam ${JSON.stringify(options)}`, () => {
    const adversarial = chain(
      normalizeByUpdateNorm({ eps: 0 }),
      sgd({ learningRate: 0.05, momentum: 0.5 }),
    );
    const made = sam(adamw({ learningRate: 0.1, weightDecay: 0.1 }), adversarial, options);
    const ends = BACKENDS.map((backend) => {
      const opt = made.with({ backend });
      const x = Float64Array.of(1, -2, 3);
      const state = opt.init(x);
      const rows = steps.map(() => {
        opt.step(x, gradFn(x), state, options.opaqueMode ? { gradFn } : {});
        return [...x];
      });
      rows.forEach((row, i) => assertClose(row, steps[i], `step ${i} on ${backend}`));
      return rows;
    });
    for (const end of ends) assertEquals(end, ends[0]);
  });
}

/** Gradients of four examples. */
const EXAMPLES = [
  [Float64Array.of(0, -0.5, 2), Float64Array.of(0)],
  [Float64Array.of(3, 4, -1), Float64Array.of(5)],
  [Float64Array.of(5, 6, 0.25), Float64Array.of(-3)],
  [Float64Array.of(0, 0, 0), Float64Array.of(0)],
] as const;

Deno.test("clips per example give Optax's sums and counts, and change nothing", () => {
  const before = structuredClone(EXAMPLES);
  for (const [l2NormClip, sum, count] of golden.global) {
    const [actual, numClipped] = perExampleGlobalNormClip(EXAMPLES, { l2NormClip });
    actual.forEach((leaf, i) => assertClose(leaf, sum[i], `clip ${l2NormClip}`));
    assertEquals(numClipped, count);
  }
  for (const [globalL2NormClip, uniform, sum, counts] of golden.layer) {
    const given = (function* () {
      yield* EXAMPLES;
    })();
    const [actual, numClipped] = perExampleLayerNormClip(given, { globalL2NormClip, uniform });
    actual.forEach((leaf, i) => assertClose(leaf, sum[i], `clip ${globalL2NormClip} ${uniform}`));
    assertEquals(numClipped.flatMap((leaf) => [...leaf]), [...counts]);
  }
  assertEquals(EXAMPLES, before);
  assertThrows(() => perExampleGlobalNormClip([], { l2NormClip: 1 }), GradusError, "one gradient");
  const uneven = [Float32Array.of(1), Float32Array.of(1, 2)];
  assertThrows(() => perExampleGlobalNormClip(uneven, { l2NormClip: 1 }), GradusError, "shape");
  assertThrows(
    () => perExampleGlobalNormClip(uneven, { l2NormClip: -1 }),
    GradusError,
    "l2NormClip",
  );
});

Deno.test("dpsgd without noise goes as in Optax, an example a call", () => {
  for (const backend of BACKENDS) {
    const opt = dpsgd({
      learningRate: 0.1,
      l2NormClip: 1.5,
      noiseMultiplier: 0,
      batchSize: EXAMPLES.length,
      seed: 1,
      momentum: 0.9,
      nesterov: true,
    }).with({ backend });
    const params = [new Float64Array(3), new Float64Array(1)];
    const state = opt.init(params);
    golden.dpsgd.forEach((expected, k) => {
      for (const [g, h] of EXAMPLES) {
        opt.step(params, [g.map((value) => value * (k + 1)), h.map((value) => value - k)], state);
      }
      params.forEach((leaf, i) => assertClose(leaf, expected[i], `step ${k} on ${backend}`));
    });
  }
});

Deno.test("the noise of dpsgd has the variance (C·σ/B)², is independent, and differs by step", () => {
  const [l2NormClip, noiseMultiplier, batchSize, n] = [1.5, 2, 5, 40_000];
  const draws = (seed: number, steps: number) => {
    const opt = dpsgd({ learningRate: 1, l2NormClip, noiseMultiplier, batchSize, seed });
    const x = new Float64Array(n);
    const state = opt.init(x);
    return Array.from({ length: steps }, () => {
      const before = x.slice();
      for (let i = 0; i < batchSize; i++) opt.step(x, new Float64Array(n), state);
      return x.map((value, i) => value - before[i]);
    });
  };
  const deviation = l2NormClip * noiseMultiplier / batchSize;
  const correlation = (a: Vector, b: Vector) =>
    a.reduce((sum, value, i) => sum + value * b[i], 0) / n / deviation ** 2;
  const [first, second] = draws(1, 2);
  const [other] = draws(2, 1);
  // Each bound is five standard deviations of what it bounds.
  const five = 5 / Math.sqrt(n);
  for (const noise of [first, second, other]) {
    assert(Math.abs(noise.reduce((a, b) => a + b, 0) / n) < five * deviation);
    assert(Math.abs(correlation(noise, noise) - 1) < five * Math.SQRT2);
    const fourth = noise.reduce((sum, value) => sum + (value / deviation) ** 4, 0) / n;
    assert(Math.abs(fourth - 3) < five * Math.sqrt(96), String(fourth));
  }
  assert(Math.abs(correlation(first, second)) < five);
  assert(Math.abs(correlation(first, other)) < five);
  assertEquals(draws(1, 2), [first, second]);
});

for (
  const [name, shouldSkipUpdateFn, expected] of [
    ["skipNotFinite", skipNotFinite, golden.skipNotFinite],
    ["skipLargeUpdates", skipLargeUpdates({ maxSquaredNorm: 25 }), golden.skipLargeUpdates],
  ] as const
) {
  Deno.test(`multiSteps by ${name} leaves out what Optax does`, () => {
    const gradients = [
      ...[[1, 2], [NaN, 1], [3, -1], [6, 8], [Infinity, 0], [0.5, 0.5], [0.25, -0.5], [3, 4]],
    ];
    for (const backend of BACKENDS) {
      const opt = multiSteps(adam({ learningRate: 0.1 }), {
        everyKSchedule: 2,
        shouldSkipUpdateFn,
      }).with({ backend });
      const x = new Float64Array(2);
      const state = opt.init(x);
      gradients.forEach((g, i) => {
        opt.step(x, Float64Array.from(g), state);
        assertClose(
          [...x, state.miniStep, state.gradientStep],
          expected[i],
          `${backend}, step ${i}`,
        );
      });
    }
  });
}

Deno.test("a condition of multiSteps is any expression, and nothing else", () => {
  const opt = multiSteps(sgd({ learningRate: 1 }), {
    everyKSchedule: 1,
    shouldSkipUpdateFn: "globalMax(abs(g)) >= 2 & gradientStep > 0",
  });
  const x = Float32Array.of(0);
  const state = opt.init(x);
  for (const g of [3, 3, 1]) opt.step(x, Float32Array.of(g), state);
  assertEquals([x[0], state.skipped], [-4, 1]);
  for (
    const shouldSkipUpdateFn of ["g > 0\nu = 1", "a = 1", "", 3 as unknown as string, "nothing > 0"]
  ) {
    const make = () =>
      multiSteps(sgd({ learningRate: 1 }), { everyKSchedule: 1, shouldSkipUpdateFn });
    assertThrows(make, GradusError);
  }
});

Deno.test("types of states that wrappers are given hold as those of init", () => {
  const x = Float32Array.of(1);
  const dtypeOf = (leaf: unknown) => (leaf as { dtype?: string }).dtype;
  const multi = multiSteps(sgd({ learningRate: 1 }), {
    everyKSchedule: 4,
    accumulatorDtype: { dtype: "bfloat16", rounding: "stochastic" },
  });
  assertEquals(dtypeOf(multi.init(x).acc), "bfloat16");
  const stateDtype = { dtype: "bfloat16+8", rounding: "stochastic" } as const;
  for (
    const free of [
      scheduleFree(sgd({ learningRate: 1 }), { learningRate: 1, stateDtype }),
      scheduleFreeAdamw({ stateDtype }),
      scheduleFreeSgd({ stateDtype }),
    ] as Optimizer[]
  ) {
    assertEquals(dtypeOf(free.init(x).z), "bfloat16+8");
  }
  assertThrows(() => scheduleFreeSgd({ stateDtype: "float16" }), GradusError, "running sum");
});

Deno.test("a condition reads the inputs that are forwarded to it", () => {
  const opt = conditionallyTransform(sgd({ learningRate: 0.5 }), {
    shouldTransformFn: "count > 0 & value < 3",
    forwardExtraArgs: ["value"],
  });
  const x = Float32Array.of(0);
  const state = opt.init(x);
  for (const value of [1, 2, 4]) opt.step(x, Float32Array.of(1), state, { value });
  assertEquals(x[0], 1 - 0.5 + 1);
  assertEquals(state.innerCount, 1);
  const make = (options: object) => () =>
    conditionallyTransform(sgd({ learningRate: 1 }), options as { shouldTransformFn: string });
  assertThrows(make({ shouldTransformFn: "value < 3" }), GradusError, "value");
  assertThrows(make({ shouldTransformFn: 1, forwardExtraArgs: ["value"] }), GradusError);
  assertThrows(make({ shouldTransformFn: "1 > 0", forwardExtraArgs: "value" }), GradusError);
});

Deno.test("Hutchinson's estimate has the diagonal as its mean, and is Sophia's input", () => {
  const hessian = [[3, 1, -0.5], [1, 2, 0.25], [-0.5, 0.25, 4]];
  const hessianVectorProduct = (_: Vector, z: Vector) =>
    Float64Array.from(hessian, (row) => row.reduce((sum, each, i) => sum + each * z[i], 0));
  const runs = BACKENDS.map((backend) => {
    const estimator: Optimizer = hutchinsonEstimatorDiagHessian({ seed: 3 }).with({ backend });
    const x = new Float64Array(3);
    let state = estimator.init(x);
    const mean = [0, 0, 0];
    const steps = 400;
    for (let step = 0; step < steps; step++) {
      const [diagonal, next] = estimator.update(x, state, x, { hessianVectorProduct });
      state = next as typeof state;
      diagonal.forEach((value, i) => mean[i] += value / steps);
    }
    return mean;
  });
  for (const mean of runs) assertEquals(mean, runs[0]);
  // Its variance is the sum of the squares beside the diagonal.
  hessian.forEach((row, i) => {
    const beside = Math.hypot(...row.filter((_, j) => j !== i));
    assert(Math.abs(runs[0][i] - row[i]) < 5 * beside / 20, String(runs[0]));
  });
  const estimator = hutchinsonEstimatorDiagHessian({ seed: 3 });
  const x = new Float64Array(3).fill(1);
  const [opt, signs] = [sophia({ learningRate: 0.02, weightDecay: 0 }), estimator.init(x)];
  const state = opt.init(x);
  for (let step = 0; step < 200; step++) {
    const gradients = hessianVectorProduct(x, x);
    const [diagonal] = estimator.update(gradients, signs, x, { hessianVectorProduct });
    opt.step(x, gradients, state, { hessian: diagonal });
  }
  assert(Math.hypot(...x) < 0.2, String(x));
  assertThrows(() => estimator.update(x, signs, x), GradusError, "hessianVectorProduct");
});
