import fc from "fast-check";
import {
  chain,
  clipByGlobalNorm,
  constantSchedule,
  cosineDecaySchedule,
  exponentialDecay,
  GradusError,
  joinSchedules,
  linearSchedule,
  lion,
  type Optimizer,
  piecewiseConstantSchedule,
  polynomialSchedule,
  type Schedule,
  schedule,
  sgd,
  warmupCosineDecaySchedule,
} from "../../mod.ts";
import { assert, assertAlmostEquals, assertEquals, assertThrows } from "../assert.ts";
import { assertClose, values } from "./schedules.ts";

const upTo = (end: number) => Array.from({ length: end }, (_, n) => n);

Deno.test("a constant schedule is its value at every count", () => {
  assertEquals(values(constantSchedule({ value: 0.1 }), [0, 1, 1e9]), [0.1, 0.1, 0.1]);
});

Deno.test("a linear schedule climbs from 10 to 20 in 10 steps and stays", () => {
  const climb = linearSchedule({ initValue: 10, endValue: 20, transitionSteps: 10 });
  assertClose(values(climb, upTo(15)), [
    10,
    11,
    12,
    13,
    14,
    15,
    16,
    17,
    18,
    19,
    20,
    20,
    20,
    20,
    20,
  ]);
});

Deno.test("a polynomial schedule of power 2 falls from 25 to 10", () => {
  const fall = polynomialSchedule({ initValue: 25, endValue: 10, power: 2, transitionSteps: 10 });
  const expected = upTo(15).map((n) => n < 10 ? 10 + 15 * (1 - n / 10) ** 2 : 10);
  assertClose(values(fall, upTo(15)), expected);
});

Deno.test("a polynomial schedule waits for its transition to begin", () => {
  const fall = polynomialSchedule({
    initValue: 30,
    endValue: 10,
    power: 2,
    transitionSteps: 10,
    transitionBegin: 4,
  });
  const expected = upTo(20).map((n) =>
    n < 4 ? 30 : n < 14 ? 10 + 20 * (1 - (n - 4) / 10) ** 2 : 10
  );
  assertClose(values(fall, upTo(20)), expected);
});

Deno.test("a polynomial schedule of no steps is constant, and a negative beginning is 0", () => {
  const options = { initValue: 3, endValue: 1, power: 2 };
  for (const transitionSteps of [0, -5]) {
    assertEquals(values(polynomialSchedule({ ...options, transitionSteps }), [0, 9]), [3, 3]);
  }
  const early = polynomialSchedule({ ...options, transitionSteps: 4, transitionBegin: -2 });
  assertEquals(values(early, [-1, 0, 2, 4]), [3, 3, 1.5, 1]);
});

Deno.test("a piecewise constant schedule multiplies at its boundaries", () => {
  const stairs = piecewiseConstantSchedule({
    initValue: 0.1,
    boundariesAndScales: { 3: 2, 6: 0.5 },
  });
  assertClose(
    values(stairs, upTo(10)),
    [0.1, 0.1, 0.1, 0.2, 0.2, 0.2, 0.1, 0.1, 0.1, 0.1],
  );
  assertEquals(values(piecewiseConstantSchedule({ initValue: 7 }), [0, 100]), [7, 7]);
});

Deno.test("exponential decay halves 32 each step", () => {
  const halving = exponentialDecay({ initValue: 32, transitionSteps: 1, decayRate: 0.5 });
  assertEquals(values(halving, upTo(6)), [32, 16, 8, 4, 2, 1]);
});

Deno.test("exponential growth doubles every 2 steps, by stairs or not, at once or from 5 on", () => {
  const options = { initValue: 1, transitionSteps: 2, decayRate: 2 };
  for (const staircase of [false, true]) {
    for (const transitionBegin of [0, 5]) {
      const growth = exponentialDecay({ ...options, staircase, transitionBegin });
      const expected = upTo(15).map((n) => {
        const periods = Math.max(n - transitionBegin, 0) / 2;
        return 2 ** (staircase ? Math.floor(periods) : periods);
      });
      assertClose(values(growth, upTo(15)), expected);
    }
  }
});

