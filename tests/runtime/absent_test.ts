/** What is 0 for good is taken out of a program; what only happens to be 0 is computed with. */
import { adamw, type HyperValue, lion, type Mask, type Optimizer, sgd } from "../../mod.ts";
import { assertEquals } from "../assert.ts";
import { contents } from "../refused.ts";
import { backends } from "./backends.ts";
import { randomArray } from "./random.ts";

const infinite = () => ({
  a: Float32Array.of(Infinity, -Infinity, 1),
  b: Float32Array.of(Infinity),
});
const slope = () => ({ a: Float32Array.of(1, 1, 1), b: Float32Array.of(1) });

const makers: readonly [
  name: string,
  make: (options: {
    weightDecay: HyperValue;
    mask?: Mask;
  }) => Optimizer,
][] = [
  ["lion", (options) => lion({ learningRate: 0.5, ...options })],
  ["adamw", (options) => adamw({ learningRate: 0.5, eps: 0, ...options })],
];

for (const [name, make] of makers) {
  const stepped = (
    options: { weightDecay: HyperValue; mask?: Mask },
    written?: HyperValue,
  ) => {
    const opt = make(options).with({ backend: "interpreter" });
    const params = infinite();
    const state = opt.init(params);
    if (written !== undefined) state.hyper.weightDecay = written as number;
    opt.step(params, slope(), state);
    return params;
  };
  const harmless = { a: Float32Array.of(Infinity, -Infinity, 0.5), b: Float32Array.of(Infinity) };
  const harmful = { a: Float32Array.of(NaN, NaN, 0.5), b: Float32Array.of(NaN) };

  Deno.test(`without weight decay infinite parameters stay: ${name}`, () => {
    assertEquals(stepped({ weightDecay: 0 }), harmless);
    assertEquals(stepped({ weightDecay: -0 }), harmless);
    assertEquals(stepped({ weightDecay: { a: 0, b: 0 } }), harmless);
  });

  Deno.test(`a mask keeps infinite parameters from decay: ${name}`, () => {
    assertEquals(stepped({ weightDecay: 0.5, mask: false }), harmless);
    assertEquals(stepped({ weightDecay: () => 0, mask: false }), harmless);
    assertEquals(stepped({ weightDecay: () => 0, mask: { a: false, b: true } }), {
      a: harmless.a,
      b: harmful.b,
    });
  });

  Deno.test(`a schedule that gives 0 is computed with: ${name}`, () => {
    assertEquals(stepped({ weightDecay: () => 0 }), harmful);
    assertEquals(stepped({ weightDecay: { a: () => 0, b: 0 } }), {
      a: harmful.a,
      b: harmless.b,
    });
  });

  Deno.test(`a 0 written over a number is computed with: ${name}`, () => {
    assertEquals(stepped({ weightDecay: 0.5 }, 0), harmful);
  });

  Deno.test(`a 0 written as part of a tree is computed with: ${name}`, () => {
    assertEquals(stepped({ weightDecay: { a: 0.5, b: 0.5 } }, { a: 0, b: 0 }), harmful);
    assertEquals(stepped({ weightDecay: 0.5 }, { a: 0, b: 0 }), harmful);
    const [mixed] = [stepped({ weightDecay: 0.5 }, { a: 0, b: 0.5 })];
    assertEquals(mixed.a, harmful.a);
  });

  Deno.test(`a weight decay written over 0 holds: ${name}`, () => {
    const run = (made: number, written?: number) => {
      const opt = make({ weightDecay: made }).with({ backend: "interpreter" });
      const params = randomArray(30, 1);
      const state = opt.init(params);
      if (written !== undefined) state.hyper.weightDecay = written;
      for (let step = 0; step < 3; step++) opt.step(params, randomArray(30, 2 + step), state);
      return contents([params, state.m]);
    };
    assertEquals(run(0, 0.25), run(0.25));
    assertEquals(run(0, 0), run(0));
  });
}

for (const backend of backends) {
  Deno.test(`a learning rate that is 0 for good leaves parameters as they are (${backend})`, () => {
    const opt = lion({ learningRate: 0, weightDecay: 0.5 }).with({ backend });
    const params = Float32Array.of(Infinity, NaN, -0, 3);
    const state = opt.init(params);
    opt.step(params, Float32Array.of(NaN, 1, 1, 1), state);
    assertEquals(params, Float32Array.of(Infinity, NaN, -0, 3));
    assertEquals((state.m as Float32Array)[3], Math.fround(1 - 0.99), "the state still moves");
    state.hyper.learningRate = 0.5;
    opt.step(params, Float32Array.of(1, 1, 1, 1), state);
    assertEquals(params[3], 3 - 0.5 * (1 + 0.5 * 3));
  });

  Deno.test(`a momentum of 0 and one that a schedule gives as 0 agree (${backend})`, () => {
    const run = (momentum: HyperValue) => {
      const opt = sgd({ learningRate: 0.5, momentum, nesterov: true }).with({ backend });
      const params = randomArray(30, 1);
      const state = opt.init(params);
      for (let step = 0; step < 3; step++) opt.step(params, randomArray(30, 2 + step), state);
      return params;
    };
    assertEquals(run(() => 0), run(0));
  });

  Deno.test(`a leaf without momentum is stepped beside one with it (${backend})`, () => {
    const opt = sgd({ learningRate: 1, momentum: { a: 0.5, b: 0 } }).with({ backend });
    const params = { a: Float32Array.of(0), b: Float32Array.of(0) };
    const state = opt.init(params);
    const grads = { a: Float32Array.of(-1), b: Float32Array.of(-1) };
    opt.step(params, grads, state);
    opt.step(params, grads, state);
    assertEquals(params, { a: Float32Array.of(2.5), b: Float32Array.of(2) });
    assertEquals((state.m as typeof params).a, Float32Array.of(-1.5));
    state.hyper.momentum = 0.5;
    opt.step(params, grads, state);
    assertEquals(params.a, Float32Array.of(2.5 + 1.75));
  });
}
