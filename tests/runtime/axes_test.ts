/** What varies over axes: reduced and broadcast in WebAssembly, at every rank, with the interpreter's bits. */
import fc from "fast-check";
import {
  type Document,
  factory,
  type Optimizer,
  optimizer,
  parseProgram,
  release,
  required,
  resident,
  type State,
  type StoredTensor,
  type Tensor,
} from "../../mod.ts";
import { allocateResident, Arena } from "../../runtime/trees/arena.ts";
import { store } from "../../runtime/trees/dtype.ts";
import { toOnnx } from "../../export/onnx/mod.ts";
import { assert, assertEquals } from "../assert.ts";
import { exactProgram } from "../dsl/generate.ts";
import { assertRefused } from "../refused.ts";
import { randomNumbers } from "./random.ts";
import { assertSameBits, type Compared } from "./same_bits.ts";
import { whereRun } from "./where.ts";

type Tree = Record<string, Tensor | StoredTensor>;
type Kind = "float32" | "float64";

const make = (step: string, state: Document["state"] = {}, options = {}) =>
  factory(parseProgram({ name: "made", state, step }))(options);

function tensor(shape: readonly number[], seed: number, kind: Kind = "float32"): Tensor {
  const next = randomNumbers(seed);
  const size = shape.reduce((a, b) => a * b, 1);
  const data = kind === "float32" ? new Float32Array(size) : new Float64Array(size);
  for (let i = 0; i < size; i++) data[i] = kind === "float32" ? next() : next() / 3;
  return { data, shape };
}

/** Holds two steps and an update against the interpreter's, and sees that they ran in WebAssembly. */
function assertSteps(opt: Optimizer, tree: (seed: number) => Tree, what: string): void {
  const definition = opt.with({ backend: "interpreter" });
  const expected = tree(1);
  const own = definition.init(expected);
  const after = [1, 2].map((step) => {
    const [updates, next] = definition.update(tree(10 * step), own, expected);
    definition.step(expected, tree(10 * step), own);
    return structuredClone({ updates, next: { ...next }, expected, own: { ...own } });
  });
  for (const isPlaced of [false, true]) {
    const place = (each: Tree) => isPlaced ? resident(each) : each;
    const params = place(tree(1));
    const state = opt.init(params);
    const where = whereRun(() => {
      after.forEach(({ updates, next, expected, own }, i) => {
        const gradients = place(tree(10 * (i + 1)));
        const made = opt.update(gradients, state, params);
        const at = `${what}${isPlaced ? ", resident" : ""}: step ${i + 1}`;
        assertSameBits([made[0], { ...made[1] }], [updates, next], `${at}: update`);
        opt.step(params, gradients, state);
        assertSameBits([params, { ...state }], [expected, own], at);
        release(gradients);
      });
    });
    assertEquals(where, { wasm: true, js: false }, what);
    release([params, state]);
  }
}

const SHAPES: Readonly<Record<number, readonly (readonly number[])[]>> = {
  1: [[1], [6], [4_099]],
  2: [[3, 8], [7, 3], [1, 9], [9, 1], [0, 3], [3, 0], [70, 123], [2, 4_099]],
  3: [[2, 5, 6], [3, 1, 7], [4, 3, 1], [2, 0, 3], [5, 31, 11]],
  4: [[2, 3, 4, 5], [3, 1, 2, 9], [1, 2, 1, 4], [3, 5, 3, 3]],
};

for (const [rank, shapes] of Object.entries(SHAPES)) {
  Deno.test(`any axes of ${rank} are reduced, kept and broadcast as defined`, () => {
    const subsets = 2 ** Number(rank) - 1;
    for (let bits = 1; bits <= subsets; bits++) {
      const axes = [0, 1, 2, 3].filter((axis) => bits & (1 << axis));
      // Other axes for another reduction in the same loop.
      const others = [0, 1, 2, 3].filter((axis) => ((bits % subsets) + 1) & (1 << axis));
      const [over, beside] = [axes, others].map((list) => `axis=(${list})`);
      const opt = make(
        `
        s = 0.5*s + mean(g^2, ${over})
        x = max(s, max(abs(g), ${over}))
        y = min(g, ${beside})*norm(w, ${beside})
        u = -0.1*g/(sqrt(s) + 1) + x*w - y*sum(x*g, ${over}) + 0.5*norm(y*g) + mean(s)
        `,
        { s: { over: axes } },
      );
      for (const shape of shapes) {
        for (const kind of ["float32", "float64"] as const) {
          const tree = (seed: number) => ({ a: tensor(shape, seed, kind) });
          assertSteps(opt, tree, `axes ${axes} of [${shape}] in ${kind}`);
        }
      }
    }
  });
}

