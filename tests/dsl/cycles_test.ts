/** Schedules with warm-ups and cycles: published values, refusals. */
import {
  cosineOnecycleSchedule,
  cosineRestartsSchedule,
  cyclicSchedule,
  inverseSqrtSchedule,
  linearOnecycleSchedule,
  piecewiseInterpolateSchedule,
  sgdrSchedule,
  warmupConstantSchedule,
  warmupCosineDecaySchedule,
  warmupExponentialDecaySchedule,
  warmupStableDecaySchedule,
} from "../../mod.ts";
import { assertEquals } from "../assert.ts";
import { assertClose, values } from "./schedules.ts";

const upTo = (end: number) => Array.from({ length: end }, (_, n) => n);

Deno.test("piecewise interpolation along lines is Optax's", () => {
  const value = piecewiseInterpolateSchedule({
    interpolateType: "linear",
    initValue: 200,
    boundariesAndScales: { 5: 1.5, 10: 0.25 },
  });
  const expected = [200, 220, 240, 260, 280, 300, 255, 210, 165, 120, 75, 75, 75];
  assertClose(values(value, upTo(13)), expected);
  assertEquals(values(value, [-1]), [0], "before the beginning");
});

Deno.test("piecewise interpolation along cosines is Optax's", () => {
  const value = piecewiseInterpolateSchedule({
    interpolateType: "cosine",
    initValue: 400,
    boundariesAndScales: { 5: 1.2, 3: 0.6, 7: 1 },
  });
  assertClose(values(value, upTo(9)), [400, 360, 280, 240, 264, 288, 288, 288, 288]);
});

Deno.test("a boundary at 0 scales the beginning", () => {
  const value = piecewiseInterpolateSchedule({
    interpolateType: "linear",
    initValue: 2,
    boundariesAndScales: { 0: 0.5, 4: 3 },
  });
  assertClose(values(value, upTo(6)), [1, 1.5, 2, 2.5, 3, 3]);
});

Deno.test("one cycle along lines is Optax's", () => {
  const value = linearOnecycleSchedule({
    transitionSteps: 10,
    peakValue: 1000,
    pctStart: 0.3,
    pctFinal: 0.7,
    divFactor: 10,
    finalDivFactor: 100,
  });
  const expected = [100, 400, 700, 1000, 775, 550, 325, 100, 67, 34, 1, 1];
  assertClose(values(value, upTo(12)), expected);
});

Deno.test("one cycle along cosines is Optax's", () => {
  const value = cosineOnecycleSchedule({
    transitionSteps: 5,
    peakValue: 1000,
    pctStart: 0.4,
    divFactor: 10,
    finalDivFactor: 100,
  });
  assertClose(values(value, upTo(7)), [100, 550, 1000, 750.25, 250.75, 1, 1]);
});

Deno.test("warm restarts are warm-up cosines end to end", () => {
  const cycles = [
    { initValue: 0, peakValue: 1, warmupSteps: 2, decaySteps: 6 },
    { initValue: 0.1, peakValue: 0.5, warmupSteps: 0, decaySteps: 4, endValue: 0.2 },
    { initValue: 0, peakValue: 0.25, warmupSteps: 1, decaySteps: 5 },
  ];
  const [a, b, c] = cycles.map(warmupCosineDecaySchedule);
  const counts = upTo(18);
  const expected = counts.map((n) => n < 6 ? a(n) : n < 10 ? b(n - 6) : c(n - 10));
  assertClose(values(sgdrSchedule(cycles), counts), expected, 0);
});

Deno.test("warm-ups lead to what they are named for", () => {
  const rise = { initValue: 1, peakValue: 4, warmupSteps: 3 };
  assertClose(values(warmupConstantSchedule(rise), upTo(6)), [1, 2, 3, 4, 4, 4]);
  const decay = { ...rise, transitionSteps: 2, decayRate: 0.25, staircase: true, endValue: 0.5 };
  const fall = warmupExponentialDecaySchedule({ ...decay, transitionBegin: 1 });
  assertClose(values(fall, upTo(10)), [1, 2, 3, 4, 4, 4, 1, 1, 0.5, 0.5]);
  assertClose(
    values(inverseSqrtSchedule({ peakValue: 1, timescale: 100 }), [0, 300, 2400]),
    [1, 0.5, 0.2],
  );
  assertClose(
    values(inverseSqrtSchedule({ peakValue: 1, warmupSteps: 10, timescale: 3 }), [5, 10, 19]),
    [0.5, 1, 0.5],
  );
});

