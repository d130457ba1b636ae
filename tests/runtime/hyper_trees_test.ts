/** Hyperparameters that differ between the leaves of a tree: tree-prefixes, and masks. */
import {
  adamw,
  type HyperValue,
  lion,
  type Mask,
  type Optimizer,
  sgd,
  type State,
} from "../../mod.ts";
import { assertEquals, assertThrows } from "../assert.ts";
import { contents } from "../refused.ts";
import { backends } from "./backends.ts";
import { randomArray } from "./random.ts";

const tree = (fill: number) => ({
  a: Float32Array.of(fill),
  b: [Float32Array.of(fill), Float32Array.of(fill)],
  c: { x: Float32Array.of(fill), y: Float32Array.of(fill) },
});

/** The rates that the next step of a descent uses: a, b/0, b/1, c/x, c/y. */
function ratesOf(opt: Optimizer, state: State): number[] {
  const params = tree(0);
  opt.step(params, tree(-1), state);
  return [params.a[0], params.b[0][0], params.b[1][0], params.c.x[0], params.c.y[0]];
}

const descent = (learningRate: HyperValue) => {
  const opt = sgd({ learningRate });
  return { opt, state: opt.init(tree(0)) };
};

Deno.test("a tree of numbers gives each leaf its own, a branch's to all below it", () => {
  const { opt, state } = descent({ a: 1, b: [2, 4], c: 8 });
  assertEquals(ratesOf(opt, state), [1, 2, 4, 8, 8]);
  assertEquals(state.hyper.learningRate, { a: 1, b: [2, 4], c: 8 });
});

Deno.test("a tree may mix numbers and schedules", () => {
  const { opt, state } = descent({
    a: 1,
    b: [(count) => 2 + count, 4],
    c: { x: (count) => 2 ** -count, y: 16 },
  });
  assertEquals(ratesOf(opt, state), [1, 2, 4, 1, 16]);
  assertEquals(ratesOf(opt, state), [1, 3, 4, 0.5, 16]);
  assertEquals(state.hyper.learningRate, { a: 1, b: [3, 4], c: { x: 0.5, y: 16 } });
});

Deno.test("a tree of one number steps as the number does, bit for bit", () => {
  const run = (weightDecay: HyperValue) => {
    const opt = adamw({ learningRate: 0.01, weightDecay });
    const params = { a: randomArray(9, 1), b: randomArray(9, 2) };
    const state = opt.init(params);
    for (let step = 0; step < 4; step++) {
      opt.step(params, { a: randomArray(9, 3 + step), b: randomArray(9, 13 + step) }, state);
    }
    return contents([params, state.m, state.v]);
  };
  assertEquals(run({ a: 0.1, b: 0.1 }), run(0.1));
  assertEquals(run({ a: () => 0.1, b: 0.1 }), run(0.1));
});

Deno.test("two trees cut the parameters as each will", () => {
  const opt = sgd({
    learningRate: { a: 1, b: 2, c: { x: 4, y: 8 } },
    momentum: {
      a: 0.5,
      b: [0.25, 0.125],
      c: 0.5,
    },
  });
  const state = opt.init(tree(0));
  assertEquals(ratesOf(opt, state), [1, 2, 2, 4, 8]);
  assertEquals(ratesOf(opt, state), [1.5, 2.5, 2.25, 6, 12]);
});

Deno.test("a number may be written over a tree", () => {
  const { opt, state } = descent({ a: 1, b: [2, 4], c: 8 });
  state.hyper.learningRate = 0.5;
  assertEquals(ratesOf(opt, state), [0.5, 0.5, 0.5, 0.5, 0.5]);
  delete state.hyper.learningRate;
  assertEquals(ratesOf(opt, state), [1, 2, 4, 8, 8]);
});

Deno.test("a tree may be written over a number", () => {
  const { opt, state } = descent(0.5);
  state.hyper.learningRate = { a: 1, b: [2, 4], c: 8 };
  assertEquals(ratesOf(opt, state), [1, 2, 4, 8, 8]);
  assertEquals(ratesOf(opt, state), [1, 2, 4, 8, 8]);
  assertEquals(state.hyper.learningRate, { a: 1, b: [2, 4], c: 8 });
  state.hyper.learningRate = 0.25;
  assertEquals(ratesOf(opt, state), [0.25, 0.25, 0.25, 0.25, 0.25]);
});

