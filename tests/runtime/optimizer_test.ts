/** What every optimizer does, whatever its program: update, step in place, state. */
import {
  adamw,
  applyUpdates,
  chain,
  clipByGlobalNorm,
  factory,
  lion,
  type Optimizer,
  parseProgram,
  scheduleFreeSgd,
  sgd,
  warmupCosineDecaySchedule,
} from "../../mod.ts";
import { markOf } from "../../runtime/trees/state.ts";
import { assert, assertEquals } from "../assert.ts";
import { contents } from "../refused.ts";
import { backends } from "./backends.ts";
import { randomArray } from "./random.ts";

const parameters = () => ({
  bias: randomArray(5, 1),
  layers: [
    { weight: { data: randomArray(12, 2), shape: [3, 4] } },
    { weight: { data: new Float64Array(randomArray(6, 3)), shape: [6, 1] } },
  ],
});
type Parameters = ReturnType<typeof parameters>;

const gradients = (step: number): Parameters => ({
  bias: Float32Array.of(0, -0, 1e-40, -1e-40, 3e38 * (step % 2)),
  layers: [
    { weight: { data: randomArray(12, 100 + step), shape: [3, 4] } },
    { weight: { data: new Float64Array(randomArray(6, 200 + step)), shape: [6, 1] } },
  ],
});

const learningRate = warmupCosineDecaySchedule({
  initValue: 0,
  peakValue: 0.1,
  warmupSteps: 3,
  decaySteps: 10,
});

const optimizers: readonly [name: string, optimizer: Optimizer][] = [
  ["lion", lion({ learningRate: 0.01 })],
  ["lion, scheduled and masked", lion({ learningRate, mask: { bias: false, layers: true } })],
  ["lion with a bfloat16 moment", lion({ learningRate: 0.01, muDtype: "bfloat16" })],
  ["adamw", adamw({ learningRate: 0.01 })],
  [
    "adamw, Nesterov, with a float16 moment",
    adamw({
      learningRate: 0.01,
      nesterov: true,
      muDtype: "float16",
    }),
  ],
  ["sgd", sgd({ learningRate: 0.01 })],
  ["sgd with momentum", sgd({ learningRate: 0.01, momentum: 0.9 })],
  ["clipping, then adamw", chain(clipByGlobalNorm({ maxNorm: 1 }), adamw({ learningRate }))],
  ["lion, then clipping", chain(lion({ learningRate: 1 }), clipByGlobalNorm({ maxNorm: 0.1 }))],
  [
    "a program of reductions over axes, tensor and tree",
    factory(parseProgram({
      name: "sketch",
      state: { r: { over: -1 }, n: { over: "tensor" }, k: { over: "tree" }, z: "w" },
      step: `
        r = 0.5*r + mean(g^2, axis=-1)
        n = n + norm(w)
        k = k + 1
        z = z + g/k
        u = -0.01*g/(1 + sqrt(r) + n + globalNorm(z))
      `,
    }))(),
  ],
];

for (const [name, made] of optimizers) {
  for (const backend of backends) {
    const opt = made.with({ backend });

    Deno.test(`an update changes nothing that it is given: ${name} (${backend})`, () => {
      const params = parameters();
      let state = opt.init(params);
      for (let step = 0; step < 3; step++) {
        const grads = gradients(step);
        const before = contents([params, grads, state]);
        const [, next] = opt.update(grads, state, params);
        assertEquals(contents([params, grads, state]), before);
        state = next;
      }
    });

    Deno.test(`a step is an update that is applied, bit for bit: ${name} (${backend})`, () => {
      let params = parameters();
      let state = opt.init(params);
      const stepped = parameters();
      const steppedState = opt.init(stepped);
      for (let step = 0; step < 6; step++) {
        const [updates, next] = opt.update(gradients(step), state, params);
        params = applyUpdates(params, updates);
        state = next;
        opt.step(stepped, gradients(step), steppedState);
        assertEquals(contents(stepped), contents(params));
        assertEquals(contents(steppedState), contents(state));
        assertEquals(state.count, step + 1);
      }
      assert(contents(params) !== contents(parameters()), "nothing has moved");
    });
  }
}

Deno.test("an update that is structurally absent is one that is applied, bit for bit", () => {
  const opt = sgd({ learningRate: 0 });
  const params = Float32Array.of(-0, 0, 1);
  const grads = Float32Array.of(1, 1, 1);
  const [updates] = opt.update(grads, opt.init(params), params);
  const applied = applyUpdates(params, updates);
  opt.step(params, grads, opt.init(params));
  assertEquals(contents(params), contents(applied));
});

