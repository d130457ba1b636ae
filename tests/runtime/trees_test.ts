/** Trees of parameters: whatever their form, every leaf is stepped as it would be alone. */
import { adamw, chain, clipByGlobalNorm, lion, type Optimizer, sgd } from "../../mod.ts";
import { assert, assertEquals } from "../assert.ts";
import { contents } from "../refused.ts";
import { backends } from "./backends.ts";
import { randomArray } from "./random.ts";

const descent = sgd({ learningRate: 0.5 }).with({ backend: "interpreter" });
/** One step of descent by 2, gradients made by `like`. */
const stepped = <P extends object>(params: P, gradients: P): P => {
  descent.step(params, gradients, descent.init(params));
  return params;
};

Deno.test("the whole tree may be one array", () => {
  assertEquals(stepped(Float32Array.of(1, 2), Float32Array.of(2, 4)), Float32Array.of(0, 0));
});

Deno.test("the whole tree may be one tensor", () => {
  const tensor = (...data: number[]) => ({ data: Float32Array.from(data), shape: [2, 1] });
  assertEquals(stepped(tensor(1, 2), tensor(2, 2)), tensor(0, 1));
});

Deno.test("a tensor may have no axes", () => {
  const tensor = (value: number) => ({ s: { data: Float32Array.of(value), shape: [] } });
  assertEquals(stepped(tensor(3), tensor(2)), tensor(2));
});

Deno.test("a tensor may have 32 axes", () => {
  const shape = Array.from({ length: 32 }, (_, axis) => axis === 31 ? 2 : 1);
  const tensor = (...data: number[]) => ({ data: Float32Array.from(data), shape });
  assertEquals(stepped(tensor(3, 4), tensor(2, 4)), tensor(2, 2));
});

Deno.test("trees are objects and lists to any depth", () => {
  const tree = (x: number) => ({
    a: [[Float32Array.of(x)], { b: { c: [Float32Array.of(2 * x), Float32Array.of(3 * x)] } }],
    d: {},
    e: [],
  });
  assertEquals(stepped(tree(2), tree(1)), tree(1.5));
});

Deno.test("branches named as the fields of a tensor are branches", () => {
  const tree = (x: number) => ({
    a: { data: Float32Array.of(x), shape: Float32Array.of(x) },
    b: { data: [Float32Array.of(x)], shape: [Float32Array.of(x)] },
    c: { data: Float32Array.of(x), shape: [Float32Array.of(x), Float32Array.of(x)] },
    d: { shape: Float32Array.of(x) },
  });
  assertEquals(stepped(tree(2), tree(1)), tree(1.5));
});

Deno.test("keys may be any text", () => {
  const keys = ["__proto__", "constructor", "toString", "", "a/b", "ключ", "10", "9", "length"];
  const tree = (x: number) =>
    Object.fromEntries(keys.map((key, i) => [key, Float32Array.of(x * (i + 1))]));
  const params = stepped(tree(2), tree(1));
  assertEquals(Object.keys(params), Object.keys(tree(2)));
  for (const [key, array] of Object.entries(tree(1.5))) {
    assertEquals(Object.getOwnPropertyDescriptor(params, key)?.value, array);
  }
  const opt = lion({ learningRate: 0.25, weightDecay: 0 }).with({ backend: "interpreter" });
  const [updates, state] = opt.update(tree(1), opt.init(tree(1)), tree(1));
  assertEquals(Object.keys(updates).sort(), [...keys].sort());
  assertEquals(Object.keys(state.m as object).sort(), [...keys].sort());
  assertEquals(Object.getOwnPropertyDescriptor(updates, "__proto__")?.value[0], -0.25);
  assert(Object.getPrototypeOf(updates) === Object.prototype);
});

Deno.test("objects without a prototype are trees", () => {
  const tree = (x: number): object => Object.assign(Object.create(null), { a: Float32Array.of(x) });
  const params = stepped(tree(2), tree(1)) as { a: Float32Array };
  assertEquals(params.a, Float32Array.of(1.5));
});

Deno.test("leaves may be empty", () => {
  const opt = chain(clipByGlobalNorm({ maxNorm: 5 }), adamw({ learningRate: 0.1 }))
    .with({ backend: "interpreter" });
  const tree = (x: number) => ({
    a: new Float32Array(0),
    b: { data: new Float32Array(0), shape: [0, 3] },
    c: Float32Array.of(x),
    d: new Float64Array(0),
  });
  const params = tree(1);
  const state = opt.init(params);
  for (let step = 0; step < 3; step++) opt.step(params, tree(2), state);
  const alone = { c: Float32Array.of(1) };
  const aloneState = opt.init(alone);
  for (let step = 0; step < 3; step++) opt.step(alone, { c: Float32Array.of(2) }, aloneState);
  assertEquals(params, { ...tree(0), c: alone.c });
  assertEquals(params.c[0] < 1, true);
});

Deno.test("a tree may have nothing but an empty leaf", () => {
  const opt = chain(clipByGlobalNorm({ maxNorm: 1 }), lion({ learningRate: 0.1 }))
    .with({ backend: "interpreter" });
  const params = new Float32Array(0);
  const state = opt.init(params);
  opt.step(params, new Float32Array(0), state);
  assertEquals(state.count, 1);
  assertEquals(state.m, new Float32Array(0));
});