Deno.test("exponential decay ends at its bound, below if it falls and above if it grows", () => {
  const options = { initValue: 8, transitionSteps: 1 };
  const fall = exponentialDecay({ ...options, decayRate: 0.5, endValue: 3 });
  assertEquals(values(fall, upTo(5)), [8, 4, 3, 3, 3]);
  const growth = exponentialDecay({ ...options, decayRate: 2, endValue: 20 });
  assertEquals(values(growth, upTo(4)), [8, 16, 20, 20]);
});

Deno.test("exponential decay of no steps or of rate 0 is constant, and a negative beginning is 0", () => {
  const options = { initValue: 8, transitionSteps: 2, decayRate: 0.5 };
  for (const odd of [{ transitionSteps: 0 }, { transitionSteps: -1 }, { decayRate: 0 }]) {
    const level = exponentialDecay({ ...options, ...odd, endValue: 100 });
    assertEquals(values(level, [0, 1, 50]), [8, 8, 8]);
  }
  const early = exponentialDecay({ ...options, transitionBegin: -4 });
  assertEquals(values(early, [-4, 0, 2, 4]), [8, 8, 4, 2]);
});

Deno.test("cosine decay of exponent 2 passes through Optax's numbers", () => {
  const decay = cosineDecaySchedule({ initValue: 0.1, decaySteps: 100, exponent: 2 });
  const expected = [0.1, 0.09516553580760956, 0.025, 0.0021446612663567066, 0];
  values(decay, [0, 10, 50, 75, 100]).forEach((value, i) =>
    assertAlmostEquals(value, expected[i], 1e-6 * expected[i])
  );
});

Deno.test("cosine decay takes ten thousand million steps", () => {
  const decay = cosineDecaySchedule({ initValue: 1000, decaySteps: 1e10 });
  assertAlmostEquals(values(decay, [1e9])[0], 975.52826, 1e-5);
});

Deno.test("cosine decay stays at its last value and mirrors counts below 0", () => {
  const decay = cosineDecaySchedule({ initValue: 2, decaySteps: 10, alpha: 0.25 });
  assertClose(values(decay, [0, 5, 10, 11, 1000]), [2, 1.25, 0.5, 0.5, 0.5]);
  assertEquals(values(decay, [-1, -4, -9]), values(decay, [1, 4, 9]));
});

Deno.test("warm-up and cosine decay pass through Optax's numbers", () => {
  const warmup = warmupCosineDecaySchedule({
    initValue: 0.2,
    peakValue: 1.21,
    warmupSteps: 50,
    decaySteps: 100,
    endValue: -3,
    exponent: 2,
  });
  const expected = [0.2, 0.402, 1.21, -1.9475, -3];
  values(warmup, [0, 10, 50, 75, 100]).forEach((value, i) =>
    assertAlmostEquals(value, expected[i], 1e-6 * Math.abs(expected[i]))
  );
});

Deno.test("after a peak of 0 the end value is ignored", () => {
  const warmup = warmupCosineDecaySchedule({
    initValue: 0.2,
    peakValue: 0,
    warmupSteps: 50,
    decaySteps: 100,
    endValue: -3,
  });
  assertClose(values(warmup, [0, 10, 50, 75, 100]), [0.2, 0.16, 0, 0, 0]);
});

Deno.test("without steps of warm-up the decay starts at the peak", () => {
  const decay = warmupCosineDecaySchedule({
    initValue: 0.5,
    peakValue: 1,
    warmupSteps: 0,
    decaySteps: 10,
  });
  assertClose(values(decay, [0, 5, 10]), [1, 0.5, 0]);
});

