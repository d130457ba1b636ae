/** Ordinary and resident arrays in one step, and steps that are repeated on trees that change. */
import {
  adamw,
  chain,
  clipByGlobalNorm,
  factory,
  GradusError,
  lion,
  type Optimizer,
  parseProgram,
  release,
  resident,
  schedule,
  sgd,
  type State,
  type StoredTensor,
  type Tensor,
} from "../../mod.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { randomArray } from "./random.ts";
import { assertSameBits } from "./same_bits.ts";

type Tree = Record<string, Float32Array | Float64Array>;

const make = (step: string, state: Record<string, unknown> = {}, hyper = {}) =>
  factory(parseProgram({ name: "made", hyper, state: state as Record<string, number>, step }));

const optimizers: Readonly<Record<string, Optimizer>> = {
  lion: lion({ learningRate: 0.1 }),
  "lion in bfloat16": lion({ learningRate: 0.1, muDtype: "bfloat16" }),
  "lion in 24 bits": lion({ learningRate: 0.1, muDtype: "bfloat16+8" }),
  "lion rounded stochastically": lion({
    learningRate: 0.1,
    muDtype: { dtype: "bfloat16", rounding: "stochastic" },
  }),
  "adamw in float16": adamw({ learningRate: 0.1, muDtype: "float16" }),
  "clipped adamw": chain(clipByGlobalNorm({ maxNorm: 1 }), adamw({ learningRate: 0.1 })),
  "a trust ratio": make(
    "m = 0.9*m + 0.1*g\nr = norm(w)/(norm(m) + 1)\ns = s + globalMax(g)\nu = -r*m - s*w/100",
    { m: 0, r: { init: 1, over: "tensor" }, s: { init: 0, over: "tree" } },
  )({}),
  "many states": make(
    "a=a+g\nb=b+2*a\nc=c+3*b\nd=d-4*c\ne=e+5*d\nf=f-6*e\nu=a+b+c+d+e+f",
    { a: 0, b: 0, c: 0, d: 0, e: 0, f: 0 },
  )({}),
};

/** Which trees live in WebAssembly memory. */
interface Places {
  readonly params: boolean;
  readonly gradients: boolean;
  readonly state: boolean;
}

const places: readonly Places[] = [0, 1, 2, 3, 4, 5, 6, 7].map((bits) => ({
  params: (bits & 1) > 0,
  gradients: (bits & 2) > 0,
  state: (bits & 4) > 0,
}));

/** A state whose arrays are ordinary, or in WebAssembly memory. */
function begun(opt: Optimizer, params: Tree, isResident: boolean): State {
  if (!isResident) return opt.init(ordinary(params));
  const placed = resident(ordinary(params));
  const state = opt.init(placed);
  release(placed);
  return state;
}

function ordinary(tree: Tree): Tree {
  return Object.fromEntries(Object.entries(tree).map(([key, array]) => [key, array.slice()]));
}

/** Holds some steps, with trees in all of `ways`, against the interpreter's on ordinary ones. */
function assertSteps(opt: Optimizer, tree: (seed: number) => Tree, ways: readonly Places[]): void {
  const definition = opt.with({ backend: "interpreter" });
  const expected = tree(1);
  const own = definition.init(expected);
  const steps = [1, 2, 3].map((step) => {
    const [updates, next] = definition.update(tree(10 * step), own, expected);
    definition.step(expected, tree(10 * step), own);
    return structuredClone({ updates, next: { ...next }, params: expected, state: { ...own } });
  });
  for (const where of ways) {
    const params = where.params ? resident(tree(1)) : tree(1);
    const state = begun(opt, tree(1), where.state);
    steps.forEach((after, i) => {
      const what = `${JSON.stringify(where)}: step ${i + 1}`;
      const ordinary = tree(10 * (i + 1));
      const gradients = where.gradients ? resident(ordinary) : ordinary;
      const [updates, next] = opt.update(gradients, state, params);
      assertSameBits(updates, after.updates, `${what}: updates`);
      assertSameBits({ ...next }, after.next, `${what}: next state`);
      opt.step(params, gradients, state);
      assertSameBits(params, after.params, `${what}: parameters`);
      assertSameBits({ ...state }, after.state, `${what}: state`);
      release(gradients);
    });
    release(params);
    release(state);
  }
  const numbers = Object.values(expected).flatMap((array) => Array.from(array.subarray(0, 100)));
  assert(numbers.some((x) => Number.isFinite(x) && x !== 0), "the numbers tell something");
}

