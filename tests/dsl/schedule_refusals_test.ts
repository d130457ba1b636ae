/** What is refused as a schedule, and how the error says it. */
import {
  constantSchedule,
  cosineDecaySchedule,
  cosineOnecycleSchedule,
  cosineRestartsSchedule,
  cyclicSchedule,
  exponentialDecay,
  GradusError,
  inverseSqrtSchedule,
  joinSchedules,
  linearOnecycleSchedule,
  linearSchedule,
  piecewiseConstantSchedule,
  piecewiseInterpolateSchedule,
  polynomialSchedule,
  type Schedule,
  sgdrSchedule,
  warmupConstantSchedule,
  warmupCosineDecaySchedule,
  warmupExponentialDecaySchedule,
  warmupStableDecaySchedule,
} from "../../mod.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { values } from "./schedules.ts";

type Numbers = Readonly<Record<string, number>>;

/** A maker of schedules: what it needs, and what else may be given. */
interface Maker {
  readonly make: (options: never) => Schedule;
  readonly needed: Numbers;
  readonly others?: Numbers;
  /** What must be above 0, and what must not be below. */
  readonly positive?: readonly string[];
  readonly notNegative?: readonly string[];
  /** What may be infinite. */
  readonly infinite?: readonly string[];
}

const warmup = { initValue: 0, peakValue: 1, warmupSteps: 2 };
const MAKERS: Readonly<Record<string, Maker>> = {
  constantSchedule: { make: constantSchedule, needed: { value: 1 }, infinite: ["value"] },
  linearSchedule: {
    make: linearSchedule,
    needed: { initValue: 1, endValue: 0, transitionSteps: 5 },
    others: { transitionBegin: 1 },
  },
  polynomialSchedule: {
    make: polynomialSchedule,
    needed: { initValue: 1, endValue: 0, power: 2, transitionSteps: 5 },
    others: { transitionBegin: 1 },
    notNegative: ["power"],
  },
  cosineDecaySchedule: {
    make: cosineDecaySchedule,
    needed: { initValue: 1, decaySteps: 5 },
    others: { alpha: 0.5, exponent: 2 },
    positive: ["decaySteps"],
    notNegative: ["exponent"],
  },
  exponentialDecay: {
    make: exponentialDecay,
    needed: { initValue: 1, transitionSteps: 5, decayRate: 0.5 },
    others: { transitionBegin: 1, endValue: 0.25 },
    notNegative: ["decayRate"],
    infinite: ["endValue"],
  },
  piecewiseConstantSchedule: { make: piecewiseConstantSchedule, needed: { initValue: 1 } },
  piecewiseInterpolateSchedule: {
    make: (options: object) =>
      piecewiseInterpolateSchedule({ interpolateType: "linear", ...options } as never),
    needed: { initValue: 1 },
  },
  linearOnecycleSchedule: {
    make: linearOnecycleSchedule,
    needed: { transitionSteps: 10, peakValue: 1 },
    others: { pctStart: 0.25, pctFinal: 0.75, divFactor: 10, finalDivFactor: 100 },
    positive: ["transitionSteps", "divFactor", "finalDivFactor"],
  },
  cosineOnecycleSchedule: {
    make: cosineOnecycleSchedule,
    needed: { transitionSteps: 10, peakValue: 1 },
    others: { pctStart: 0.25, divFactor: 10, finalDivFactor: 100 },
    positive: ["transitionSteps", "divFactor", "finalDivFactor"],
  },
  cyclicSchedule: {
    make: cyclicSchedule,
    needed: { baseValue: 0, peakValue: 1, stepSizeUp: 3 },
    others: { stepSizeDown: 2, cycleScale: 0.5, gamma: 0.9 },
    positive: ["stepSizeUp", "stepSizeDown"],
    notNegative: ["cycleScale", "gamma"],
  },
  cosineRestartsSchedule: {
    make: cosineRestartsSchedule,
    needed: { initValue: 1, decaySteps: 5 },
    others: { cycleFactor: 2, cycleScale: 0.5, alpha: 0.25 },
    positive: ["decaySteps"],
    notNegative: ["cycleScale"],
  },
  warmupConstantSchedule: {
    make: warmupConstantSchedule,
    needed: warmup,
    notNegative: ["warmupSteps"],
  },
  warmupCosineDecaySchedule: {
    make: warmupCosineDecaySchedule,
    needed: { ...warmup, decaySteps: 5 },
    others: { endValue: 0.5, exponent: 2 },
    notNegative: ["warmupSteps", "exponent"],
  },
  "cycle 1 of sgdrSchedule": {
    make: (options: object) =>
      sgdrSchedule([{ ...warmup, decaySteps: 4 }, { ...warmup, decaySteps: 5, ...options }]),
    needed: { ...warmup, decaySteps: 5 },
    others: { endValue: 0.5, exponent: 2 },
    notNegative: ["warmupSteps", "exponent"],
  },
  warmupExponentialDecaySchedule: {
    make: warmupExponentialDecaySchedule,
    needed: { ...warmup, transitionSteps: 5, decayRate: 0.5 },
    others: { transitionBegin: 1, endValue: 0.25 },
    notNegative: ["warmupSteps", "decayRate"],
    infinite: ["endValue"],
  },
  inverseSqrtSchedule: {
    make: inverseSqrtSchedule,
    needed: { peakValue: 1 },
    others: { warmupSteps: 2, initValue: 0.5, timescale: 4 },
    positive: ["timescale"],
    notNegative: ["warmupSteps"],
  },
  warmupStableDecaySchedule: {
    make: warmupStableDecaySchedule,
    needed: { peakValue: 1, warmupSteps: 2, stableSteps: 3, decaySteps: 4 },
    others: { initValue: 0.5, endValue: 0.25 },
    positive: ["decaySteps"],
    notNegative: ["warmupSteps", "stableSteps"],
  },
};