Deno.test("an update gives arrays of its own", () => {
  const opt = sgd({ learningRate: 1, momentum: 0.5 });
  const params = { a: Float32Array.of(1, 2) };
  const grads = { a: Float32Array.of(3, 4) };
  const state = opt.init(params);
  const [updates, next] = opt.update(grads, state, params);
  (next.m as typeof params).a.fill(7);
  updates.a.fill(7);
  assertEquals([params.a, grads.a], [Float32Array.of(1, 2), Float32Array.of(3, 4)]);
  assertEquals(state.m, { a: Float32Array.of(0, 0) });
});

Deno.test("an update needs no parameters where its program reads none", () => {
  const opt = sgd({ learningRate: 0.5 });
  const params = { a: Float32Array.of(1, 2) };
  const [updates, next] = opt.update({ a: Float32Array.of(3, 4) }, opt.init(params));
  assertEquals(updates, { a: Float32Array.of(-1.5, -2) });
  assertEquals(next.count, 1);
});

Deno.test("a step writes into the very arrays it is given", () => {
  const opt = sgd({ learningRate: 0.5, momentum: 0.5 });
  const params = { a: Float32Array.of(4) };
  const state = opt.init(params);
  const [a, m, hyper] = [params.a, (state.m as typeof params).a, state.hyper];
  opt.step(params, { a: Float32Array.of(1) }, state);
  opt.step(params, { a: Float32Array.of(1) }, state);
  assert(params.a === a && (state.m as typeof params).a === m && state.hyper === hyper);
  assertEquals(a, Float32Array.of(2.75));
  assertEquals(m, Float32Array.of(1.5));
});

Deno.test("a new state is a plain tree", () => {
  const opt = adamw({ learningRate: 0.1, weightDecay: 0 });
  assertEquals(
    structuredClone(
      opt.init({ a: [new Float32Array(2)], b: { data: new Float32Array(6), shape: [2, 3] } }),
    ),
    {
      optimizer: markOf(opt.program),
      count: 0,
      hyper: {},
      m: { a: [new Float32Array(2)], b: { data: new Float32Array(6), shape: [2, 3] } },
      v: { a: [new Float32Array(2)], b: { data: new Float32Array(6), shape: [2, 3] } },
    },
  );
});

Deno.test("descent without momentum keeps no state, with momentum one tensor", () => {
  const params = { a: new Float32Array(2) };
  const keys = (opt: Optimizer) => Object.keys(opt.init(params));
  assertEquals(keys(sgd({ learningRate: 0.1 })), ["optimizer", "count", "hyper"]);
  assertEquals(keys(sgd({ learningRate: 0.1, momentum: 0 })), ["optimizer", "count", "hyper"]);
  assertEquals(keys(sgd({ learningRate: 0.1, momentum: 0.9 })), [
    "optimizer",
    "count",
    "hyper",
    "m",
  ]);
  assertEquals(keys(sgd({ learningRate: 0.1, momentum: () => 0 })), [
    "optimizer",
    "count",
    "hyper",
    "m",
  ]);
});

Deno.test("inputs that a program does not declare are ignored", () => {
  const opt = sgd({ learningRate: 0.5 });
  const params = Float32Array.of(1);
  opt.step(params, Float32Array.of(1), opt.init(params), { value: "anything", w: NaN, g: NaN });
  assertEquals(params, Float32Array.of(0.5));
});

Deno.test("an input that a program declares is what the step is given", () => {
  const opt = factory(parseProgram({
    name: "polyak",
    inputs: { value: "scalar" },
    step: "u = -value*g/sum(g*g)",
  }))();
  const params = Float32Array.of(1, 1);
  const state = opt.init(params);
  opt.step(params, Float32Array.of(1, 1), state, { value: 0.5 });
  assertEquals(params, Float32Array.of(0.75, 0.75));
  opt.step(params, Float32Array.of(1, 1), state, { value: -1 });
  assertEquals(params, Float32Array.of(1.25, 1.25));
});

Deno.test("one optimizer steps two models in turn as two would", () => {
  const model = (size: number) => ({ a: randomArray(size, size), b: [randomArray(2, 9)] });
  const opt = adamw({ learningRate, mask: { a: true, b: false } });
  const models = [3, 4].map((size) => {
    const params = model(size);
    return { size, params, state: opt.init(params) };
  });
  for (let step = 0; step < 4; step++) {
    for (const { size, params, state } of models) {
      opt.step(params, { a: randomArray(size, step), b: [randomArray(2, step)] }, state);
    }
  }
  for (const { size, params, state } of models) {
    const alone = adamw({ learningRate, mask: { a: true, b: false } });
    const expected = model(size);
    const expectedState = alone.init(expected);
    for (let step = 0; step < 4; step++) {
      alone.step(
        expected,
        { a: randomArray(size, step), b: [randomArray(2, step)] },
        expectedState,
      );
    }
    assertEquals(contents([params, state]), contents([expected, expectedState]));
  }
});

