/** Hyperparameters while running: numbers, schedules, and what is written into `state.hyper`. */
import {
  adamw,
  constantSchedule,
  linearSchedule,
  type Optimizer,
  optimizer,
  schedule,
  sgd,
  type State,
} from "../../mod.ts";
import { assert, assertEquals } from "../assert.ts";
import { contents } from "../refused.ts";
import { backends } from "./backends.ts";
import { randomArray } from "./random.ts";

/** The learning rate that the next step of a descent uses: what it adds to 0 against a slope of -1. */
function rateOf(opt: Optimizer, state: State): number {
  const params = Float32Array.of(0);
  opt.step(params, Float32Array.of(-1), state);
  return params[0];
}

const start = (opt: Optimizer) => opt.init(Float32Array.of(0));

Deno.test("a schedule sees 0 at the first step, then 1, then 2", () => {
  const seen: number[] = [];
  const opt = sgd({ learningRate: (count) => (seen.push(count), 2 ** -count) });
  const state = start(opt);
  seen.length = 0;
  assertEquals([rateOf(opt, state), rateOf(opt, state), rateOf(opt, state)], [1, 0.5, 0.25]);
  assertEquals(seen, [0, 1, 2]);
});

Deno.test("a schedule in the language's own text sees the same as a function", () => {
  const opt = sgd({ learningRate: schedule("2^-count + 0*t") });
  const state = start(opt);
  assertEquals([rateOf(opt, state), rateOf(opt, state)], [1, 0.5]);
  state.count = 5;
  assertEquals(rateOf(opt, state), 2 ** -5);
});

Deno.test("a constant schedule steps as the number does, bit for bit", () => {
  const run = (opt: Optimizer) => {
    const params = randomArray(50, 1);
    const state = opt.init(params);
    for (let step = 0; step < 5; step++) opt.step(params, randomArray(50, 10 + step), state);
    return contents(params);
  };
  const [number, scheduled] = [
    adamw({ learningRate: 0.003, weightDecay: 0.01 }),
    adamw({
      learningRate: constantSchedule({ value: 0.003 }),
      weightDecay: () => 0.01,
      b1: () => 0.9,
    }),
  ];
  assertEquals(run(scheduled), run(number));
});

Deno.test("every hyperparameter may be scheduled", () => {
  const seen = new Map<string, number[]>();
  const spy = (name: string, value: number) => (count: number) => {
    seen.set(name, [...seen.get(name) ?? [], count]);
    return value;
  };
  const opt = adamw({
    learningRate: spy("learningRate", 0.1),
    b1: spy("b1", 0.9),
    b2: spy("b2", 0.99),
    eps: spy("eps", 1e-8),
    epsRoot: spy("epsRoot", 0),
    weightDecay: spy("weightDecay", 0.1),
  });
  const params = Float32Array.of(1);
  const state = opt.init(params);
  seen.clear();
  opt.step(params, Float32Array.of(1), state);
  opt.step(params, Float32Array.of(1), state);
  const names = ["b1", "b2", "eps", "epsRoot", "learningRate", "weightDecay"];
  assertEquals([...seen.keys()].sort(), names);
  for (const name of names) assertEquals(seen.get(name), [0, 1]);
});

Deno.test("the state holds the numbers from the beginning", () => {
  const state = start(sgd({ learningRate: 0.5, momentum: 0.25 }));
  assertEquals([state.hyper.learningRate, state.hyper.momentum], [0.5, 0.25]);
  assertEquals(Object.keys(state.hyper), []);
  assert(Deno.inspect(state).includes("learningRate: 0.5, momentum: 0.25"));
});

Deno.test("a number written into the state holds from the next step on", () => {
  const opt = sgd({ learningRate: 0.5 });
  const state = start(opt);
  assertEquals(rateOf(opt, state), 0.5);
  state.hyper.learningRate = 0.25;
  assertEquals([rateOf(opt, state), rateOf(opt, state)], [0.25, 0.25]);
  assertEquals(state.hyper.learningRate, 0.25);
  state.hyper.learningRate = 2;
  assertEquals(rateOf(opt, state), 2);
});

