/** Examples whose numbers others have published. */
import {
  applyEvery,
  averageParams,
  chain,
  GradusError,
  keepParamsNonnegative,
  mechanize,
  reduceOnPlateau,
  type ReduceOnPlateauOptions,
  scale,
  schedule,
  scheduleFree,
  scheduleFreeSgd,
  sgd,
} from "../../mod.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { BACKENDS } from "../golden/replay.ts";

Deno.test("mechanize begins at its first scale", () => {
  const inner = scale({ stepSize: -0.1 });
  const opt = mechanize(inner, { weightDecay: 1e-2, eps: 1e-10, sInit: 1e-8 });
  const x = Float64Array.of(1, 2, 3);
  const state = opt.init(x);
  opt.step(x, Float64Array.of(0.5, 1, -1), state);
  for (let i = 1; i <= 6; i++) {
    assertEquals([state[`m${i}`], state[`v${i}`], state[`r${i}`]], [1e-10, 0, 0]);
    assert(Math.abs(state[`s${i}`] as number - 1e-8 / 6) < 1e-20);
  }
  assert(Math.abs(x[0] - (1 - 1e-8 * 0.05)) < 1e-16);
});

Deno.test("a plateau of six equal losses drops the scale and begins to cool down", () => {
  const opt = reduceOnPlateau({ patience: 5, cooldown: 5, factor: 0.1, minScale: 0.01 });
  const x = Float64Array.of(1);
  const state = opt.init(x);
  const scales: unknown[] = [];
  for (let step = 0; step < 30; step++) {
    opt.step(x, Float64Array.of(0), state, { value: 1 });
    scales.push(state.scale);
    if (step === 5) assertEquals([state.plateau, state.cooling], [0, 5]);
  }
  // Five steps cool down, then five more bring no improvement.
  assertEquals(scales.indexOf(0.1), 5);
  assertEquals(scales.findIndex((each) => (each as number) < 0.1), 15);
  assertEquals(scales.at(-1), 0.01, "and never below the least");
});

Deno.test("losses may be averaged before they are judged", () => {
  const opt = reduceOnPlateau({ patience: 1, accumulationSize: 2, factor: 0.5 });
  const x = Float64Array.of(1);
  const state = opt.init(x);
  const seen = [4, 2, 1, 5, 2, 2, 9].map((value) => {
    opt.step(x, Float64Array.of(0), state, { value });
    return [state.scale, state.best, state.average];
  });
  assertEquals(seen, [
    [1, Infinity, 4],
    [1, 3, 0],
    [1, 3, 1],
    [0.5, 3, 0],
    [0.5, 3, 2],
    [0.5, 2, 0],
    [0.5, 2, 9],
  ]);
});

const plateaus: readonly [
  name: string,
  ReduceOnPlateauOptions,
  values: number[],
  scales: number[],
][] = [
  [
    "a loss of -1 that stays",
    { patience: 2, factor: 0.5 },
    [-1, -1, -1, -1, -1, -1, -1, -1],
    [1, 1, 0.5, 0.5, 0.25, 0.25, 0.125, 0.125],
  ],
  ["losses that fall, with no patience", { patience: 0, factor: 0.5 }, [5, 4, 3], [1, 1, 1]],
  ["patience of 0 as of 1", { patience: 0, factor: 0.5 }, [5, 5, 4, 4, 4], [
    1,
    0.5,
    0.5,
    0.25,
    0.125,
  ]],
  ["patience of 1", { patience: 1, factor: 0.5 }, [5, 5, 4, 4, 4], [1, 0.5, 0.5, 0.25, 0.125]],
  [
    "losses that fall through 0 by more than a part of them",
    { patience: 1, factor: 0.5, rtol: 0.25 },
    [4, 3.5, 2, 0, -1, -1.2, -1.3],
    [1, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25],
  ],
  [
    "losses that fall by more than a number",
    { patience: 1, factor: 0.5, rtol: 0, atol: 1 },
    [2, 1.5, 0.5, -1, -2, -2.5],
    [1, 0.5, 0.5, 0.5, 0.25, 0.25],
  ],
  [
    "an accuracy",
    { patience: 2, factor: 0.5, mode: "max" },
    [0.1, 0.5, 0.4, 0.5, 0.6, 0.6, 0.6],
    [1, 1, 1, 0.5, 0.5, 0.5, 0.25],
  ],
  [
    "a score below 0 that rises",
    { patience: 1, factor: 0.5, mode: "max", rtol: 0.25 },
    [-8, -7, -4, -4, Infinity, 1],
    [1, 0.5, 0.5, 0.25, 0.25, 0.125],
  ],
  ["losses that are no numbers", { patience: 2, factor: 0.5 }, [NaN, NaN, 1, NaN], [
    1,
    0.5,
    0.5,
    0.5,
  ]],
  ["infinite losses", { patience: 2, factor: 0.5 }, [Infinity, Infinity, 1, 0.5], [
    1,
    0.5,
    0.5,
    0.5,
  ]],
];
for (const [name, options, losses, scales] of plateaus) {
  for (const backend of BACKENDS) {
    for (const dtype of [Float32Array, Float64Array]) {
      Deno.test(`a plateau of ${name} (${dtype.name}, ${backend})`, () => {
        const opt = reduceOnPlateau(options).with({ backend });
        const x = dtype.of(0);
        let [state, own] = [opt.init(x), opt.init(x)];
        const [stepped, updated] = [[], []] as number[][];
        let last = 0;
        for (const value of losses) {
          opt.step(x, dtype.of(1), own, { value });
          stepped.push(x[0] - last);
          last = x[0];
          const [updates, next] = opt.update(dtype.of(1), state, x, { value });
          updated.push(updates[0]);
          state = next;
        }
        assertEquals(stepped, scales);
        assertEquals(updated, scales);
        assertEquals(state.scale, scales.at(-1));
      });
    }
  }
}