Deno.test("one optimizer steps twenty models of twenty structures", () => {
  const opt = sgd({ learningRate: 0.5, momentum: 0.5 });
  const models = Array.from({ length: 20 }, (_, i) => {
    const params = { [`layer${i}`]: new Float32Array(i + 1).fill(4) };
    return { params, state: opt.init(params) };
  });
  for (let step = 0; step < 2; step++) {
    for (const { params, state } of models) {
      const [[key, array]] = Object.entries(params);
      opt.step(params, { [key]: new Float32Array(array.length).fill(1) }, state);
    }
  }
  models.forEach(({ params }, i) =>
    assertEquals(params, { [`layer${i}`]: new Float32Array(i + 1).fill(2.75) })
  );
});

for (const backend of backends) {
  Deno.test(`a gradient may be the parameter itself (${backend})`, () => {
    const opt = sgd({ learningRate: 0.25 }).with({ backend });
    const params = { a: Float32Array.of(4, -8) };
    opt.step(params, params, opt.init(params));
    assertEquals(params, { a: Float32Array.of(3, -6) });
  });

  // The game x·y: the gradient of each player is the other. Large ones do not pass at once.
  for (const size of [1, 100_000]) {
    const filled = (value: number) => new Float32Array(size).fill(value);

    Deno.test(`a gradient may be another parameter before the step: ${size} (${backend})`, () => {
      const opt = sgd({ learningRate: 0.5 }).with({ backend });
      const params = { x: filled(1), y: filled(2) };
      opt.step(params, { x: params.y, y: params.x }, opt.init(params));
      assertEquals([params.x[0], params.y[0]], [0, 1.5]);
      assert(params.x.every((x) => x === 0) && params.y.every((y) => y === 1.5));
    });

    Deno.test(`a gradient may be another's state before the step: ${size} (${backend})`, () => {
      const opt = sgd({ learningRate: 1, momentum: 0.5 }).with({ backend });
      const params = { x: filled(0), y: filled(0) };
      const state = opt.init(params);
      const m = state.m as typeof params;
      m.x.fill(2);
      m.y.fill(4);
      opt.step(params, { x: m.y, y: m.x }, state);
      assertEquals([m.x[0], m.y[0], params.x[0], params.y[0]], [5, 4, -5, -4]);
      assert(m.x.every((x) => x === 5) && m.y.every((y) => y === 4));
    });
  }
}

Deno.test("updates are added in the parameters' type and nothing given is changed", () => {
  const params = {
    a: Float32Array.of(16777216, 1, -0),
    b: [Float64Array.of(16777216, 0.1)],
    c: { data: Float32Array.of(0.1), shape: [1, 1] },
  };
  const updates = {
    a: Float32Array.of(1, 2 ** -25, 0),
    b: [Float64Array.of(1, 0.2)],
    c: { data: Float32Array.of(0.2), shape: [1, 1] },
  };
  const before = contents([params, updates]);
  assertEquals(applyUpdates(params, updates), {
    a: Float32Array.of(16777216, 1, 0),
    b: [Float64Array.of(16777217, 0.1 + 0.2)],
    c: { data: Float32Array.of(Math.fround(0.1) + Math.fround(0.2)), shape: [1, 1] },
  });
  assertEquals(contents([params, updates]), before);
});

Deno.test("an optimizer run in another way is another optimizer of the same settings", () => {
  const opt = lion({ learningRate: 0.1, muDtype: "float16" });
  const other = opt.with({ backend: "interpreter" });
  assert(other !== opt && other.program === opt.program);
  assertEquals([other.settings, other.storage], [opt.settings, opt.storage]);
});

Deno.test("new trees have their keys in the order of the parameters, which others may pair them by", () => {
  const orders = [["w", "b"], ["b", "w"]];
  const opt = scheduleFreeSgd({ learningRate: 1 });
  for (const [first, second] of [...orders, ...orders]) {
    const tree = () => ({ [first]: { inner: Float32Array.of(1) }, [second]: Float32Array.of(1) });
    const [params, gradients] = [tree(), tree()];
    const state = opt.init(params);
    const [updates, next] = opt.update(gradients, state, params);
    const made = {
      z: state.z as object,
      updates,
      next: next.z as object,
      evaluated: opt.evaluationParams(params, state),
      applied: applyUpdates(params, updates),
    };
    for (const [name, each] of Object.entries(made)) {
      assertEquals(Object.keys(each), [first, second], name);
    }
  }
});