Deno.test("each of joined schedules counts from its own beginning", () => {
  const line = linearSchedule({ initValue: 0, endValue: 4, transitionSteps: 4 });
  const joined = joinSchedules({ schedules: [line, line, line], boundaries: [2, 5] });
  assertEquals(values(joined, upTo(9)), [0, 1, 0, 1, 2, 0, 1, 2, 3]);
  assertEquals(joinSchedules({ schedules: [line], boundaries: [] })(3), 3);
});

Deno.test("a function of one's own among joined schedules counts from its beginning too", () => {
  const counts: number[] = [];
  const own = (count: number) => {
    counts.push(count);
    return 100 + count;
  };
  const joined = joinSchedules({
    schedules: [constantSchedule({ value: 1 }), own, constantSchedule({ value: 2 })],
    boundaries: [2, 4],
  });
  assertEquals(joined.expression, undefined);
  assertEquals(upTo(5).map(joined), [1, 1, 100, 101, 2]);
  assertEquals(counts.slice(0, 2), [0, 1]);
  assert(counts.every((count) => count >= 0), "it was asked for a time before its beginning");
});

Deno.test("a schedule as text reads `count`, and `t` one ahead of it", () => {
  assertEquals(values(schedule("count"), [0, 7]), [0, 7]);
  assertEquals(values(schedule("t"), [0, 7]), [1, 8]);
  assertEquals(values(schedule("0.1 / sqrt(t)"), [0, 3, 99]), [0.1, 0.05, 0.01]);
  const noam = schedule("512^-0.5 * min(t^-0.5, t*4000^-1.5)");
  assertClose(values(noam, [0, 3999, 15999]), [
    512 ** -0.5 * 4000 ** -1.5,
    (512 * 4000) ** -0.5,
    (512 * 16000) ** -0.5,
  ]);
  assertEquals(values(schedule("where(count < 2, 1, 0.5)"), [1, 2]), [1, 0.5]);
});

Deno.test("a schedule says what it cannot read", () => {
  const refused = (text: string, ...parts: string[]) =>
    assertThrows(() => schedule(text), GradusError, "Cannot read a schedule", ...parts);
  refused(
    "0.1/sqrt(cuont)",
    "`count` and `t` only",
    "there is no `cuont`",
    "mean `count`?",
    "^^^^^",
  );
  refused("learningRate * count", "there is no `learningRate`");
  refused("norm(count)", "nothing to reduce", "norm(count)");
  refused("globalMean(count)", "nothing to reduce");
  refused("count < 3", "a number is required here");
  refused("x = count", "there is no `x`");
  refused("", "expected a value");
  refused("count count", "expected the end, found `count`");
  assertThrows(() => schedule(3 as unknown as string), GradusError, "must be a string");
});

const positive = fc.double({ min: 1e-6, max: 1e3, noNaN: true });
const steps = fc.integer({ min: 1, max: 1000 });
const slack = 1e-9;

/** Fails unless `given` never rises, or never falls, over `counts`, and stays between its ends. */
function assertMonotone(numbers: readonly number[], first: number, last: number): void {
  const most = slack * Math.max(Math.abs(first), Math.abs(last));
  const direction = Math.sign(last - first);
  numbers.forEach((value, n) => {
    assert(value >= Math.min(first, last) - most, `${value} at ${n} is below its bounds`);
    assert(value <= Math.max(first, last) + most, `${value} at ${n} is above its bounds`);
    if (n > 0) {
      const change = direction * (value - numbers[n - 1]);
      assert(change >= -most, `it turns from ${numbers[n - 1]} to ${value} at ${n}`);
    }
  });
}

Deno.test("a polynomial schedule goes one way, from its first value to its last", () => {
  fc.assert(fc.property(
    positive,
    positive,
    fc.double({ min: 0.25, max: 4, noNaN: true }),
    steps,
    fc.nat(20),
    (initValue, endValue, power, transitionSteps, transitionBegin) => {
      const options = { initValue, endValue, power, transitionSteps, transitionBegin };
      const end = transitionBegin + transitionSteps;
      const counts = upTo(12).map((i) => Math.round(i * end / 10));
      const numbers = values(polynomialSchedule(options), counts);
      assertMonotone(numbers, initValue, endValue);
      assertAlmostEquals(numbers[0], initValue, slack * (initValue + endValue));
      assertEquals(numbers.slice(10), [endValue, endValue]);
    },
  ));
});