Deno.test("deleting a number returns to the one that the optimizer was made with", () => {
  const opt = sgd({ learningRate: 0.5 });
  const state = start(opt);
  state.hyper.learningRate = 0.25;
  assertEquals(rateOf(opt, state), 0.25);
  delete state.hyper.learningRate;
  assertEquals([rateOf(opt, state), rateOf(opt, state)], [0.5, 0.5]);
});

Deno.test("the state tells what the last step used after a number was deleted, too", () => {
  const opt = sgd({ learningRate: 0.5 });
  const state = start(opt);
  delete state.hyper.learningRate;
  assertEquals(rateOf(opt, state), 0.5);
  assertEquals(state.hyper.learningRate, 0.5);
});

Deno.test("the state tells what the last step used of a schedule", () => {
  const opt = sgd({ learningRate: (count) => 2 ** -count });
  const state = start(opt);
  for (const expected of [1, 0.5, 0.25]) {
    assertEquals(rateOf(opt, state), expected);
    assertEquals(state.hyper.learningRate, expected);
  }
});

Deno.test("what was not written follows from the optimizer and is not saved", () => {
  const opt = sgd({ learningRate: (count) => 2 ** -count, momentum: 0.5 });
  const state = start(opt);
  rateOf(opt, state);
  assertEquals([state.hyper.learningRate, state.hyper.momentum], [1, 0.5]);
  assertEquals(Object.keys(state.hyper), []);
  state.hyper.momentum = 0.25;
  assertEquals(JSON.parse(JSON.stringify(state.hyper)), { momentum: 0.25 });
  assertEquals(structuredClone(state.hyper), { momentum: 0.25 });
});

Deno.test("a number written over a schedule holds until it is deleted", () => {
  const opt = sgd({ learningRate: (count) => 2 ** -count });
  const state = start(opt);
  assertEquals(rateOf(opt, state), 1);
  state.hyper.learningRate = 8;
  assertEquals([rateOf(opt, state), rateOf(opt, state)], [8, 8]);
  assertEquals(state.hyper.learningRate, 8);
  assertEquals(Object.keys(state.hyper), ["learningRate"]);
  delete state.hyper.learningRate;
  assertEquals(rateOf(opt, state), 2 ** -3, "the schedule has gone on meanwhile");
  assertEquals(state.hyper.learningRate, 2 ** -3);
  assertEquals(Object.keys(state.hyper), []);
});

Deno.test("a number that is deleted uncovers nothing that a schedule gave before it", () => {
  const opt = sgd({ learningRate: (count) => 2 ** -count });
  const state = start(opt);
  rateOf(opt, state);
  state.hyper.learningRate = 8;
  rateOf(opt, state);
  delete state.hyper.learningRate;
  assert(state.hyper.learningRate !== 1, "it is what the last step but one used");
});

Deno.test("a number may be written over a schedule before the first step", () => {
  const opt = sgd({ learningRate: (count) => 2 ** -count });
  const state = start(opt);
  state.hyper.learningRate = 8;
  assertEquals(rateOf(opt, state), 8);
  delete state.hyper.learningRate;
  assertEquals(rateOf(opt, state), 0.5);
});

Deno.test("an overridden schedule is not asked", () => {
  const opt = sgd({ learningRate: (count) => count === 0 ? 1 : NaN });
  const state = start(opt);
  rateOf(opt, state);
  state.hyper.learningRate = 4;
  assertEquals(rateOf(opt, state), 4);
});

