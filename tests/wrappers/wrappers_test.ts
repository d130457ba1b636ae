/** What wrappers promise, over generated gradients and on every backend. */
import {
  adamw,
  applyIfFinite,
  chain,
  clipByGlobalNorm,
  conditionallyTransform,
  dynamicLossScale,
  freeze,
  lion,
  lookahead,
  masked,
  multiSteps,
  type Optimizer,
  partition,
  schedule,
  sgd,
  type Tensor,
} from "../../mod.ts";
import { elaborate } from "../../dsl/graph.ts";
import { constant } from "../../dsl/node.ts";
import { formOf, guardsOf } from "../../runtime/plan/forms.ts";
import { assert, assertEquals } from "../assert.ts";
import { BACKENDS } from "../golden/replay.ts";
import { randomArray } from "../runtime/random.ts";

type Tree = { readonly a: Float32Array; readonly b: Tensor; readonly c: readonly Float32Array[] };

const tree = (seed: number): Tree => ({
  a: randomArray(37, seed),
  b: { data: randomArray(40, seed + 1), shape: [8, 5] },
  c: [randomArray(5, seed + 2), randomArray(4099, seed + 3)],
});

function run(opt: Optimizer, steps: number = 7, from: number = 0): { params: Tree; state: object } {
  const params = tree(1);
  const state = opt.init(params);
  for (let t = from; t < steps; t++) opt.step(params, tree(100 + 10 * t), state);
  return { params, state };
}