for (const backend of backends) {
  Deno.test(`a thousand leaves are each stepped as they would be alone (${backend})`, () => {
    const opt = adamw({ learningRate: 0.01 }).with({ backend });
    const size = (i: number) => i % 7;
    const tree = (seed: number) =>
      Array.from({ length: 1000 }, (_, i) => ({ weight: randomArray(size(i), seed + i) }));
    const params = tree(1);
    const state = opt.init(params);
    for (let step = 0; step < 2; step++) opt.step(params, tree(5000 * step), state);
    for (const i of [0, 1, 6, 500, 999]) {
      const alone = randomArray(size(i), 1 + i);
      const aloneState = opt.init(alone);
      for (let step = 0; step < 2; step++) {
        opt.step(alone, randomArray(size(i), 5000 * step + i), aloneState);
      }
      assertEquals(params[i].weight, alone);
      assertEquals((state.v as typeof params)[i].weight, aloneState.v as Float32Array);
    }
  });

  Deno.test(`float64 parameters are computed in float64 (${backend})`, () => {
    const opt = sgd({ learningRate: 0.1, momentum: 0.9 }).with({ backend });
    const params = Float64Array.of(0.1, 1e300);
    const state = opt.init(params);
    opt.step(params, Float64Array.of(0.3, 1e200), state);
    opt.step(params, Float64Array.of(0.7, 1e-200), state);
    const first = 0.3 + 0.9 * 0;
    const second = 0.7 + 0.9 * first;
    assertEquals(params[0], 0.1 + -0.1 * first + -0.1 * second);
    assertEquals((state.m as Float64Array)[1], 1e-200 + 0.9 * 1e200);
    assert(state.m instanceof Float64Array);
  });

  Deno.test(`float32 and float64 leaves of one tree keep their types (${backend})`, () => {
    const opt = lion({ learningRate: 0.1, weightDecay: 0.01 }).with({ backend });
    const params = { a: Float32Array.of(0.3), b: Float64Array.of(0.3) };
    const state = opt.init(params);
    opt.step(params, { a: Float32Array.of(0.2), b: Float64Array.of(0.2) }, state);
    const { fround } = Math;
    const a = fround(0.3);
    assertEquals(params.b[0], 0.3 + -0.1 * (1 + 0.01 * 0.3));
    assertEquals(
      params.a[0],
      fround(a + fround(fround(-0.1) * fround(1 + fround(fround(0.01) * a)))),
    );
    const m = state.m as typeof params;
    assertEquals(m.b[0], 0.99 * 0 + (1 - 0.99) * 0.2);
    assertEquals(m.a[0], fround(fround(1 - 0.99) * fround(0.2)));
  });

  Deno.test(`a float64 norm over a mixed tree enters each leaf in its own type (${backend})`, () => {
    const opt = clipByGlobalNorm({ maxNorm: 1 }).with({ backend });
    const grads = { a: Float32Array.of(3), b: Float64Array.of(5) };
    const [updates] = opt.update(grads, opt.init(grads));
    const norm = Math.sqrt(34);
    assertEquals(updates.a[0], Math.fround(3 * Math.fround(1 / norm)));
    assertEquals(updates.b[0], 1 / norm * 5);
  });

  Deno.test(`the order of insertion of keys changes no bit (${backend})`, () => {
    const opt = chain(clipByGlobalNorm({ maxNorm: 0.1 }), lion({ learningRate: 0.01 }))
      .with({ backend });
    const run = (keys: readonly string[]) => {
      const tree = (seed: number) =>
        Object.fromEntries(
          keys.map((key) => [key, randomArray(1000, seed + 31 * key.charCodeAt(0))]),
        );
      const params = tree(1);
      const state = opt.init(tree(1));
      for (let step = 0; step < 3; step++) opt.step(params, tree(2 + step), state);
      const m = state.m as typeof params;
      return ["a", "b", "c", "d"].map((key) => contents([params[key], m[key]]));
    };
    const sorted = run(["a", "b", "c", "d"]);
    assertEquals(run(["d", "c", "b", "a"]), sorted);
    assertEquals(run(["b", "d", "a", "c"]), sorted);
  });

  Deno.test(`gradients and states may have their keys in any order (${backend})`, () => {
    const opt = sgd({ learningRate: 1, momentum: 0.5 }).with({ backend });
    const params = { a: Float32Array.of(1), b: Float32Array.of(2) };
    const state = opt.init(params);
    state.m = { b: Float32Array.of(4), a: Float32Array.of(2) };
    opt.step(params, { b: Float32Array.of(1), a: Float32Array.of(0) }, state);
    assertEquals(params, { a: Float32Array.of(0), b: Float32Array.of(-1) });
    assertEquals(state.m, { b: Float32Array.of(3), a: Float32Array.of(1) });
  });
}

Deno.test("a state mirrors bare arrays by bare arrays and tensors by tensors of their own", () => {
  const shape = [2, 1];
  const params = { a: new Float32Array(2), b: { data: new Float64Array(2), shape } };
  const state = lion({ learningRate: 0.1 }).init(params);
  const m = state.m as typeof params;
  assertEquals(m, { a: new Float32Array(2), b: { data: new Float64Array(2), shape: [2, 1] } });
  assert(m.b.shape !== shape, "the state's shape is the parameter's own list");
});

Deno.test("an optimizer steps views into larger buffers and nothing around them", () => {
  const opt: Optimizer = sgd({ learningRate: 1 });
  const buffer = new Float32Array(6).fill(5);
  const params = { a: buffer.subarray(1, 2), b: buffer.subarray(3, 5) };
  opt.step(params, { a: Float32Array.of(1), b: Float32Array.of(2, 3) }, opt.init(params));
  assertEquals(buffer, Float32Array.of(5, 4, 5, 3, 2, 5));
});
