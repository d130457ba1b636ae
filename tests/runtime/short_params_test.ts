/** Parameters that are stored short: a float32 master copy takes every step, the parameter is it, rounded. */
import {
  adamw,
  applyUpdates,
  chain,
  clipByGlobalNorm,
  explain,
  freeze,
  lion,
  multiSteps,
  type Optimizer,
  optimizer,
  required,
  resident,
  sgd,
  type State,
  type StoredTensor,
  type Tensor,
} from "../../mod.ts";
import { tensorOf } from "../../runtime/trees/leaf.ts";
import { allocate, type DType, isShort, load, storeAll } from "../../runtime/trees/dtype.ts";
import { blockOf } from "../../runtime/trees/arena.ts";
import { assert, assertEquals } from "../assert.ts";
import { backends } from "./backends.ts";
import { randomNumbers } from "./random.ts";
import { assertSameBits } from "./same_bits.ts";

const SIZES = [0, 1, 3, 4, 5, 4097];
const SHORT = ["bfloat16", "float16"] as const;

type Leaf = Tensor | StoredTensor;
type Tree = Record<string, Leaf>;

function leafOf(dtype: DType, numbers: ArrayLike<number>): Leaf {
  const data = allocate(dtype, numbers.length);
  storeAll(dtype, data, (i) => numbers[i]);
  return tensorOf(data, [data.length], dtype) as Leaf;
}

/** The type that a leaf's numbers have. */
function typeOf(leaf: Leaf): DType {
  if ("dtype" in leaf) return leaf.dtype;
  return leaf.data instanceof Float64Array ? "float64" : "float32";
}

function numbersOf(leaf: Leaf): number[] {
  return Array.from(leaf.data, (_, i) => load(typeOf(leaf), leaf.data, i));
}

function mapTree(tree: Tree, change: (leaf: Leaf) => Leaf): Tree {
  return Object.fromEntries(Object.entries(tree).map(([key, leaf]) => [key, change(leaf)]));
}

/** The same numbers as float32, where they are stored short. */
const widened = (tree: Tree) =>
  mapTree(tree, (leaf) => isShort(typeOf(leaf)) ? leafOf("float32", numbersOf(leaf)) : leaf);

/** Leaves of all types, of `size` and of other sizes. */
function treeOf(size: number, seed: number): Tree {
  const next = randomNumbers(seed);
  const some = (dtype: DType, n: number) => leafOf(dtype, Array.from({ length: n }, next));
  return {
    a: some("bfloat16", size),
    b: some("float16", size),
    c: some("float32", size),
    d: some("float64", 3),
    e: some("bfloat16", 7),
  };
}

const accumulate = optimizer({
  name: "accumulate",
  hyper: { learningRate: required },
  step: "u = -learningRate*g",
});

const newton = optimizer({ name: "newton", inputs: { h: "element" }, step: "u = -g/h" })();

const trust = optimizer({
  name: "trust",
  state: { m: 0, z: "w", r: { over: "tensor" }, n: { over: "tree" } },
  step: `
    m = 0.5*m + g
    r = norm(w)
    n = n + globalNorm(g)
    z = 0.75*z + 0.25*w
    u = -0.01*m*r/(1 + n) + 0.125*(z - w)
  `,
});

const optimizers: readonly (readonly [name: string, opt: Optimizer])[] = [
  ["lion", lion({ learningRate: 0.01, weightDecay: 0.1 })],
  ["clip and adamw", chain(clipByGlobalNorm({ maxNorm: 1 }), adamw({ learningRate: 0.01 }))],
  ["reductions and a state that starts as w", trust({})],
  ["two gradients a step", multiSteps(adamw({ learningRate: 0.01 }), { everyKSchedule: 2 })],
  [
    "frozen leaves",
    chain(
      sgd({ learningRate: 0.1, momentum: 0.9 }),
      freeze({ a: true, b: false, c: true, d: false, e: false }),
    ),
  ],
];