for (const backend of BACKENDS) {
  const on = (opt: Optimizer) => opt.with({ backend });

  Deno.test(`masks leave masked leaves untouched (${backend})`, () => {
    const mask = { a: true, b: false, c: [false, true] };
    const opt = on(chain(
      masked(adamw({ learningRate: 0.1 }), mask),
      freeze({ a: false, b: true, c: [true, false] }),
    ));
    const { params } = run(opt);
    const whole = run(on(adamw({ learningRate: 0.1 }))).params;
    assertEquals(params, { a: whole.a, b: tree(1).b, c: [tree(1).c[0], whole.c[1]] });
  });

  Deno.test(`a clip inside a mask sees only the leaves chosen (${backend})`, () => {
    const opt = on(masked(clipByGlobalNorm({ maxNorm: 1 }), { a: true, b: false }));
    const gradients = { a: Float32Array.of(3, 4), b: Float32Array.of(1e6) };
    const [updates] = opt.update(gradients, opt.init(gradients));
    assertEquals(updates.a, Float32Array.from([3 * Math.fround(0.2), 4 * Math.fround(0.2)]));
    assertEquals(updates.b, gradients.b);
  });

  Deno.test(`a partition is its parts (${backend})`, () => {
    const parts = { lion: lion({ learningRate: 0.01 }), rest: adamw({ learningRate: 0.1 }) };
    const { params, state } = run(on(partition(parts, { a: "rest", b: "lion", c: "rest" })));
    const [l, r] = [run(on(parts.lion)).params, run(on(parts.rest)).params];
    assertEquals(params, { a: r.a, b: l.b, c: r.c });
    const kept = state as Record<string, Tree>;
    assertEquals([kept.m_lion.a.length, kept.m_lion.b.data.length], [0, 40]);
    assertEquals([kept.v_rest.a.length, kept.v_rest.b.data.length], [37, 0]);
  });

  Deno.test(`k gradients are one step on their mean (${backend})`, () => {
    const inner = adamw({ learningRate: schedule("0.1/(count + 1)") });
    const opt = on(multiSteps(inner, { everyKSchedule: 2 }));
    const means = (t: number): Tree => {
      const [x, y] = [tree(100 + 20 * t), tree(110 + 20 * t)];
      const mean = (p: Float32Array, q: Float32Array) =>
        p.map((value, i) => Math.fround(value + Math.fround(Math.fround(q[i] - value) / 2)));
      return {
        a: mean(x.a, y.a),
        b: { data: mean(x.b.data as Float32Array, y.b.data as Float32Array), shape: [8, 5] },
        c: x.c.map((array, i) => mean(array, y.c[i])),
      };
    };
    const single = on(inner);
    const params = tree(1);
    const state = single.init(params);
    for (let t = 0; t < 3; t++) single.step(params, means(t), state);
    assertEquals(run(opt, 6).params, params);
    assertEquals(run(opt, 7).params, params, "a gradient that waits changes nothing");
    assertEquals((run(opt, 7).state as { miniStep: number }).miniStep, 1);
  });

  Deno.test(`wrappers may be within one another (${backend})`, () => {
    const every = (inner: Optimizer) => multiSteps(inner, { everyKSchedule: 2 });
    const parts = {
      x: every(sgd({ learningRate: 0.1, momentum: 0.9 })),
      y: lion({ learningRate: 0.01 }),
    };
    const opt = on(applyIfFinite(partition(parts, { a: "x", b: "y", c: "y" }), {
      maxConsecutiveErrors: 3,
    }));
    const { params } = run(opt);
    const [x, y] = [run(on(parts.x)).params, run(on(parts.y)).params];
    assertEquals(params, { a: x.a, b: y.b, c: y.c });
    const four = run(on(every(every(sgd({ learningRate: 1 })))), 4).params;
    const once = run(on(multiSteps(sgd({ learningRate: 1 }), { everyKSchedule: 4 })), 4).params;
    four.a.forEach((value, i) => assert(Math.abs(value - once.a[i]) < 1e-5));
  });

  Deno.test(`gradients that are not finite are refused, so many in a row (${backend})`, () => {
    const opt = on(applyIfFinite(sgd({ learningRate: 1 }), { maxConsecutiveErrors: 2 }));
    const params = { x: Float32Array.of(0), y: Float32Array.of(0) };
    const state = opt.init(params);
    const step = (x: number, y: number) => {
      opt.step(params, { x: Float32Array.of(x), y: Float32Array.of(y) }, state);
      return params.x[0];
    };
    assertEquals([step(1, 1), step(NaN, 1), step(1, Infinity), step(1, 1)], [-1, -1, -1, -2]);
    assertEquals([step(1, NaN), step(1, NaN)], [-2, -2]);
    assertEquals([step(1, NaN), params.y[0]], [-3, NaN], "the third is let through");
    assertEquals([state.notFiniteCount, state.totalNotFinite], [3, 5]);
  });

  Deno.test(`the scale of a loss is halved where gradients overflow, and grows where none do (${backend})`, () => {
    const inner = sgd({ learningRate: 1, momentum: 0.5 });
    const options = { initScale: 4, growthInterval: 3, backoffFactor: 0.25, growthFactor: 8 };
    const opt = on(dynamicLossScale(inner, options));
    const params = { x: Float32Array.of(0), y: Float32Array.of(0) };
    const state = opt.init(params);
    const seen = [1, NaN, 1, 1, -Infinity, Infinity, 1, 1, 1, 1].map((g) => {
      const scaled = Float32Array.of(g * (state.lossScale as number));
      opt.step(params, { x: Float32Array.of(1), y: scaled }, state);
      return [state.lossScale, params.y[0]];
    });
    // Momentum 1, 1.5, 1.75, … and the scale no less than 1.
    assertEquals(seen, [
      ...[[4, -1], [1, -1], [1, -2.5], [1, -4.25], [1, -4.25], [1, -4.25]],
      ...[[1, -6.125], [1, -8.0625], [8, -10.03125], [8, -12.015625]],
    ]);
    assertEquals(state.innerCount, 7);
  });

  Deno.test(`lookahead follows its published example (${backend})`, () => {
    const opt = on(lookahead(sgd({ learningRate: 0.5 }), { syncPeriod: 3, slowStepSize: 1 / 3 }));
    const x = Float64Array.of(3);
    const state = opt.init(x);
    const seen = [2, 2, 2, 2, 2, -2].map((g) => {
      opt.step(x, Float64Array.of(g), state);
      return Math.round(1e9 * x[0]) / 1e9;
    });
    assertEquals(seen, [2, 1, 2, 1, 0, Number((2 + (1 - 2) / 3).toFixed(9))]);
  });

  Deno.test(`a run saved and resumed is one never stopped, wrappers too (${backend})`, () => {
    const opt = on(conditionallyTransform(
      lookahead(
        chain(
          clipByGlobalNorm({ maxNorm: 1 }),
          multiSteps(adamw({ learningRate: schedule("0.1*0.9^count") }), { everyKSchedule: 2 }),
        ),
        { syncPeriod: 4, slowStepSize: 0.5, resetState: true },
      ),
      { shouldTransformFn: schedule("where(count - 3*floor(count/3) < 2, 1, 0)") },
    ));
    const whole = run(opt, 20);
    const params = tree(1);
    let state = opt.init(params);
    for (let t = 0; t < 20; t++) {
      if (t % 3 === 1) state = structuredClone({ ...state, hyper: { ...state.hyper } });
      opt.step(params, tree(100 + 10 * t), state);
    }
    assertEquals(params, whole.params);
  });
}

Deno.test("between its steps, what multiSteps wraps is not computed", () => {
  const inner = chain(clipByGlobalNorm({ maxNorm: 1 }), adamw({ learningRate: 0.1 }));
  const { program } = multiSteps(inner, { everyKSchedule: 4 });
  const structural = new Map([["useGradMean", constant(1)], ["nesterov", constant(0)]]);
  assertEquals(guardsOf(program, structural).length, 1);
  const waiting = formOf(program, { structural, guards: [false] });
  const whole = elaborate(program);
  assert(whole.states.get("m") !== waiting.states.get("m"));
  for (const name of ["m", "v"]) {
    const node = waiting.states.get(name)!;
    assertEquals([node.op, node.arg], ["Symbol", name]);
  }
  assertEquals([waiting.update.op, waiting.update.arg], ["Const", 0]);
});