for (const [name, opt] of Object.entries(optimizers)) {
  Deno.test(`${name}: ordinary and resident trees mix in every way`, () => {
    const tree = (seed: number): Tree => ({
      a: randomArray(5, seed),
      b: new Float32Array(0),
      c: randomArray(4_097, seed + 1),
      // More than the window holds of it at once.
      d: randomArray(20_001, seed + 2),
    });
    assertSteps(opt, tree, places);
  });
}

for (const opt of [optimizers["clipped adamw"], optimizers["a trust ratio"], optimizers.lion]) {
  Deno.test(`${opt.program.name}: float64 leaves beside float32 ones mix in every way`, () => {
    const tree = (seed: number): Tree => ({
      a: new Float64Array(randomArray(9, seed)).map((x) => x / 3),
      b: randomArray(4_099, seed + 1),
      c: new Float64Array(randomArray(20_003, seed + 2)).map((x) => x / 3),
    });
    assertSteps(opt, tree, places);
  });
}

Deno.test("many small leaves go through the window many times", () => {
  const sizes = Array.from({ length: 1_000 }, (_, i) => i % 7 === 6 ? 700 : i % 5);
  const tree = (seed: number): Tree =>
    Object.fromEntries(sizes.map((size, i) => [`p${i}`, randomArray(size, seed + i)]));
  for (const name of ["clipped adamw", "a trust ratio"]) {
    assertSteps(optimizers[name], tree, [places[6]]);
  }
});

Deno.test("leaves of one tree are some resident and some not", () => {
  for (const [name, opt] of Object.entries(optimizers)) {
    const definition = opt.with({ backend: "interpreter" });
    const leaf = (i: number, seed: number) => randomArray([5, 9_000, 4_096, 1][i % 4], seed + i);
    const tree = (seed: number) => Array.from({ length: 8 }, (_, i) => leaf(i, seed));
    const mixed = (seed: number, isPlaced: (i: number) => boolean) =>
      tree(seed).map((array, i) => isPlaced(i) ? resident([array])[0] : array);
    const params = mixed(1, (i) => i % 2 === 0);
    const expected = tree(1);
    const [state, own] = [opt.init(params), definition.init(expected)];
    for (let step = 1; step <= 3; step++) {
      const gradients = mixed(10 * step, (i) => (i >> 1) % 2 === 0);
      opt.step(params, gradients, state);
      definition.step(expected, tree(10 * step), own);
      release(gradients);
    }
    assertSameBits(params, expected, name);
    assertSameBits({ ...state }, { ...own }, name);
    release([params, state]);
  }
});

Deno.test("a program may need more working space than the window usually has", () => {
  const names = Array.from({ length: 24 }, (_, i) => `s${i}`);
  const step = names.map((name, i) => `${name} = ${name}/2 + ${i + 1}*g`).join("\n") +
    `\nu = ${names.join(" + ")}`;
  const state = Object.fromEntries(names.map((name) => [name, 0]));
  for (const opt of [make(step, state)({}), make(`${step} + norm(g)`, state)({})]) {
    const ways = [places[0], places[2], places[5]];
    assertSteps(opt, (seed) => ({ a: randomArray(10_000, seed), b: randomArray(3, seed) }), ways);
    assertSteps(opt, (seed) => ({ a: new Float64Array(randomArray(10_000, seed)) }), ways);
  }
});