Deno.test("cosine decay falls from its first value to alpha times it", () => {
  fc.assert(fc.property(
    positive,
    steps,
    fc.double({ min: 0, max: 1, noNaN: true }),
    fc.double({ min: 0.25, max: 4, noNaN: true }),
    (initValue, decaySteps, alpha, exponent) => {
      const decay = cosineDecaySchedule({ initValue, decaySteps, alpha, exponent });
      const numbers = values(decay, upTo(12).map((i) => Math.round(i * decaySteps / 10)));
      assertMonotone(numbers, initValue, alpha * initValue);
      assertAlmostEquals(numbers[0], initValue, slack * initValue);
      assertAlmostEquals(numbers[10], alpha * initValue, slack * initValue);
      assertEquals(numbers[11], numbers[10]);
    },
  ));
});

Deno.test("warm-up rises to its peak and decays to its end", () => {
  fc.assert(fc.property(
    positive,
    fc.double({ min: 0, max: 1, noNaN: true }),
    fc.double({ min: 0, max: 1, noNaN: true }),
    fc.nat(100),
    steps,
    (peakValue, first, last, warmupSteps, rest) => {
      const [initValue, endValue] = [first * peakValue, last * peakValue];
      const decaySteps = warmupSteps + rest;
      const options = { initValue, peakValue, warmupSteps, decaySteps, endValue };
      const given = warmupCosineDecaySchedule(options);
      const rise = values(given, upTo(11).map((i) => Math.round(i * warmupSteps / 10)));
      const counts = upTo(12).map((i) => warmupSteps + Math.round(i * rest / 10));
      if (warmupSteps > 0) assertMonotone(rise, initValue, peakValue);
      assertMonotone(values(given, counts), peakValue, endValue);
      assertAlmostEquals(given(warmupSteps), peakValue, slack * peakValue);
      assertAlmostEquals(given(decaySteps), endValue, slack * peakValue);
    },
  ));
});

Deno.test("exponential decay multiplies by its rate every period", () => {
  fc.assert(fc.property(
    positive,
    fc.double({ min: 0.5, max: 2, noNaN: true }),
    fc.integer({ min: 1, max: 50 }),
    fc.nat(50),
    fc.boolean(),
    fc.nat(500),
    (initValue, decayRate, transitionSteps, transitionBegin, staircase, n) => {
      const options = { initValue, decayRate, transitionSteps, transitionBegin, staircase };
      const count = transitionBegin + n;
      const [now, later] = values(exponentialDecay(options), [count, count + transitionSteps]);
      assertAlmostEquals(later / now, decayRate, 1e-9);
      if (staircase) {
        const start = count - n % transitionSteps;
        assertEquals(values(exponentialDecay(options), [start]), [now]);
      }
    },
  ));
});

Deno.test("a piecewise constant schedule is the product of the factors reached", () => {
  const scales = fc.dictionary(fc.nat(40).map(String), fc.double({ min: 0, max: 4, noNaN: true }));
  fc.assert(fc.property(positive, scales, fc.nat(50), (initValue, boundariesAndScales, count) => {
    const expected = Object.keys(boundariesAndScales)
      .map(Number)
      .filter((boundary) => boundary <= count)
      .sort((a, b) => a - b)
      .reduce((value, boundary) => value * boundariesAndScales[boundary], initValue);
    const given = piecewiseConstantSchedule({ initValue, boundariesAndScales });
    assertEquals(values(given, [count]), [expected]);
  }));
});

