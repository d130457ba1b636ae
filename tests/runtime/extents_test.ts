/** States kept for a tensor, for axes or for the tree, and what states begin with. */
import { type Document, factory, type Optimizer, parseProgram } from "../../mod.ts";
import { assert, assertEquals } from "../assert.ts";
import { backends } from "./backends.ts";
import { randomArray } from "./random.ts";

const make = (document: Omit<Document, "name">, options = {}): Optimizer =>
  factory(parseProgram({ name: "sketch", ...document }))(options);

const matrix = (...data: number[]) => ({ data: Float32Array.from(data), shape: [2, 3] });

for (const backend of backends) {
  Deno.test(`a state over the tensor is one number each (${backend})`, () => {
    const opt = make({
      hyper: { decay: 0.5 },
      state: { v: { over: "tensor" } },
      step: "v = decay*v + sum(g^2)\nu = -g/v",
    }).with({ backend });
    const params = { a: Float32Array.of(0, 0), b: matrix(0, 0, 0, 0, 0, 0) };
    const state = opt.init(params);
    const v = (a: number, b: number) => ({
      a: Float32Array.of(a),
      b: { data: Float32Array.of(b), shape: [1, 1] },
    });
    assertEquals(state.v, v(0, 0));
    const grads = { a: Float32Array.of(0, 2), b: matrix(1, 1, 1, 1, 2, 0) };
    opt.step(params, grads, state);
    assertEquals(state.v, v(4, 8));
    assertEquals(params.a, Float32Array.of(0, -0.5));
    assertEquals(params.b, matrix(-0.125, -0.125, -0.125, -0.125, -0.25, 0));
    const [updates, next] = opt.update(grads, state, params);
    assertEquals(next.v, v(6, 12));
    assertEquals(updates.a, Float32Array.of(-0, -2 / 6));
    assertEquals(state.v, v(4, 8));
  });

  Deno.test(`a state over the tree is one plain number (${backend})`, () => {
    const opt = make({
      state: { n: { init: 1, over: "tree" }, k: { over: "tree" } },
      step: "n = n + globalSum(g)\nk = k + 2\nu = -g/n",
    }).with({ backend });
    const params = { a: Float32Array.of(0, 0), b: matrix(0, 0, 0, 0, 0, 0) };
    const state = opt.init(params);
    assertEquals([state.n, state.k] as unknown[], [1, 0]);
    const grads = { a: Float32Array.of(1, 2), b: matrix(1, 1, 1, 1, 0, 0) };
    const [updates, next] = opt.update(grads, state, params);
    assertEquals([next.n, next.k] as unknown[], [8, 2]);
    assertEquals([state.n, state.k] as unknown[], [1, 0]);
    assertEquals(updates.a, Float32Array.of(-0.125, -0.25));
    opt.step(params, grads, state);
    opt.step(params, grads, state);
    assertEquals([state.n, state.k] as unknown[], [15, 4]);
    assertEquals(
      params.a,
      Float32Array.of(-0.125 - Math.fround(1 / 15), -0.25 - Math.fround(2 / 15)),
    );
  });

  Deno.test(`a state over axes keeps the others (${backend})`, () => {
    const opt = make({
      state: { r: { over: 1 }, c: { over: 0 }, l: { over: -1 }, b: { over: [0, 1] } },
      step: `
        r = r + sum(g, axis=1)
        c = c + max(g, axis=0)
        l = l + min(g, axis=-1)
        b = b + mean(g, axis=(0, 1))
        u = r + c + 8*l + 64*b
      `,
    }).with({ backend });
    const params = [matrix(0, 0, 0, 0, 0, 0)];
    const state = opt.init(params);
    assertEquals(state.r, [{ data: new Float32Array(2), shape: [2, 1] }]);
    assertEquals(state.c, [{ data: new Float32Array(3), shape: [1, 3] }]);
    opt.step(params, [matrix(1, 2, 3, 4, 5, 9)], state);
    assertEquals(state.r, [{ data: Float32Array.of(6, 18), shape: [2, 1] }]);
    assertEquals(state.c, [{ data: Float32Array.of(4, 5, 9), shape: [1, 3] }]);
    assertEquals(state.l, [{ data: Float32Array.of(1, 4), shape: [2, 1] }]);
    assertEquals(state.b, [{ data: Float32Array.of(4), shape: [1, 1] }]);
    const base = (i: number) => [6, 18][i] + 8 * [1, 4][i] + 256;
    const expected = [0, 1].flatMap((i) => [4, 5, 9].map((c) => base(i) + c));
    assertEquals(params, [matrix(...expected)]);
  });

  Deno.test(`a range of axes reduces what a tensor has of them (${backend})`, () => {
    const opt = make({
      state: { r: { over: "1:" }, c: { over: [":1", "2:"] }, l: { over: ":-1" } },
      step: `
        r = r + norm(g, axis=1:)
        c = c + max(g, axis=(:1, 2:))
        l = l + mean(g, axis=:-1)
        u = 0.25*r + 8*l + 64*where(rank > 1, c, 1)
      `,
    }).with({ backend });
    const cube = (...data: number[]) => ({ data: Float32Array.from(data), shape: [2, 1, 2] });
    const params = {
      scalar: { data: Float32Array.of(0), shape: [] },
      vector: Float32Array.of(0, 0),
      matrix: matrix(0, 0, 0, 0, 0, 0),
      cube: cube(0, 0, 0, 0),
    };
    const gradients = {
      scalar: { data: Float32Array.of(-2), shape: [] },
      vector: Float32Array.of(-4, 8),
      matrix: matrix(1, 2, 2, 4, 4, -2),
      cube: cube(3, 4, 6, 8),
    };
    const state = opt.init(params);
    opt.step(params, gradients, state);
    assertEquals(state.r, {
      scalar: { data: Float32Array.of(2), shape: [] },
      vector: Float32Array.of(4, 8),
      matrix: { data: Float32Array.of(3, 6), shape: [2, 1] },
      cube: { data: Float32Array.of(5, 10), shape: [2, 1, 1] },
    });
    assertEquals(state.c, {
      scalar: { data: new Float32Array(0), shape: [0] },
      vector: new Float32Array(0),
      matrix: { data: Float32Array.of(4, 4, 2), shape: [1, 3] },
      cube: { data: Float32Array.of(8), shape: [1, 1, 1] },
    });
    assertEquals(state.l, {
      scalar: { data: Float32Array.of(-2), shape: [] },
      vector: Float32Array.of(-4, 8),
      matrix: { data: Float32Array.of(2.5, 3, 0), shape: [1, 3] },
      cube: { data: Float32Array.of(4.5, 6), shape: [1, 1, 2] },
    });
    assertEquals(params, {
      scalar: { data: Float32Array.of(0.5 - 16 + 64), shape: [] },
      vector: Float32Array.of(1 - 32 + 64, 2 + 64 + 64),
      matrix: matrix(
        ...[0.75 + 20 + 256, 0.75 + 24 + 256, 0.75 + 128],
        ...[1.5 + 20 + 256, 1.5 + 24 + 256, 1.5 + 128],
      ),
      cube: cube(
        ...[1.25 + 36 + 512, 1.25 + 48 + 512],
        ...[2.5 + 36 + 512, 2.5 + 48 + 512],
      ),
    });
  });

  Deno.test(`axes by extent are each leaf's own; of equals the later is larger (${backend})`, () => {
    const opt = make({
      state: { r: { over: "largest" }, c: { over: "secondLargest" } },
      step: "r = sum(g, axis=largest)\nc = sum(g, axis=secondLargest)\nu = r + 16*c",
    }).with({ backend });
    const of = (shape: number[]) => ({
      data: Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => i + 1),
      shape,
    });
    const gradients = [of([2, 3]), of([3, 2]), of([2, 2]), of([2, 1, 3])];
    const params = gradients.map(({ data, shape }) => ({
      data: new Float32Array(data.length),
      shape,
    }));
    const state = opt.init(params);
    opt.step(params, gradients, state);
    assertEquals(state.r, [
      { data: Float32Array.of(6, 15), shape: [2, 1] },
      { data: Float32Array.of(9, 12), shape: [1, 2] },
      { data: Float32Array.of(3, 7), shape: [2, 1] },
      { data: Float32Array.of(6, 15), shape: [2, 1, 1] },
    ]);
    assertEquals(state.c, [
      { data: Float32Array.of(5, 7, 9), shape: [1, 3] },
      { data: Float32Array.of(3, 7, 11), shape: [3, 1] },
      { data: Float32Array.of(4, 6), shape: [1, 2] },
      { data: Float32Array.of(5, 7, 9), shape: [1, 1, 3] },
    ]);
    assertEquals(
      params[1].data,
      Float32Array.of(9 + 48, 12 + 48, 9 + 112, 12 + 112, 9 + 176, 12 + 176),
    );
  });

  Deno.test(`a narrow state is read old before it is assigned and new after (${backend})`, () => {
    const opt = make({
      state: { v: { init: 1, over: "tensor" } },
      step: "a = v*g\nv = v + sum(g)\nu = a + 16*v*g",
    }).with({ backend });
    const params = Float32Array.of(0, 0);
    opt.step(params, Float32Array.of(1, 2), opt.init(params));
    assertEquals(params, Float32Array.of(1 + 16 * 4, 2 + 32 * 4));
  });

  Deno.test(`states begin with numbers and with expressions of hyperparameters (${backend})`, () => {
    const opt = make({
      hyper: { start: 0.5, scale: "required" },
      state: {
        a: 3,
        b: "scale*2^start",
        c: { init: "1/scale", over: "tensor" },
        d: { init: "sqrt(scale)", over: "tree" },
        e: { over: "element" },
      },
      step: "u = g + a + b + c + d + e",
    }, { scale: 4, start: 2 }).with({ backend });
    const state = opt.init(Float32Array.of(7, 8));
    assertEquals(
      [state.a, state.b, state.c, state.d, state.e] as unknown[],
      [
        Float32Array.of(3, 3),
        Float32Array.of(16, 16),
        Float32Array.of(0.25),
        2,
        new Float32Array(2),
      ],
    );
  });

  Deno.test(`a state begins with the leaf's own hyperparameters (${backend})`, () => {
    const opt = make({
      hyper: { start: 0 },
      state: { a: "start", b: "start + w" },
      step: "u = g*a*b",
    }, { start: { x: 2, y: (count: number) => 3 + count } }).with({ backend });
    const state = opt.init({ x: Float32Array.of(1), y: Float32Array.of(1) });
    assertEquals(state.a, { x: Float32Array.of(2), y: Float32Array.of(3) });
    assertEquals(state.b, { x: Float32Array.of(3), y: Float32Array.of(4) });
  });

  Deno.test(`a state may begin as the parameter, in an array of its own (${backend})`, () => {
    const opt = make({ state: { z: "w" }, step: "z = z - 0.5*g\nu = z - w" }).with({ backend });
    const params = { a: Float32Array.of(1, -0, 1e-40), b: [Float64Array.of(0.1)] };
    const state = opt.init(params);
    const z = state.z as typeof params;
    assertEquals(z, { a: Float32Array.of(1, -0, 1e-40), b: [Float64Array.of(0.1)] });
    assert(z.a !== params.a && z.a.buffer !== params.a.buffer);
    opt.step(params, { a: Float32Array.of(1, 0, 0), b: [Float64Array.of(1)] }, state);
    assertEquals(params.a[0], 0.5);
    assertEquals(z.a[0], 0.5);
  });

  Deno.test(`what a state begins with is computed in the parameter's type (${backend})`, () => {
    const { fround } = Math;
    const step = "u = z";
    const wide = make({ hyper: { k: 0.1 }, state: { z: "k*w*w - k" }, step }).with({ backend });
    const w = randomArray(40, 1);
    const k = fround(0.1);
    const exact = w.map((x) => fround(fround(fround(k * x) * x) - k));
    assertEquals(wide.init(w).z, exact);
    const double = Float64Array.from(w);
    assertEquals(wide.init(double).z, double.map((x) => 0.1 * x * x - 0.1));
    assert(exact.some((x, i) => x !== fround(0.1 * w[i] * w[i] - 0.1)), "no number tells the two");
  });

  Deno.test(`what a state begins with is stored short where the state is (${backend})`, () => {
    const opt = make(
      { hyper: { k: 0.1 }, state: { m: "k*w + sign(w)" }, step: "u = m" },
      { muDtype: "bfloat16" },
    ).with({ backend });
    const w = Float32Array.of(0.3, -2);
    assertEquals(opt.init(w).m, {
      data: Uint16Array.of(0x3f84, 0xbf9a),
      shape: [2],
      dtype: "bfloat16",
    });
  });
}

Deno.test("the next value of a state that no statement assigns is the old one", () => {
  const opt = make({ state: { z: "w" }, step: "u = g*z" });
  const params = Float32Array.of(3);
  const state = opt.init(params);
  opt.step(params, Float32Array.of(1), state);
  opt.step(params, Float32Array.of(1), state);
  assertEquals([state.z, params] as unknown[], [Float32Array.of(3), Float32Array.of(9)]);
});

Deno.test("`t` is 1 and `count` 0 at the first step, and an update does not count on its own", () => {
  const opt = make({ step: "u = 10*t + count + 0*g" });
  const params = Float32Array.of(0);
  const state = opt.init(params);
  const first = opt.update(params, state)[0][0];
  assertEquals([first, opt.update(params, state)[0][0], state.count], [10, 10, 0]);
  opt.step(params, Float32Array.of(0), state);
  assertEquals([params[0], state.count], [10, 1]);
  opt.step(params, Float32Array.of(0), state);
  assertEquals(params[0], 10 + 21);
});