Deno.test("a trapezoid decays in each of its shapes", () => {
  const options = {
    initValue: 1,
    peakValue: 5,
    warmupSteps: 2,
    stableSteps: 2,
    decaySteps: 4,
    endValue: 1,
  };
  const at = (decay: "linear" | "cosine" | "sqrt") =>
    values(warmupStableDecaySchedule({ ...options, decay }), upTo(10));
  assertClose(at("linear"), [1, 3, 5, 5, 5, 4, 3, 2, 1, 1]);
  const half = (n: number) => 3 + 2 * Math.cos(Math.PI * n / 4);
  assertClose(at("cosine"), [1, 3, 5, 5, 5, half(1), 3, half(3), 1, 1]);
  assertClose(at("sqrt"), [1, 3, 5, 5, 5, 3, 5 - 4 * Math.SQRT1_2, 5 - 2 * Math.sqrt(3), 1, 1]);
});

Deno.test("cycles keep their heights, or lose some of it", () => {
  const cycle = { baseValue: 1, peakValue: 5, stepSizeUp: 4, stepSizeDown: 2 };
  assertClose(values(cyclicSchedule(cycle), upTo(9)), [1, 2, 3, 4, 5, 3, 1, 2, 3]);
  const smaller = cyclicSchedule({ ...cycle, cycleScale: 0.5 });
  assertClose(values(smaller, [4, 10, 16]), [5, 3, 2]);
  const range = cyclicSchedule({ ...cycle, gamma: 0.5 });
  assertClose(values(range, [4, 5]), [1 + 4 / 16, 1 + 2 / 32]);
});

Deno.test("cosines restart at whole cycles, however long", () => {
  for (const cycleFactor of [1, 1.5, 2, 3]) {
    const value = cosineRestartsSchedule({
      initValue: 2,
      decaySteps: 12,
      cycleFactor,
      cycleScale: 0.5,
      alpha: 0.25,
    });
    for (let cycle = 0, begin = 0; cycle < 6; cycle++) {
      const length = 12 * cycleFactor ** cycle;
      const at = (part: number) =>
        2 * (0.75 * 0.5 ** cycle * 0.5 * (1 + Math.cos(Math.PI * part)) + 0.25);
      const parts = [0, 1 / 4, 1 / 2, 2 / 3];
      assertClose(values(value, parts.map((part) => begin + part * length)), parts.map(at), 1e-7);
      begin += length;
    }
  }
});

Deno.test("a cycle that is all rise reaches its peak and stays, on lines one that is all return its start", () => {
  const options = { transitionSteps: 4, peakValue: 1000, divFactor: 10, finalDivFactor: 100 };
  const rise = cosineOnecycleSchedule({ ...options, pctStart: 1 });
  const half = (n: number) => 550 - 450 * Math.cos(Math.PI * n / 4);
  assertClose(values(rise, upTo(6)), [100, half(1), 550, half(3), 1000, 1000]);
  const fall = cosineOnecycleSchedule({ ...options, pctStart: 0 });
  assertClose(values(fall, [0, 2, 4, 9]), [1000, 500.5, 1, 1]);
  const back = linearOnecycleSchedule({ ...options, pctStart: 0.5, pctFinal: 1 });
  assertClose(values(back, upTo(6)), [100, 550, 1000, 550, 100, 100]);
});

Deno.test("a cycle along lines goes on where a part of it has no steps", () => {
  const options = { peakValue: 1000, divFactor: 10, finalDivFactor: 100 };
  // Rise and fall both end at 3.
  const short = linearOnecycleSchedule({
    ...options,
    transitionSteps: 10,
    pctStart: 0.3,
    pctFinal: 0.35,
  });
  const end = (n: number) => 100 - 99 * (n - 3) / 7;
  assertClose(values(short, upTo(12)), [
    ...[100, 400, 700],
    ...[3, 4, 5, 6, 7, 8, 9, 10, 10].map(end),
  ]);
  const one = linearOnecycleSchedule({ ...options, transitionSteps: 1 });
  assertClose(values(one, [0, 1, 2]), [100, 1, 1]);
});