Deno.test("a tree may be written over a schedule, and deleted", () => {
  const { opt, state } = descent((count) => 2 ** -count);
  state.hyper.learningRate = { a: 1, b: 2, c: { x: 4, y: 8 } };
  assertEquals(ratesOf(opt, state), [1, 2, 2, 4, 8]);
  delete state.hyper.learningRate;
  assertEquals(ratesOf(opt, state), [0.5, 0.5, 0.5, 0.5, 0.5]);
});

Deno.test("a tree may be written that cuts across the one before", () => {
  const { opt, state } = descent({ a: 1, b: 2, c: { x: 4, y: 8 } });
  state.hyper.learningRate = { a: 1, b: [16, 32], c: 64 };
  assertEquals(ratesOf(opt, state), [1, 16, 32, 64, 64]);
});

Deno.test("two trees may be written that cut across each other", () => {
  const opt = sgd({ learningRate: 0.5, momentum: 0.5 });
  const state = opt.init(tree(0));
  state.hyper.learningRate = { a: 1, b: 2, c: { x: 4, y: 8 } };
  state.hyper.momentum = { a: 0.5, b: [0.25, 0.125], c: 0.5 };
  assertEquals(ratesOf(opt, state), [1, 2, 2, 4, 8]);
  assertEquals(ratesOf(opt, state), [1.5, 2.5, 2.25, 6, 12]);
});

Deno.test("a tree of numbers is written as a whole, since its leaves are the optimizer's", () => {
  const { opt, state } = descent({ a: 1, b: [2, 4], c: 8 });
  assertThrows(
    () => (state.hyper.learningRate as { b: number[] }).b[1] = 32,
    TypeError,
    "read only",
  );
  state.hyper.learningRate = { a: 1, b: [2, 32], c: 8 };
  assertEquals(ratesOf(opt, state), [1, 2, 32, 8, 8]);
  assertEquals(state.hyper.learningRate, { a: 1, b: [2, 32], c: 8 });
  assertEquals(ratesOf(opt, opt.init(tree(0))), [1, 2, 4, 8, 8], "another state is not touched");
});

Deno.test("one leaf of a written tree may be written again", () => {
  const { opt, state } = descent(0.5);
  const written = { a: 1, b: 2, c: 4 };
  state.hyper.learningRate = written;
  assertEquals(ratesOf(opt, state), [1, 2, 2, 4, 4]);
  written.b = 8;
  assertEquals(ratesOf(opt, state), [1, 8, 8, 4, 4]);
});

Deno.test("one leaf of a tree with schedules may be written, or else refuses it", () => {
  const { opt, state } = descent({ a: (count) => 2 ** -count, b: 2, c: 4 });
  assertEquals(ratesOf(opt, state), [1, 2, 2, 4, 4]);
  let isRefused = false;
  try {
    (state.hyper.learningRate as Record<string, number>).b = 32;
  } catch {
    isRefused = true;
  }
  const b = isRefused ? 2 : 32;
  assertEquals(ratesOf(opt, state).slice(1), [b, b, 4, 4]);
});

const decayed = (opt: Optimizer) => {
  const params = tree(1);
  opt.step(params, tree(0), opt.init(params));
  return [params.a[0], params.b[0][0], params.b[1][0], params.c.x[0], params.c.y[0]];
};

const masks: readonly [name: string, mask: Mask, expected: number[]][] = [
  ["true", true, [0.75, 0.75, 0.75, 0.75, 0.75]],
  ["false", false, [1, 1, 1, 1, 1]],
  ["a tree", { a: true, b: [false, true], c: { x: true, y: false } }, [0.75, 1, 0.75, 0.75, 1]],
  ["a prefix", { a: false, b: true, c: false }, [1, 0.75, 0.75, 1, 1]],
  ["a function", () => ({ a: false, b: true, c: false }), [1, 0.75, 0.75, 1, 1]],
  [
    "a function of the parameters",
    (params: ReturnType<typeof tree>) => ({ a: params.a.length === 1, b: false, c: true }),
    [0.75, 1, 1, 0.75, 0.75],
  ],
];