for (const backend of backends) {
  Deno.test(`a step too small for the type moves the parameter in the end (${backend})`, () => {
    // 1 + 100,000/2^20 is 12.2 units of bfloat16 above 1, and 97.7 units of float16.
    for (
      const [dtype, one, end] of [["bfloat16", 0x3f80, 0x3f8c], [
        "float16",
        0x3c00,
        0x3c62,
      ]] as const
    ) {
      const opt = accumulate({ learningRate: 2 ** -20 }).with({ backend });
      const params = { w: leafOf(dtype, [1, -1]) };
      const gradients = { w: leafOf(dtype, [-1, 1]) };
      const state = opt.init(params);
      assertEquals(params.w.data, Uint16Array.of(one, one | 0x8000));
      opt.step(params, gradients, state);
      assertEquals(params.w.data, Uint16Array.of(one, one | 0x8000));
      for (let step = 1; step < 100_000; step++) opt.step(params, gradients, state);
      const exact = 1 + 100_000 / 2 ** 20;
      assertEquals((state.master as Tree).w.data, Float32Array.of(exact, -exact));
      assertEquals(params.w.data, Uint16Array.of(end, end | 0x8000));
    }
  });

  Deno.test(`small updates are in the master copy until the parameter shows them (${backend})`, () => {
    // A unit above 1 is 2^-7, and half of one is a tie, which goes to the even 1.
    const opt = accumulate({ learningRate: 2 ** -9 }).with({ backend });
    let params: Tree = { w: leafOf("bfloat16", [1]) };
    let state = opt.init(params);
    const seen: number[] = [];
    for (let step = 0; step < 6; step++) {
      const [updates, next] = opt.update({ w: leafOf("float32", [-1]) }, state, params);
      seen.push(updates.w.data[0]);
      assertEquals(updates, { w: { data: updates.w.data as Float32Array, shape: [1] } });
      params = applyUpdates(params, updates);
      state = next;
    }
    assertEquals(seen, [-0, -0, 2 ** -7, -0, -0, 2 ** -7]);
    assertEquals(numbersOf((state.master as Tree).w), [1 + 6 * 2 ** -9]);
    // 1 + 1.5 units: the tie between 1 and 2 units goes to the even 2.
    assertEquals(numbersOf(params.w), [1 + 2 ** -6]);
  });

  Deno.test(`a parameter that overflows its type is infinite, its copy is not (${backend})`, () => {
    const opt = accumulate({ learningRate: 1 }).with({ backend });
    const params = { w: leafOf("float16", [65_504, 0]) };
    const state = opt.init(params);
    const [updates] = opt.update({ w: leafOf("float32", [-16, -1e-9]) }, state, params);
    assertEquals(numbersOf(applyUpdates(params, updates).w), [Infinity, 0]);
    opt.step(params, { w: leafOf("float32", [-16, -1e-9]) }, state);
    assertEquals(numbersOf(params.w), [Infinity, 0]);
    const [none] = opt.update({ w: leafOf("float32", [0, 0]) }, state, params);
    assertEquals(numbersOf(applyUpdates(params, none).w), [Infinity, 0]);
    opt.step(params, { w: leafOf("float32", [16, 0]) }, state);
    assertEquals(numbersOf(params.w), [65_504, 0]);
    assertEquals(numbersOf((state.master as Tree).w), [65_504, Math.fround(1e-9)]);
  });

  for (const [name, opt] of optimizers) {
    for (const way of ["staged", "resident"] as const) {
      Deno.test(`${name}: ${way} master copies step as float32 parameters do (${backend})`, () => {
        for (const size of SIZES) {
          const runner = opt.with({ backend });
          const place = <T extends object>(tree: T) => way === "resident" ? resident(tree) : tree;
          const given = treeOf(size, size + 1);
          const params = place(structuredClone(given));
          const state = runner.init(params);
          let [free, freeState] = [structuredClone(given), runner.init(given)];
          const wide = widened(given);
          const wideState: State = opt.with({ backend: "interpreter" }).init(wide);
          for (let step = 0; step < 3; step++) {
            const gradients = treeOf(size, 100 * size + step + 2);
            // Some gradients are float32, one of two in the same group among them.
            if (step > 0) gradients.e = leafOf("float32", numbersOf(gradients.e));
            if (step > 1) gradients.b = leafOf("float32", numbersOf(gradients.b));
            const what = `size ${size}, step ${step}`;
            runner.step(params, place(gradients), state);
            const [updates, next] = runner.update(gradients, freeState, free);
            [free, freeState] = [applyUpdates(free, updates), next];
            opt.with({ backend: "interpreter" }).step(wide, widened(gradients), wideState);

            const { master, ...states } = state as State & { master: Tree };
            for (const key of ["a", "b", "e"]) {
              assertSameBits(numbersOf(master[key]), numbersOf(wide[key]), `${what}, ${key}`);
              const rounded = leafOf(typeOf(params[key]), numbersOf(wide[key]));
              assertSameBits(params[key], rounded, `${what}, ${key}`);
            }
            assertEquals([master.c.data.length, master.d.data.length], [0, 0]);
            assertSameBits([params.c, params.d], [wide.c, wide.d], what);
            assertSameBits(states, { ...wideState }, what);
            assertSameBits(free, structuredClone(params), `${what}, updated`);
            assertSameBits({ ...freeState }, { ...state }, `${what}, updated`);
          }
        }
      });
    }
  }

  Deno.test(`a step reads the copy, so that is where a parameter is written (${backend})`, () => {
    const opt = accumulate({ learningRate: 1 }).with({ backend });
    const params = { w: leafOf("bfloat16", [1]) };
    const state = opt.init(params);
    (state.master as Tree).w.data[0] = 5;
    opt.step(params, { w: leafOf("float32", [1]) }, state);
    assertEquals(numbersOf(params.w), [4]);
  });

  Deno.test(`an input that is a tree may be short, or float32 (${backend})`, () => {
    const opt = newton.with({ backend });
    const params = { a: leafOf("bfloat16", [4, 8]), b: leafOf("bfloat16", [1]) };
    const gradients = { a: leafOf("bfloat16", [2, 2]), b: leafOf("float32", [3]) };
    const h = { a: leafOf("float32", [2, 0.5]), b: leafOf("bfloat16", [2]) };
    opt.step(params, gradients, opt.init(params), { h });
    assertEquals([params.a, params.b].map(numbersOf), [[3, 4], [-0.5]]);
  });

  Deno.test(`the parameters of one tree may be their own gradients (${backend})`, () => {
    const opt = accumulate({ learningRate: 0.5 }).with({ backend });
    const params = { w: leafOf("bfloat16", [1, -4]) };
    opt.step(params, params, opt.init(params));
    assertEquals(numbersOf(params.w), [0.5, -2]);
  });
}