for (const [name, maker] of Object.entries(MAKERS)) {
  const { needed, others = {}, positive = [], notNegative = [], infinite = [] } = maker;
  const make = maker.make as (options: unknown) => Schedule;
  const refused = (options: object, ...parts: string[]) =>
    assertThrows(
      () => make({ ...needed, ...others, ...options }),
      GradusError,
      `Cannot make ${name}: `,
      ...parts,
    );

  Deno.test(`${name} names itself and the option that is no number, or not finite`, () => {
    for (const options of [needed, { ...needed, ...others }]) {
      const counts = [0, 1, 2, 3, 5, 8, 13, 21, 1000];
      for (const value of values(make(options), counts)) assert(Number.isFinite(value));
    }
    for (const key of Object.keys({ ...needed, ...others })) {
      for (const [bad, shown] of [["3", '"3"'], [null, "null"], [NaN, "NaN"]] as const) {
        refused({ [key]: bad }, `\`${key}\` must be a number: given ${shown}`);
      }
      for (const bad of infinite.includes(key) ? [] : [Infinity, -Infinity]) {
        refused({ [key]: bad }, `\`${key}\` must be finite: given ${bad}`);
      }
    }
    for (const key of Object.keys(needed)) {
      if (name.startsWith("cycle")) continue;
      assertThrows(
        () => make({ ...needed, [key]: undefined }),
        GradusError,
        `Cannot make ${name}: \`${key}\` must be a number: given undefined`,
      );
    }
  });

  Deno.test(`${name} names an option that it has not, and what is no options`, () => {
    const [first] = Object.keys(needed);
    const snake = first.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    refused({ other: 1 }, "there is no option `other`; options: ");
    if (snake !== first) {
      refused({ [snake]: 1 }, `there is no option \`${snake}\`; did you mean \`${first}\`?`);
    }
    if (/cycle|Interpolate/.test(name)) return;
    for (const [bad, shown] of [[1, "1"], [undefined, "undefined"], [null, "null"]] as const) {
      assertThrows(
        () => make(bad),
        GradusError,
        `Cannot make ${name}: its options must be an object: given ${shown}`,
      );
    }
  });

  Deno.test(`${name} refuses what is not positive or below 0 where no schedule comes of it`, () => {
    for (const key of positive) {
      for (const bad of [0, -1]) {
        refused({ [key]: bad }, `\`${key}\` must be positive: given ${bad}`);
      }
    }
    for (const key of notNegative) {
      refused({ [key]: -1 }, `\`${key}\` must not be negative: given -1`);
      // 0 is no nonsense.
      for (const value of values(make({ ...needed, ...others, [key]: 0 }), [0, 1, 4, 1000])) {
        assert(Number.isFinite(value));
      }
    }
  });
}

Deno.test("parts of a cycle must be parts, in their order", () => {
  const line = (options: object) => () =>
    linearOnecycleSchedule({ transitionSteps: 10, peakValue: 1, ...options });
  const cosine = (options: object) => () =>
    cosineOnecycleSchedule({ transitionSteps: 10, peakValue: 1, ...options });
  for (const pctStart of [30, 1.01, -0.1]) {
    for (const [name, make] of [["linear", line], ["cosine", cosine]] as const) {
      assertThrows(
        make({ pctStart }),
        GradusError,
        `Cannot make ${name}OnecycleSchedule: \`pctStart\` must be a part of the steps, from 0 to 1: ` +
          `given ${pctStart}`,
      );
    }
  }
  for (
    const [pctStart, pctFinal] of [[0.3, 0.3], [0.5, 0.25], [0.9, undefined], [0.3, 85], [1, 1]]
  ) {
    assertThrows(
      line({ pctStart, pctFinal }),
      GradusError,
      "Cannot make linearOnecycleSchedule: `pctFinal` must be more than `pctStart` and at most 1: " +
        `given ${pctFinal ?? 0.85}, and ${pctStart} of \`pctStart\``,
    );
  }
});