for (const [name, mask, expected] of masks) {
  for (const backend of backends) {
    Deno.test(`weight decay may be limited by a mask that is ${name} (${backend})`, () => {
      const opt = lion({ learningRate: 0.5, weightDecay: 0.5, mask }).with({ backend });
      assertEquals(decayed(opt), expected);
    });
  }
}

Deno.test("a mask limits a tree and a schedule of weight decay too", () => {
  const weightDecay = { a: 0.5, b: () => 1, c: { x: 0.25, y: 0.5 } };
  const mask = { a: false, b: [true, false], c: true };
  assertEquals(decayed(lion({ learningRate: 0.5, weightDecay, mask })), [1, 0.5, 1, 0.875, 0.75]);
});

Deno.test("a mask function is called once a structure", () => {
  const given: unknown[] = [];
  const mask = (params: unknown) => (given.push(params), true);
  const opt = lion({ learningRate: 0.5, mask });
  const params = tree(1);
  const state = opt.init(params);
  for (let step = 0; step < 3; step++) opt.step(params, tree(0), state);
  opt.update(tree(0), state, params);
  assertEquals(given.length, 1);
  assertEquals(given[0] === params, true);
  opt.init([Float32Array.of(1)]);
  assertEquals(given.length, 2);
});

Deno.test("no mask, a mask of all and one of none step as what they stand for, bit for bit", () => {
  const run = (weightDecay: number, mask?: Mask) => {
    const opt = lion({ learningRate: 0.01, weightDecay, ...(mask === undefined ? {} : { mask }) });
    const params = { a: randomArray(9, 1), b: randomArray(9, 2) };
    const state = opt.init(params);
    for (let step = 0; step < 4; step++) {
      opt.step(params, { a: randomArray(9, 3 + step), b: randomArray(9, 13 + step) }, state);
    }
    return contents([params, state.m]);
  };
  assertEquals(run(0.1, true), run(0.1));
  assertEquals(run(0.1, { a: true, b: true }), run(0.1));
  assertEquals(run(0.1, false), run(0));
  assertEquals(run(0.1, { a: false, b: false }), run(0));
});

Deno.test("a masked leaf stays masked when weight decay is written into the state", () => {
  const opt = lion({ learningRate: 0.5, weightDecay: 0.5, mask: { a: false, b: true, c: true } });
  const params = tree(1);
  const state = opt.init(params);
  state.hyper.weightDecay = 1;
  opt.step(params, tree(0), state);
  assertEquals([params.a[0], params.b[0][0]], [1, 0.5]);
  state.hyper.weightDecay = { a: 1, b: [1, 0.5], c: 1 };
  opt.step(params, tree(0), state);
  assertEquals([params.a[0], params.b[0][0], params.b[1][0]], [1, 0.25, 0.375]);
});

Deno.test("parts whose paths are the same when joined are still two parts", () => {
  const tree = (a: number, b: number) => ({
    "a/b": { x: Float32Array.of(a) },
    a: { b: { y: Float32Array.of(b) } },
  });
  const opt = sgd({ learningRate: { "a/b": 1, a: { b: 2 } } });
  const params = tree(0, 0);
  opt.step(params, tree(1, 1), opt.init(params));
  assertEquals(params, tree(-1, -2));
});

Deno.test("what a state inherits of a tree cannot be written into", () => {
  const learningRate = { a: 0.5, b: [0.25] };
  const opt = sgd({ learningRate });
  const params = { a: Float32Array.of(1), b: [Float32Array.of(1)] };
  const state = opt.init(params);
  for (let step = 0; step < 2; step++) {
    const used = state.hyper.learningRate as typeof learningRate;
    assertEquals(used, learningRate);
    assertThrows(() => used.a = 1, TypeError);
    assertThrows(() => used.b[0] = 1, TypeError);
    opt.step(params, structuredClone(params), state);
  }
});

Deno.test("a tree that was given as an option stays the caller's", () => {
  const learningRate = { a: 1, b: [2, 4], c: 8 };
  const opt = sgd({ learningRate });
  const state = opt.init(tree(0));
  opt.step(tree(0), tree(0), state);
  learningRate.b[1] = 16;
  assertEquals(learningRate, { a: 1, b: [2, 16], c: 8 });
  assertEquals(state.hyper.learningRate, { a: 1, b: [2, 4], c: 8 });
});