Deno.test("a program of tens of thousands of operations runs", () => {
  const step = `x = g\n${`x = x${"*w".repeat(30)}\n`.repeat(900)}u = x`;
  const opt = make(step)({});
  for (const kind of [Float32Array, Float64Array]) {
    const params = kind.of(1, -1, 0.5, 1, 1);
    const gradients = kind.of(1, 2, 3, -4, 5);
    const [updates] = opt.update(gradients, opt.init(params), params);
    assertEquals(Array.from(updates), [1, 2, 0, -4, 5]);
  }
});

Deno.test("groups of leaves that need fewer phases do not count twice towards the tree", () => {
  const trust = make(
    "n = globalNorm(g)\ns = n\nu = -n*g + k*norm(n*w)",
    { s: { init: 0, over: "tree" } },
    { k: 1 },
  );
  const tree = (seed: number): Tree => ({
    a: randomArray(3, seed),
    b: randomArray(5_000, seed + 1),
  });
  for (const k of [{ a: 1, b: 0 }, { a: 0, b: 1 }, 1, 0]) {
    assertSteps(trust({ k }), tree, places);
  }
});

// What follows: the same trees again and again, in which something is another.

const twice = (backend: "wasm" | "js") => sgd({ learningRate: 1, momentum: 0.5 }).with({ backend });