Deno.test("a peak must not be below what it is the peak of, nor a decay end in its warm-up", () => {
  assertThrows(
    () => cyclicSchedule({ baseValue: 1, peakValue: 0.5, stepSizeUp: 3 }),
    GradusError,
    "Cannot make cyclicSchedule: `peakValue` must not be less than `baseValue`: given 0.5 and 1",
  );
  for (const decaySteps of [10, 9, -1]) {
    assertThrows(
      () => warmupCosineDecaySchedule({ initValue: 0, peakValue: 1, warmupSteps: 10, decaySteps }),
      GradusError,
      "Cannot make warmupCosineDecaySchedule",
      "more than `warmupSteps`",
      `given ${decaySteps} and 10`,
    );
  }
  assertThrows(
    () => cosineRestartsSchedule({ initValue: 1, decaySteps: 5, cycleFactor: 0.5 }),
    GradusError,
    "Cannot make cosineRestartsSchedule: `cycleFactor` must be at least 1: given 0.5",
  );
});

Deno.test("boundaries must be counts, and their factors not negative", () => {
  const makers = {
    piecewiseConstantSchedule,
    piecewiseInterpolateSchedule: (options: { initValue: number }) =>
      piecewiseInterpolateSchedule({ interpolateType: "cosine", ...options }),
  };
  for (const [name, make] of Object.entries(makers)) {
    const refused = (boundariesAndScales: unknown, message: string) =>
      assertThrows(
        () => make({ initValue: 1, boundariesAndScales } as never),
        GradusError,
        `Cannot make ${name}: ${message}`,
      );
    refused({ 2: 1, 4: -0.5 }, "`boundariesAndScales/4` must not be negative: given -0.5");
    refused({ 3: NaN }, "`boundariesAndScales/3` must be a number: given NaN");
    refused({ 3: Infinity }, "`boundariesAndScales/3` must be finite: given Infinity");
    for (const key of ["soon", "-3", "", " 5", "0x10", "1e3", "Infinity", "NaN"]) {
      refused(
        { 2: 1, [key]: 1 },
        `boundaries must be counts, and not negative: given ${JSON.stringify(key)}`,
      );
    }
    refused(null, "`boundariesAndScales` must be an object of factors by counts: given null");
    refused(3, "`boundariesAndScales` must be an object of factors by counts: given 3");
    // An object has no order of its own.
    const [given, sorted] = [{ 7: 0.5, 2.5: 3, 4: 2 }, { 2.5: 3, 4: 2, 7: 0.5 }];
    assertEquals(
      values(make({ initValue: 1, boundariesAndScales: given } as never), [0, 3, 5, 9]),
      values(make({ initValue: 1, boundariesAndScales: sorted } as never), [0, 3, 5, 9]),
    );
  }
});

Deno.test("joined schedules are some, one more than boundaries, which do not fall", () => {
  const one = constantSchedule({ value: 1 });
  const two = constantSchedule({ value: 2 });
  const refused = (schedules: unknown, boundaries: unknown, message: string) =>
    assertThrows(
      () => joinSchedules({ schedules, boundaries } as never),
      GradusError,
      `Cannot make joinSchedules: ${message}`,
    );
  refused([], [], "at least one schedule is required: given none");
  refused(undefined, [], "`schedules` must be a list: given undefined");
  refused([one], 3, "`boundaries` must be a list: given 3");
  refused([one, one], [], "2 schedules need 1 boundaries: given 0");
  refused([one], [3], "1 schedules need 0 boundaries: given 1");
  refused([one, one], [NaN], "`boundaries/0` must be a number: given NaN");
  refused([one, one], [Infinity], "`boundaries/0` must be finite: given Infinity");
  refused([one, one], [-1], "`boundaries/0` must not be negative: given -1");
  refused([one, one, one], [5, 3], "`boundaries` must not fall: given 3 after 5");
  // It is told when it is made, not when it is called.
  refused([one, 0.5], [3], "`schedules/1` must be a schedule: given 0.5");
  refused([one, undefined], [3], "`schedules/1` must be a schedule: given undefined");
  const own = (count: number) => count;
  for (const middle of [two, own]) {
    const joined = joinSchedules({ schedules: [one, middle, one], boundaries: [3, 3] });
    assertEquals([2, 3, 4].map(joined), [1, 1, 1], "one that has no counts is never asked");
  }
});

Deno.test("what is no such schedule is refused", () => {
  const refused = (make: () => unknown, message: string) =>
    assertThrows(make, GradusError, message);
  refused(
    () => piecewiseInterpolateSchedule({ interpolateType: "cubic" as "linear", initValue: 1 }),
    '`interpolateType` must be "linear" or "cosine": given "cubic"',
  );
  refused(() => sgdrSchedule([]), "a list of cycles is required");
  const trapezoid = { peakValue: 1, warmupSteps: 1, stableSteps: 1, decaySteps: 1 };
  refused(
    () => warmupStableDecaySchedule({ ...trapezoid, decay: "step" as "sqrt" }),
    '`decay` must be "linear", "cosine" or "sqrt": given "step"',
  );
});