Deno.test("threads change no bit of short parameters", async () => {
  const opt = chain(clipByGlobalNorm({ maxNorm: 1 }), adamw({ learningRate: 0.01 }));
  const trained = async (threads: number) => {
    using params = resident(treeOf(200_000, 1));
    using gradients = resident(treeOf(200_000, 2));
    const runner = opt.with({ threads });
    using state = runner.init(params);
    for (let step = 0; step < 5; step++) {
      runner.step(params, gradients, state);
      // Time for the threads to start, and to take part in the later steps.
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
    const { master } = state as unknown as { master: Tree };
    return [params, master].map((tree) => Object.values(tree).map(numbersOf));
  };
  const alone = await trained(1);
  for (const threads of [2, 3]) assertSameBits(await trained(threads), alone, `${threads} threads`);
});

Deno.test("master copies of resident parameters are resident, and are given back with the state", () => {
  using params = resident(treeOf(5, 1));
  const opt = accumulate({ learningRate: 1 });
  let master: Tree;
  {
    using state = opt.init(params);
    master = state.master as Tree;
    assert(blockOf(params.a.data) !== undefined);
    assert(blockOf(master.a.data)?.arena === blockOf(params.a.data)!.arena);
  }
  assertEquals(blockOf(master.a.data), undefined);
});

Deno.test("the state of wide parameters has no master copies", () => {
  const state = lion({ learningRate: 1 }).init({ w: Float32Array.of(1) });
  assertEquals(Object.keys(state), ["optimizer", "count", "hyper", "m"]);
});

Deno.test("states of a short parameter are float32 unless they are asked for otherwise", () => {
  const params = { w: leafOf("bfloat16", [1, 2]) };
  const made = (options: object) => adamw({ learningRate: 1, ...options });
  const typesOf = (state: State) => [state.m, state.v].map((tree) => typeOf((tree as Tree).w));
  assertEquals(typesOf(made({}).init(params)), ["float32", "float32"]);
  assertEquals(typesOf(made({ muDtype: "bfloat16" }).init(params)), ["bfloat16", "float32"]);
  const storage = { v: { dtype: "bfloat16", rounding: "stochastic" } } as const;
  assertEquals(typesOf(made({}).init(params, { storage })), ["float32", "bfloat16"]);
});

Deno.test("explain counts the master copy and shows where it is written", () => {
  for (const dtype of SHORT) {
    const { stateBytes, bytesMoved, loops, webAssembly } = explain(lion({ learningRate: 1 }), {
      w: leafOf(dtype, [1]),
    });
    assertEquals(stateBytes, 8);
    // Read: master 4, gradient 2, momentum 4; written: parameter 2, master 4, momentum 4.
    assertEquals(bytesMoved, 20);
    assert(/writes w = (\S+)\n.*writes master = \1\n/.test(loops), loops);
    assert(webAssembly.includes("i32.store16"), "what is left over is stored one by one");
  }
});