const factored = optimizer({
  name: "factored",
  hyper: { learningRate: required },
  state: { r: { over: 1 }, c: { over: 0 } },
  step: `
    r = 0.9*r + (1 - 0.9)*mean(g^2, axis=1)
    c = 0.9*c + (1 - 0.9)*mean(g^2, axis=0)
    u = -learningRate*g/sqrt(r*c/mean(r) + 1e-30)
  `,
});
const cover = optimizer({
  name: "cover",
  hyper: { learningRate: required },
  state: { r: { over: 1 }, c: { over: 0 } },
  step: `
    v = min(r, c) + g^2
    r = max(v, axis=1)
    c = max(v, axis=0)
    u = -learningRate*where(v > 0, g/sqrt(v), 0)/max(1, norm(g)/globalNorm(w))
  `,
});

for (const opt of [factored({ learningRate: 0.1 }), cover({ learningRate: 0.1 })]) {
  const { name } = opt.program;
  Deno.test(`${name}: leaves of many shapes in one tree`, () => {
    const shapes = [...SHAPES[2], [300, 257], [4_096, 4], [5, 20_001]];
    const tree = (seed: number): Tree =>
      Object.fromEntries(shapes.map((shape, i) => [`p${i}`, tensor(shape, seed + i)]));
    assertSteps(opt, tree, name);
  });

  Deno.test(`${name} has the same bits for 1, 2, 3 and 8 threads`, async () => {
    const shapes = [[513, 300], [1, 5], [400, 401], [70_001, 3]];
    const tree = (seed: number): Tree =>
      Object.fromEntries(shapes.map((shape, i) => [`p${i}`, tensor(shape, seed + i)]));
    const trained = async (threads: number) => {
      const own = opt.with({ threads });
      using params = resident(tree(1));
      using gradients = resident(tree(2));
      using state = own.init(params);
      for (let step = 0; step < 4; step++) {
        own.step(params, gradients, state);
        // Time for the threads to start, and to take part in the later steps.
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      // A clone of what is in shared memory would share it too.
      return [params, state.r, state.c].map((each) =>
        Object.values(each as Tree).map(({ data }) => data.slice())
      );
    };
    const alone = await trained(1);
    for (const threads of [2, 3, 8]) {
      assertSameBits(await trained(threads), alone, `${threads} threads`);
    }
  });
}

Deno.test("states over axes are stored short and come back as they were", () => {
  const step = "m = 0.9*m + 0.1*mean(g, axis=-1); u = g - m";
  for (const muDtype of ["bfloat16", "float16"]) {
    for (const kind of ["float32", "float64"] as const) {
      const opt = make(step, { m: { over: -1 } }, { muDtype });
      const tree = (seed: number) => ({
        a: tensor([9, 7], seed, kind),
        b: tensor([3, 4, 2], seed),
      });
      assertSteps(opt, tree, `${muDtype} of ${kind}`);
    }
  }
});

Deno.test("what varies over axes meets random numbers and short parameters", () => {
  const opt = make(
    "n = normal(3); r = 0.9*r + mean((g + n)^2, axis=1); u = -0.1*(g + n)/sqrt(r) - 0.01*w*max(n, axis=0)",
    { r: { over: 1 } },
  );
  const stored = (shape: readonly number[], seed: number): StoredTensor => {
    const { data } = tensor(shape, seed);
    const short = new Uint16Array(data.length);
    data.forEach((x, i) => store("bfloat16", short, i, x));
    return { dtype: "bfloat16", data: short, shape };
  };
  const tree = (seed: number) => ({
    a: tensor([9, 7], seed),
    b: stored([70, 123], seed + 1),
    c: stored([5, 2_049], seed + 2),
    d: tensor([300, 30], seed + 3),
  });
  assertSteps(opt, tree, "drawn");
});

Deno.test("random programs over axes run in WebAssembly with the interpreter's bits", () => {
  const compared: Compared = { numbers: 0, finite: 0 };
  let overAxes = 0;
  const law = fc.property(
    exactProgram({ rank: 2 }),
    fc.constantFrom(...SHAPES[2], [2, 3, 5], [130, 67]),
    fc.nat(),
    ({ document }, shape, seed) => {
      const names = Object.entries(document.hyper ?? {});
      const options = names.flatMap(([name, value]) => value === "required" ? [[name, 0.5]] : []);
      const inputs = Object.fromEntries(
        Object.keys(document.inputs ?? {}).map((name) => [name, 2]),
      );
      const opt = factory(parseProgram(document))(Object.fromEntries(options));
      const run = (own: Optimizer) => {
        const params = { a: tensor(shape, seed) };
        const state: State = own.init(params);
        own.step(params, { a: tensor(shape, seed + 1) }, state, inputs);
        const updated = own.update({ a: tensor(shape, seed + 2) }, state, params, inputs);
        return [params, { ...state }, updated[0], { ...updated[1] }];
      };
      let made: unknown;
      const where = whereRun(() => made = run(opt));
      assertEquals(where, { wasm: true, js: false });
      assertSameBits(made, run(opt.with({ backend: "interpreter" })), "", compared);
      if (/axis=/.test(document.step)) overAxes++;
    },
  );
  fc.assert(law, { numRuns: 250, seed: 4, includeErrorInReport: true });
  assert(overAxes > 60, `only ${overAxes} programs reduce over axes`);
  const { finite, numbers } = compared;
  assert(finite > numbers / 3, `only ${finite} of ${numbers} numbers were finite`);
});

Deno.test("the last axis is reduced in four lanes, others in one", () => {
  // In float64, 1 beside 2^53 is lost: the sums tell what was added to what.
  const large = 2 ** 53;
  const row = Float64Array.of(large, 1, -large, 1, 0);
  const sums = (shape: number[], axis: number) => {
    const params = { a: { data: row, shape } };
    const opt = make(`u = sum(w, axis=${axis}) + 0*w`).with({ backend: "interpreter" });
    return opt.update(params, opt.init(params), params)[0].a.data[0];
  };
  // Lanes 0 and 2 cancel, and 1 and 3 are left; in turn, the 1 that meets the large number is lost.
  assertEquals([sums([1, 5], 1), sums([5, 1], 0)], [2, 1]);
});

Deno.test("what a memory has no room for beside the arrays is stepped outside it", () => {
  // A number a row and, for rows of two, more room for lanes than for the arrays themselves.
  const arena = Arena.of(0, false);
  const shape = [300_000, 2];
  const opt = make("r = 0.5*r + sum(g, axis=1); u = g/(r + 9)", { r: { over: 1 } });
  const definition = opt.with({ backend: "interpreter" });
  const tree = (seed: number) => ({ a: tensor(shape, seed) });
  const placed = (each: Tree) => ({ a: { data: allocateResident(each.a.data, arena), shape } });
  const params = placed(tree(1)) as Tree;
  params.a.data.set(tree(1).a.data);
  for (;;) {
    if (arena.allocate(1 << 20) === undefined) break;
  }
  const expected = tree(1);
  const [state, own] = [opt.init(tree(1)), definition.init(expected)];
  for (const seed of [2, 3]) {
    const where = whereRun(() => opt.step(params, tree(seed), state));
    assertEquals(where, { wasm: true, js: false });
    definition.step(expected, tree(seed), own);
  }
  assertSameBits([params, { ...state }], [expected, { ...own }], "");
});

Deno.test("groups that only JavaScript can run join their sums with those of the others", () => {
  // In float64, exp is no routine of WebAssembly.
  const opt = make(
    "m = 0.5*m + g; n = globalNorm(m); k = k + globalMax(m); u = -m/n - k*exp(-exp(m)*0)",
    { m: 0, k: { over: "tree" } },
  );
  const shapes = [[5], [40, 30], [3, 3, 3], [9_001]];
  const tree = (seed: number): Tree =>
    Object.fromEntries(
      shapes.map((shape, i) =>
        [`p${i}`, tensor(shape, seed + i, i % 2 === 0 ? "float64" : "float32")] as const
      ),
    );
  const definition = opt.with({ backend: "interpreter" });
  const [params, expected] = [tree(1), tree(1)];
  const [state, own] = [opt.init(params), definition.init(expected)];
  for (const seed of [10, 20, 30]) {
    const where = whereRun(() => opt.step(params, tree(seed), state));
    assertEquals(where, { wasm: true, js: true });
    definition.step(expected, tree(seed), own);
    const updated = opt.update(tree(seed), state, params);
    const defined = definition.update(tree(seed), own, expected);
    assertSameBits([params, { ...state }], [expected, { ...own }], `${seed}`);
    assertSameBits([updated[0], { ...updated[1] }], [defined[0], { ...defined[1] }], `${seed}`);
  }
});

Deno.test("short states of float64 parameters move only those to JavaScript", () => {
  const opt = make("m = 0.9*m + 0.1*g; u = -m/globalNorm(m)", { m: 0 }, { muDtype: "bfloat16" });
  const tree = (seed: number): Tree => ({
    a: tensor([5_000], seed),
    b: tensor([70], seed + 1, "float64"),
    c: tensor([7], seed + 2),
  });
  const definition = opt.with({ backend: "interpreter" });
  const [params, expected] = [resident(tree(1)), tree(1)];
  const [state, own] = [opt.init(params), definition.init(expected)];
  const where = whereRun(() => opt.step(params, tree(2), state));
  definition.step(expected, tree(2), own);
  assertEquals(where, { wasm: true, js: true });
  assertSameBits([params, { ...state }], [expected, { ...own }], "");
  release([params, state]);
});

for (const backend of ["wasm", "js", "interpreter"] as const) {
  Deno.test(`a tensor may have 32 axes, the first and the last as good as any (${backend})`, () => {
    const shape = [2, ...Array(30).fill(1), 3];
    const g = { data: Float32Array.of(1, 2, 3, 4, 5, 9), shape };
    const made = (step: string, state = {}) => {
      const opt = make(step, state).with({ backend });
      return Array.from(opt.update(g, opt.init(g))[0].data);
    };
    assertEquals(made("u = mean(g, axis=0)"), [2.5, 3.5, 6, 2.5, 3.5, 6]);
    assertEquals(made("u = mean(g, axis=31)"), [2, 2, 2, 6, 6, 6]);
    assertEquals(made("u = g - max(g, axis=:31)"), [-3, -3, -6, 0, 0, 0]);
    assertEquals(made("u = sum(g, axis=(0, 31)) + g"), [25, 26, 27, 28, 29, 33]);
    assertEquals(made("u = sum(g, axis=32:)"), [1, 2, 3, 4, 5, 9]);
    assertEquals(made("s = sum(g, axis=0)\nu = s - g", { s: { over: 0 } }), [4, 5, 9, 1, 2, 3]);
  });

  Deno.test(`a tensor of 33 axes is refused before anything is made of it (${backend})`, () => {
    const opt = make("u = mean(g, axis=0)").with({ backend });
    const params = { a: [{ data: Float32Array.of(1, 2), shape: [2, ...Array(32).fill(1)] }] };
    const says = "the tensor at `a/0` must have at most 32 axes: given one of 33";
    assertRefused(() => opt.init(params), `Cannot initialise "made": ${says}`);
    const flat = { a: [{ data: Float32Array.of(1, 2), shape: [2] }] };
    const state = opt.init(flat);
    assertRefused(() => opt.step(params, params, state), `Cannot step by "made": ${says}`);
    assertRefused(() => toOnnx(opt, params), `Cannot export "made" to ONNX: ${says}`);
    assertRefused(() => toOnnx(opt, { a: [params.a[0].shape] }), says);
  });
}

for (const backend of ["wasm", "js", "interpreter"] as const) {
  Deno.test(`what is reduced to the 32nd axis is read by what varies over more (${backend})`, () => {
    const shape = [2, ...Array(29).fill(1), 2, 2];
    const g = { data: Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8), shape };
    const opt = make("a = sum(g, axis=0)\nb = sum(a + g, axis=:31)\nu = a/b*g + max(a*b, axis=31)")
      .with({ backend });
    const b = [2 * (6 + 10) + 1 + 3 + 5 + 7, 2 * (8 + 12) + 2 + 4 + 6 + 8];
    const a = [6, 8, 10, 12];
    const f = Math.fround;
    const most = [0, 2].map((row) => Math.max(a[row] * b[0], a[row + 1] * b[1]));
    assertEquals(
      Array.from(opt.update(g, opt.init(g))[0].data),
      Array.from(g.data, (x, i) => f(f(f(a[i % 4] / b[i % 2]) * x) + most[(i % 4) >> 1])),
    );
  });
}