Deno.test("an update takes its numbers from the given state and hands them on", () => {
  const opt = sgd({ learningRate: (count) => 2 ** -count, momentum: 0.5 });
  const [params, grads] = [Float32Array.of(0), Float32Array.of(-1)];
  const state = start(opt);
  state.hyper.momentum = 0.25;
  const [first, second] = opt.update(grads, state, params);
  assertEquals(first, Float32Array.of(1));
  assertEquals([second.hyper.learningRate, second.hyper.momentum], [1, 0.25]);
  assertEquals([state.hyper.learningRate, state.hyper.momentum], [1, 0.25]);
  second.hyper.learningRate = 8;
  const [third, fourth] = opt.update(grads, second, params);
  assertEquals(third, Float32Array.of(8 * 1.25));
  assertEquals(fourth.hyper.learningRate, 8);
  second.hyper.momentum = 0;
  assertEquals([state.hyper.momentum, fourth.hyper.momentum], [0.25, 0.25]);
});

Deno.test("writing into a tree of a later state leaves the earlier one as it was", () => {
  const opt = sgd({ learningRate: { a: 1, b: 2 } });
  const params = { a: Float32Array.of(0), b: Float32Array.of(0) };
  const state = opt.init(params);
  const [, next] = opt.update(params, state, params);
  next.hyper.learningRate = { a: 8, b: 2 };
  const [, last] = opt.update(params, next, params);
  (last.hyper.learningRate as Record<string, number>).a = 4;
  assertEquals(next.hyper.learningRate, { a: 8, b: 2 });
  assertEquals(state.hyper.learningRate, { a: 1, b: 2 });
});

Deno.test("states of one optimizer have hyperparameters of their own", () => {
  const opt = sgd({ learningRate: 0.5 });
  const [one, other] = [start(opt), start(opt)];
  one.hyper.learningRate = 4;
  assertEquals([rateOf(opt, one), rateOf(opt, other)], [4, 0.5]);
});

Deno.test("an object of hyperparameters that was put in place of the state's is used", () => {
  const opt = sgd({ learningRate: (count) => 2 ** -count, momentum: 0.5 });
  const state = start(opt);
  rateOf(opt, state);
  state.hyper = { momentum: 0 };
  assertEquals(rateOf(opt, state), 0.5);
  assertEquals([state.hyper.learningRate, state.hyper.momentum], [0.5, 0]);
  state.hyper = Object.assign(Object.create(null), { learningRate: 4, momentum: 0 });
  assertEquals([rateOf(opt, state), rateOf(opt, state)], [4, 4]);
});

Deno.test("a number written over one changes what the very next step computes, bit for bit", () => {
  const run = (made: number, written?: number) => {
    const opt = adamw({
      learningRate: 0.01,
      b1: made,
      weightDecay: linearSchedule({
        initValue: 0,
        endValue: 1,
        transitionSteps: 4,
      }),
    });
    const params = randomArray(20, 1);
    const state = opt.init(params);
    if (written !== undefined) state.hyper.b1 = written;
    for (let step = 0; step < 4; step++) opt.step(params, randomArray(20, 10 + step), state);
    return contents([params, state.m, state.v]);
  };
  assertEquals(run(0.9, 0.8), run(0.8));
  assert(run(0.9) !== run(0.8));
});

Deno.test("an infinite hyperparameter is a number like any other", () => {
  const opt = sgd({ learningRate: Infinity });
  assertEquals(rateOf(opt, start(opt)), Infinity);
  const state = start(opt);
  state.hyper.learningRate = -Infinity;
  assertEquals(rateOf(opt, state), -Infinity);
});

for (const name of ["true", "false", "undefined", "null", "constructor", "structural", "keys"]) {
  for (const backend of backends) {
    Deno.test(`a hyperparameter named ${name} takes no other plan's place (${backend})`, () => {
      const opt = optimizer({
        name: "named",
        hyper: { [name]: 0 },
        step: `u = where(${name}*t > 2, 10*g, g)`,
      })().with({ backend });
      const params = Float32Array.of(0);
      const state = opt.init(params);
      opt.step(params, Float32Array.of(-1), state);
      assertEquals(params[0], -1);
      state.hyper[name] = 2;
      opt.step(params, Float32Array.of(-1), state);
      assertEquals(params[0], -11);
      delete state.hyper[name];
      opt.step(params, Float32Array.of(-1), state);
      assertEquals(params[0], -12);
    });
  }
}
