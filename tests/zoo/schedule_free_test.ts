import { type Schedule, scheduleFreeAdamw, scheduleFreeSgd } from "../../mod.ts";
import { assert, assertEquals } from "../assert.ts";
import { BACKENDS, streamGradients, streamParams } from "../golden/replay.ts";
import { type Rule, testByHand } from "./by_hand.ts";

interface Options {
  readonly gamma: Schedule;
  readonly warmup?: number;
  readonly beta?: number;
  readonly lambda?: number;
  readonly power?: number;
  readonly adam?: boolean;
}

/** The paper's x, y and z, with y for the parameters; `seen` is shown x. */
function rule(
  { gamma, warmup = 0, beta = 0.9, lambda = 0, power = 2, adam = false }: Options,
  seen: (x: readonly number[]) => void = () => {},
): Rule {
  let [x, z]: (readonly number[] | undefined)[] = [];
  const v: number[] = [];
  let [largest, total] = [0, 0];
  return (y, g, t) => {
    const step = gamma(t - 1) * (warmup > 0 ? Math.min(1, t / warmup) : 1);
    largest = Math.max(largest, step);
    const weight = largest ** power;
    total += weight;
    const c = total > 0 ? weight / total : 0;
    const directions = g.map((gradient, i) => {
      v[i] = 0.999 * (v[i] ?? 0) + 0.001 * gradient ** 2;
      return adam ? gradient / (Math.sqrt(v[i] / (1 - 0.999 ** t)) + 1e-8) : gradient;
    });
    const fast = (z ?? y).map((value, i) => value - step * (directions[i] + lambda * y[i]));
    const average = (x ?? y).map((value, i) => (1 - c) * value + c * fast[i]);
    [x, z] = [average, fast];
    seen(average);
    return y.map((value, i) => beta * average[i] + (1 - beta) * fast[i] - value);
  };
}

testByHand(
  "schedule-free descent is the paper's",
  scheduleFreeSgd({ learningRate: 0.1 }),
  () => rule({ gamma: () => 0.1 }),
);
testByHand(
  "schedule-free descent warms up from its first step on, and decays",
  scheduleFreeSgd({ warmupSteps: 4, b1: 0.6, weightDecay: 0.1, weightLrPower: 1 }),
  () => rule({ gamma: () => 1, warmup: 4, beta: 0.6, lambda: 0.1, power: 1 }),
);
testByHand(
  "schedule-free descent at the fast iterate is descent",
  scheduleFreeSgd({ learningRate: 0.1, b1: 0 }),
  () => (_w, g) => g.map((gradient) => -0.1 * gradient),
);
const falling: Schedule = (count) => count === 0 ? 0 : 1 / count;
testByHand(
  "schedule-free descent takes schedules, from 0 too",
  scheduleFreeSgd({ learningRate: falling }),
  () => rule({ gamma: falling }),
);
testByHand(
  "schedule-free descent weighs each parameter's average by its own step size",
  scheduleFreeSgd({ learningRate: { b: falling, w: 0.1 } }),
  (tensor) => rule({ gamma: tensor === "b" ? falling : () => 0.1 }),
);
testByHand(
  "schedule-free AdamW is the paper's with the average corrected",
  scheduleFreeAdamw({ learningRate: 0.1, warmupSteps: 3, weightDecay: 0.1 }),
  () => rule({ gamma: () => 0.1, warmup: 3, lambda: 0.1, adam: true }),
);

Deno.test("the parameters to evaluate are the paper's average", () => {
  for (const backend of BACKENDS) {
    const opt = scheduleFreeSgd({ learningRate: 0.1, b1: { b: 0.9, w: 0.5 } }).with({ backend });
    const params = streamParams("float64");
    const state = opt.init(params);
    const averages: Record<string, readonly number[]> = {};
    const rules = {
      b: rule({ gamma: () => 0.1 }, (x) => averages.b = x),
      w: rule({ gamma: () => 0.1, beta: 0.5 }, (x) => averages.w = x),
    };
    for (let t = 1; t <= 6; t++) {
      const gradients = streamGradients("float64", t - 1);
      rules.b([...params.b], [...gradients.b], t);
      rules.w([...params.w.data], [...gradients.w.data], t);
      opt.step(params, gradients, state);
      const { b, w } = opt.evaluationParams(params, state);
      assertEquals(w.shape, [2, 3]);
      averages.b.forEach((x, i) => assert(Math.abs(b[i] - x) < 1e-14));
      averages.w.forEach((x, i) => assert(Math.abs(w.data[i] - x) < 1e-14));
    }
  }
});

Deno.test("before the first step, the parameters to evaluate are the parameters", () => {
  const params = { a: Float32Array.of(0.5, -3), b: [Float64Array.of(2)] };
  const opt = scheduleFreeAdamw({ b1: 0.5 });
  assertEquals(opt.evaluationParams(params, opt.init(params)), params);
});