Deno.test("joined schedules give the same as expressions and as functions", () => {
  const piece = fc.tuple(positive, positive, steps).map(([initValue, endValue, length]) =>
    length % 2 === 0
      ? linearSchedule({ initValue, endValue, transitionSteps: length })
      : cosineDecaySchedule({ initValue, decaySteps: length })
  );
  const pieces = fc.array(fc.tuple(piece, steps), { minLength: 1, maxLength: 5 });
  fc.assert(fc.property(pieces, fc.nat(6000), (parts, count) => {
    const schedules = parts.map(([part]) => part);
    let boundary = 0;
    const boundaries = parts.slice(1).map(([, gap]) => boundary += gap);
    const last = boundaries.findLastIndex((start) => start <= count);
    const expected = schedules[last + 1](last < 0 ? count : count - boundaries[last]);
    assertEquals(values(joinSchedules({ schedules, boundaries }), [count]), [expected]);
    const opaque = schedules.map((part): Schedule => (n) => part(n));
    assertEquals(joinSchedules({ schedules: opaque, boundaries })(count), expected);
  }));
});

/** What `opt` does to one number in `count` steps in place. */
function trace(opt: Optimizer, start: number, gradient: number, count: number): number[] {
  const [params, gradients] = [Float64Array.of(start), Float64Array.of(gradient)];
  const state = opt.init(params);
  return upTo(count).map(() => {
    opt.step(params, gradients, state);
    return params[0];
  });
}

Deno.test("the first step reads a schedule at 0", () => {
  const learningRate = piecewiseConstantSchedule({
    initValue: 3,
    boundariesAndScales: { 1: 5, 7: 2, 12: 1.5 },
  });
  const params = trace(sgd({ learningRate }), 0, -1, 14);
  const rates = params.map((value, i) => value - (params[i - 1] ?? 0));
  assertEquals(rates, [3, 15, 15, 15, 15, 15, 15, 30, 30, 30, 30, 30, 45, 45]);
});

for (const backend of ["js", "interpreter"] as const) {
  Deno.test(`Lion's learning rate and weight decay see 0, 1, 2 at its steps on ${backend}`, () => {
    const seen: { rate: number[]; decay: number[] } = { rate: [], decay: [] };
    const rates = [0.5, 0.25, 0.125];
    const decays = [0.5, 0, 2];
    const inner = lion({
      learningRate: (count) => {
        seen.rate.push(count);
        return rates[count];
      },
      weightDecay: (count) => {
        seen.decay.push(count);
        return decays[count];
      },
    });
    for (const opt of [inner, chain(clipByGlobalNorm({ maxNorm: 1 }), inner)]) {
      const running = opt.with({ backend });
      const params = Float64Array.of(4);
      const state = running.init(params);
      [seen.rate, seen.decay] = [[], []];
      const reached: number[] = [];
      for (let step = 0; step < 3; step++) {
        running.step(params, Float64Array.of(1), state);
        assertEquals(state.hyper.learningRate, rates[step]);
        assertEquals(state.hyper.weightDecay, decays[step]);
        reached.push(params[0]);
      }
      assertEquals(seen, { rate: [0, 1, 2], decay: [0, 1, 2] });
      // 4 - 0.5·(1 + 0.5·4), then 2.5 - 0.25·1, then 2.25 - 0.125·(1 + 2·2.25).
      assertEquals(reached, [2.5, 2.25, 1.5625]);
    }
  });

  Deno.test(`a warm-up from 0 leaves the first step to Lion's momentum on ${backend}`, () => {
    const learningRate = linearSchedule({ initValue: 0, endValue: 1, transitionSteps: 4 });
    const opt = lion({ learningRate, b2: 0.5, weightDecay: 0 }).with({ backend });
    const params = Float64Array.of(8);
    const state = opt.init(params);
    opt.step(params, Float64Array.of(1), state);
    assertEquals([params[0], (state.m as Float64Array)[0]], [8, 0.5]);
    opt.step(params, Float64Array.of(1), state);
    assertEquals([params[0], (state.m as Float64Array)[0]], [7.75, 0.75]);
  });
}
