/** Another device is one file: whatever runs on arrays runs on it, with the same bits. */
import {
  adamw,
  chain,
  clipByGlobalNorm,
  cosineDecaySchedule,
  lion,
  multiSteps,
  type Optimizer,
  scheduleFreeSgd,
  sgd,
} from "../../../mod.ts";
import { ruleOf } from "../../../runtime/step/rule.ts";
import { Step } from "../../../runtime/step/step.ts";
import { assert, assertEquals, assertThrows } from "../../assert.ts";
import { GradusError } from "../../../mod.ts";
import { list, ListDevice } from "./device.ts";

const optimizers: readonly Optimizer[] = [
  sgd({ learningRate: 0.5, momentum: 0.9 }),
  lion({ learningRate: cosineDecaySchedule({ initValue: 0.1, decaySteps: 5 }) }),
  chain(clipByGlobalNorm({ maxNorm: 1 }), adamw({ learningRate: { a: 0.1, b: 0.01 } })),
  multiSteps(adamw({ learningRate: 0.1 }), { everyKSchedule: 2 }),
];

for (const opt of optimizers) {
  Deno.test(`${opt.program.name} steps lists of numbers as it does arrays`, () => {
    const step = new Step(ruleOf(opt), new ListDevice());
    const params = { a: list(1, -2, 3), b: list(0.5) };
    const state = step.init(params, "Cannot begin");
    const arrays = { a: Float32Array.of(1, -2, 3), b: Float32Array.of(0.5) };
    const state32 = opt.init(arrays);
    for (let t = 1; t <= 5; t++) {
      const [a, b] = [[t, -1, 0.25 * t], [1 / 3]];
      step.step(params, { a: list(...a), b: list(Math.fround(b[0])) }, state, {}, "Cannot step");
      opt.step(arrays, { a: Float32Array.from(a), b: Float32Array.from(b) }, state32);
      assertEquals([params.a.numbers, params.b.numbers], [[...arrays.a], [...arrays.b]]);
      assertEquals(state.count, state32.count);
      assertEquals(Object.keys(state), Object.keys(state32));
      for (const name in state32.hyper) assertEquals(state.hyper[name], state32.hyper[name]);
    }
    assert(arrays.a[0] !== 1, "nothing has moved");
    assertEquals([params.a.uses, params.b.uses], [5, 5]);
  });
}

Deno.test("what is evaluated of lists of numbers is what is evaluated of arrays", () => {
  const opt = scheduleFreeSgd({ learningRate: 0.1, b1: { a: 0.5, b: 0.9 } });
  const step = new Step(ruleOf(opt), new ListDevice());
  const params = { a: list(1, -2, 3), b: list(0.5) };
  const arrays = { a: Float32Array.of(1, -2, 3), b: Float32Array.of(0.5) };
  const [state, state32] = [step.init(params, "Cannot begin"), opt.init(arrays)];
  for (let t = 0; t < 3; t++) {
    step.step(params, { a: list(1, t, -1), b: list(2) }, state, {}, "Cannot step");
    opt.step(arrays, { a: Float32Array.of(1, t, -1), b: Float32Array.of(2) }, state32);
  }
  const { a, b } = step.evaluate(params, state, "Cannot evaluate") as typeof params;
  const wanted = opt.evaluationParams(arrays, state32);
  assertEquals([a.numbers, b.numbers], [[...wanted.a], [...wanted.b]]);
  assert(wanted.a[0] !== arrays.a[0]);
  assertEquals(params.a.numbers, [...arrays.a]);
});

Deno.test("lists that have no gradient are not handed over", () => {
  const opt = chain(clipByGlobalNorm({ maxNorm: 1 }), sgd({ learningRate: 1, momentum: 0.5 }));
  const step = new Step(ruleOf(opt), new ListDevice());
  const params = { a: list(0), b: list(0), c: list(0) };
  const state = step.init(params, "Cannot begin");
  const gradients = { b: list(3), c: list(4) };
  step.step(params, gradients, state, {}, "Cannot step", { missing: "skip" });
  assertEquals([params.a, params.b, params.c].map(({ uses }) => uses), [0, 1, 1]);
  assertEquals((state.m as typeof params).a.uses, 0);
  assertEquals(params.b.numbers, [Math.fround(-0.6)]);
});

Deno.test("what is checked of a step is checked on any device", () => {
  const opt = sgd({ learningRate: 1, momentum: 0.5 });
  const step = new Step(ruleOf(opt), new ListDevice());
  const params = { a: list(1) };
  const state = step.init(params, "Cannot begin");
  const refused = (gradients: object, from: object, ...parts: string[]) =>
    assertThrows(
      () => step.step(params, gradients, from as typeof state, {}, "Cannot step"),
      GradusError,
      ...parts,
    );
  refused({ a: list(1, 2) }, state, "gradients at `a` must have shape [1]", "given [2]");
  refused({ b: list(1) }, state, "`a` is missing");
  refused({ a: list(1) }, { ...state, count: -1 }, "`count` must be a whole number");
  refused({ a: list(1) }, Object.freeze({ ...state }), "must not be frozen");
  assertEquals(params.a.numbers, [1]);
});