for (const backend of ["wasm", "js"] as const) {
  Deno.test(`arrays that are put into the trees between steps are the ones used (${backend})`, () => {
    const opt = twice(backend);
    const params: Record<string, Float32Array> = { a: Float32Array.of(1), b: Float32Array.of(10) };
    const gradients = { a: Float32Array.of(1), b: Float32Array.of(1) };
    const state = opt.init(params);
    const momentum = Object.values(state).find((each) =>
      typeof each === "object" && each !== null && "a" in each
    ) as typeof params;
    for (let step = 0; step < 3; step++) opt.step(params, gradients, state);
    const old = { ...params };
    const kept = [old.a[0], old.b[0]];

    params.a = Float32Array.of(100);
    gradients.b = Float32Array.of(0);
    momentum.a = Float32Array.of(8);
    const b = momentum.b[0];
    opt.step(params, gradients, state);
    assertEquals([old.a[0], params.b[0], momentum.b[0]], [kept[0], kept[1] - b / 2, b / 2]);
    assertEquals([params.a[0], momentum.a[0]], [100 - 5, 5]);

    gradients.a[0] = 0;
    opt.step(params, gradients, state);
    assertEquals([params.a[0], momentum.a[0]], [95 - 2.5, 2.5]);
  });

  Deno.test(`arrays become resident and ordinary again between steps (${backend})`, () => {
    const opt = twice(backend);
    const params = { a: randomArray(1_000, 1), b: randomArray(5, 2) };
    const expected = { a: randomArray(1_000, 1), b: randomArray(5, 2) };
    const gradients = { a: randomArray(1_000, 3), b: randomArray(5, 4) };
    const same = { ...gradients };
    const definition = opt.with({ backend: "interpreter" });
    const [state, own] = [opt.init(params), definition.init(expected)];
    for (let step = 0; step < 8; step++) {
      gradients.a = randomArray(1_000, 10 + step);
      gradients.b.set(randomArray(5, 30 + step));
      [same.a, same.b] = [randomArray(1_000, 10 + step), randomArray(5, 30 + step)];
      if (step === 2) params.a = resident([params.a])[0];
      if (step === 4) params.b = resident([params.b])[0];
      if (step === 6) params.a = params.a.slice();
      opt.step(params, gradients, state);
      definition.step(expected, same, own);
      assertSameBits(params, expected, `step ${step}`);
      assertSameBits({ ...state }, { ...own }, `step ${step}`);
    }
    release(params);
  });

  Deno.test(`a tensor's data and shape are read anew at each step (${backend})`, () => {
    const opt = lion({ learningRate: 1, weightDecay: 0, b1: 0 }).with({ backend });
    const tensor = { data: Float32Array.of(1, 2, 3, 4), shape: [2, 2] };
    const params: { w: Tensor } = { w: tensor };
    const gradient = { data: Float32Array.of(1, 1, 1, 1), shape: [2, 2] };
    const state = opt.init(params);
    opt.step(params, { w: gradient }, state);
    const gradients = { w: gradient };
    opt.step(params, gradients, state);
    opt.step(params, gradients, state);
    gradient.data = Float32Array.of(-1, -1, 0, 1);
    opt.step(params, gradients, state);
    assertEquals(Array.from(tensor.data), [-1, 0, 0, 0]);
    tensor.data = Float32Array.of(7, 7, 7, 7);
    opt.step(params, gradients, state);
    assertEquals(Array.from(tensor.data), [8, 8, 7, 6]);
    tensor.shape[0] = 4;
    assertThrows(() => opt.step(params, gradients, state), GradusError, "must have a shape");
    tensor.shape[1] = 1;
    assertThrows(() => opt.step(params, gradients, state), GradusError, "have shape");
    assertEquals(Array.from(tensor.data), [8, 8, 7, 6]);
  });

  Deno.test(`leaves added, removed or of other lengths are noticed between steps (${backend})`, () => {
    const opt = lion({ learningRate: 1, weightDecay: 0, b1: 0 }).with({ backend });
    const params: Tree = { a: Float32Array.of(1), b: Float32Array.of(1) };
    const gradients: Tree = { a: Float32Array.of(1), b: Float32Array.of(1) };
    const state = opt.init(params);
    const step = () => opt.step(params, gradients, state);
    for (let i = 0; i < 3; i++) step();
    gradients.c = Float32Array.of(1);
    assertThrows(step, GradusError, "`c`");
    delete gradients.c;
    step();
    gradients.b = Float32Array.of(1, 1);
    assertThrows(step, GradusError, "shape");
    gradients.b = new Float64Array(1);
    assertThrows(step, GradusError, "float32");
    delete gradients.b;
    assertThrows(step, GradusError, "`b`");
    gradients.b = Float32Array.of(1);
    step();
    assertEquals([params.a[0], params.b[0], state.count], [-4, -4, 5]);
  });

  Deno.test(`another state for the same parameters is the one used (${backend})`, () => {
    const opt = twice(backend);
    const params = { a: Float32Array.of(0) };
    const gradients = { a: Float32Array.of(1) };
    const states = [opt.init(params), opt.init(params)];
    for (let step = 0; step < 6; step++) opt.step(params, gradients, states[step % 2]);
    // Each has moved by 1, 1.5 and 1.75.
    assertEquals([params.a[0], states[0].count, states[1].count], [-8.5, 3, 3]);
    const saved: State = structuredClone(states[0]);
    opt.step(params, gradients, saved);
    assertEquals([params.a[0], states[0].count, saved.count], [-8.5 - 1.875, 3, 4]);
  });

  Deno.test(`numbers written into a state's hyper hold in the next cached step (${backend})`, () => {
    const opt = twice(backend);
    const params = resident({ a: Float32Array.of(0), b: Float32Array.of(0) });
    const gradients = { a: Float32Array.of(1), b: Float32Array.of(1) };
    const state = opt.init(params);
    const moved = () => {
      const before = params.a[0];
      opt.step(params, gradients, state);
      assertEquals(params.a[0], params.b[0]);
      return params.a[0] - before;
    };
    state.hyper.momentum = 0.25;
    assertEquals([moved(), moved()], [-1, -1.25]);
    state.hyper.learningRate = 2;
    assertEquals(moved(), -2 * 1.3125);
    state.hyper.learningRate = 0;
    assertEquals(moved(), 0);
    state.hyper.learningRate = 16;
    state.hyper.momentum = 0;
    assertEquals([moved(), moved()], [-16, -16]);
    release(params);
    release(state);
  });

  Deno.test(`schedules go on in cached steps, and give way to what is written (${backend})`, () => {
    for (const learningRate of [(count: number) => 2 ** -count, schedule("2^(-count)")]) {
      const opt = sgd({ learningRate }).with({ backend });
      const params = { a: Float32Array.of(0) };
      const gradients = { a: Float32Array.of(1) };
      const state = opt.init(params);
      const moved = () => {
        const before = params.a[0];
        opt.step(params, gradients, state);
        return before - params.a[0];
      };
      assertEquals([moved(), moved(), moved()], [1, 0.5, 0.25]);
      state.hyper.learningRate = 8;
      assertEquals([moved(), moved()], [8, 8]);
      delete state.hyper.learningRate;
      assertEquals([moved(), moved()], [2 ** -5, 2 ** -6]);
      assertEquals(state.hyper.learningRate, 2 ** -6);
      state.count = 0;
      assertEquals([moved(), moved()], [1, 0.5]);
    }
  });

  Deno.test(`inputs are those of each step, and one left out is missed (${backend})`, () => {
    const opt = factory(parseProgram({
      name: "given",
      inputs: { value: "scalar" },
      step: "u = -value*g",
    }))().with({ backend });
    const params = { a: Float32Array.of(0) };
    const gradients = { a: Float32Array.of(1) };
    const state = opt.init(params);
    for (const value of [1, 2, 4]) opt.step(params, gradients, state, { value });
    assertEquals(params.a[0], -7);
    assertThrows(() => opt.step(params, gradients, state), GradusError, "`value`");
    assertEquals([params.a[0], state.count], [-7, 3]);
  });

  Deno.test(`a state frozen between steps is refused before anything changes (${backend})`, () => {
    const opt = twice(backend);
    const params = { a: Float32Array.of(0) };
    const gradients = { a: Float32Array.of(1) };
    const state = opt.init(params);
    for (let step = 0; step < 3; step++) opt.step(params, gradients, state);
    const before = structuredClone({ params, state });
    Object.freeze(state);
    assertThrows(() => opt.step(params, gradients, state), GradusError, "frozen");
    assertSameBits(structuredClone({ params, state }), before, "");
  });

  Deno.test(`arrays given away between steps are refused before anything changes (${backend})`, () => {
    const opt = twice(backend);
    const size = 50_000;
    const tree = () => ({ a: randomArray(size, 1), b: randomArray(size, 2) });
    for (const which of ["parameters", "gradients", "state"]) {
      const [params, gradients] = [tree(), tree()];
      const state = opt.init(params);
      for (let step = 0; step < 3; step++) opt.step(params, gradients, state);
      const [name] = Object.keys(state).filter((key) => !/optimizer|count|hyper/.test(key));
      const states = state[name] as typeof params;
      const { b } = which === "parameters" ? params : which === "gradients" ? gradients : states;
      const before = [params.a.slice(), states.a.slice(), state.count];
      structuredClone(b, { transfer: [b.buffer] });
      assertThrows(() => opt.step(params, gradients, state), GradusError, "transferred");
      assertSameBits([params.a, states.a, state.count], before, which);
    }
  });
}

Deno.test("a saved state of resident parameters goes on with ordinary arrays, and back", () => {
  const opt = adamw({ learningRate: 0.1, muDtype: "bfloat16" });
  const expected = { w: randomArray(9_001, 1) };
  const own = opt.init(expected);
  using params = resident({ w: randomArray(9_001, 1) });
  let state: State = opt.init(params);
  for (let step = 0; step < 6; step++) {
    const gradients = { w: randomArray(9_001, 10 + step) };
    opt.step(params, gradients, state);
    opt.step(expected, gradients, own);
    if (step === 2) {
      const m = state.m as { w: StoredTensor };
      const v = state.v as { w: Float32Array };
      const { data, shape, dtype } = m.w;
      state = { ...state, m: { w: { data: data.slice(), shape, dtype } }, v: { w: v.w.slice() } };
    }
  }
  assertSameBits({ ...params }, expected, "the parameters");
  assertSameBits({ ...state }, { ...own }, "the state");
});