Deno.test("a plateau of no such mode is refused", () => {
  for (const options of [{ mode: "least" }, { direction: -1 }, { thresholdMode: "rel" }]) {
    assertThrows(() => reduceOnPlateau(options as never), GradusError, Object.keys(options)[0]);
  }
});

Deno.test("parameters are kept from becoming negative", () => {
  for (const [start, end] of [[-1, [0, 4, 0]], [1, [0, 6, 1]], [0, [0, 5, 0]]] as const) {
    const opt = chain(sgd({ learningRate: 0.01 }), keepParamsNonnegative());
    const x = Float64Array.of(start, start, start);
    opt.step(x, Float64Array.of(500, -500, 0), opt.init(x));
    assertEquals([...x].map((value) => value + 0), [...end]);
  }
});

Deno.test("an exponential average of parameters forgets its beginning", () => {
  const opt = averageParams(sgd({ learningRate: 1 }), { decay: 0.5 });
  const x = Float64Array.of(0);
  const state = opt.init(x);
  for (let step = 0; step < 3; step++) opt.step(x, Float64Array.of(-1), state);
  assertEquals([x[0], (state.average as Float64Array)[0]], [3, 0.125 * 0 + 0.125 + 0.5 + 1.5]);
});

Deno.test("every fourth sum of updates is what four steps of descent make", () => {
  const [every, plain] = [
    chain(sgd({ learningRate: 0.1 }), applyEvery({ k: 4 })),
    sgd({
      learningRate: 0.1,
    }),
  ];
  const [x, y] = [Float64Array.of(0), Float64Array.of(0)];
  const [s, p] = [every.init(x), plain.init(y)];
  for (let step = 1; step <= 12; step++) {
    const before = x[0];
    every.step(x, Float64Array.of(step), s);
    plain.step(y, Float64Array.of(step), p);
    if (step % 4 === 0) assert(Math.abs(x[0] - y[0]) < 1e-12);
    else assertEquals(x[0], before);
  }
});

Deno.test("schedule-free descent is descent made schedule-free", () => {
  const learningRate = schedule("0.1*(1 + count)");
  const wrapped = scheduleFree(sgd({ learningRate }), { learningRate, b1: 0.8 });
  const whole = scheduleFreeSgd({ learningRate, b1: 0.8 });
  const [x, y] = [Float64Array.of(1, -3), Float64Array.of(1, -3)];
  const [s, t] = [wrapped.init(x), whole.init(y)];
  for (let step = 0; step < 8; step++) {
    wrapped.step(x, x.map((value, i) => (i + 1) * value), s);
    whole.step(y, y.map((value, i) => (i + 1) * value), t);
    const [p, q] = [wrapped.evaluationParams(x, s), whole.evaluationParams(y, t)];
    [0, 1].forEach((i) => assert(Math.abs(x[i] - y[i]) < 1e-13 && Math.abs(p[i] - q[i]) < 1e-12));
  }
});
