/** A `Float16Array` is a leaf that is stored as float16: it steps as its bits do. */
import {
  adamw,
  applyUpdates,
  lion,
  type Optimizer,
  release,
  resident,
  scheduleFreeAdamw,
} from "../../mod.ts";
import { toOnnx } from "../../export/onnx/mod.ts";
import { load as loadCheckpoint, save } from "../../export/safetensors/mod.ts";
import { load } from "../../runtime/trees/dtype.ts";
import { asLeaf } from "../../runtime/trees/leaf.ts";
import { assert, assertEquals } from "../assert.ts";
import { assertRefused, assertRefusedUnchanged } from "../refused.ts";
import { backends } from "./backends.ts";
import { randomArray } from "./random.ts";

const isThere = typeof Float16Array !== "undefined";
if (!isThere) console.log("skipped: there is no Float16Array here");

const test = (name: string, run: () => void) => Deno.test({ name, ignore: !isThere, fn: run });

const sizes = [1, 5, 4097];
const numbers = (seed: number) =>
  sizes.map((size, i) => Float16Array.from(randomArray(size, seed + i)));

/** The same bits in the three ways they may be given. */
const ways = {
  arrays: (tree: readonly Float16Array[]) => tree.map((array) => array.slice()),
  tensors: (tree: readonly Float16Array[]) =>
    tree.map((array) => ({ data: array.slice(), shape: [1, array.length] })),
  bits: (tree: readonly Float16Array[]) =>
    tree.map((array) => ({
      data: new Uint16Array(array.slice().buffer),
      shape: [1, array.length],
      dtype: "float16" as const,
    })),
};

/** What the leaves of a tree hold, however they are given. */
function held(tree: unknown): number[][] {
  return (tree as unknown[]).map((node) => {
    const { data, dtype } = asLeaf(node, "", "Cannot compare")!;
    return Array.from(data, (_, i) => load(dtype, data, i));
  });
}

const optimizers: readonly (readonly [string, Optimizer, string[]])[] = [
  ["lion", lion({ learningRate: 0.01 }), ["m", "master"]],
  ["adamw", adamw({ learningRate: 0.01, muDtype: "float16" }), ["m", "v", "master"]],
  ["scheduleFreeAdamw", scheduleFreeAdamw({ learningRate: 0.01 }), ["z", "v", "master"]],
];

for (const backend of backends) {
  for (const [name, made, states] of optimizers) {
    test(`${name} steps a Float16Array as it steps its bits (${backend})`, () => {
      const opt = made.with({ backend });
      const after = Object.values(ways).map((way) => {
        const params = way(numbers(1));
        const state = opt.init(params);
        for (let step = 0; step < 4; step++) opt.step(params, way(numbers(10 * step + 2)), state);
        return [params, ...states.map((each) => state[each]), opt.evaluationParams(params, state)]
          .map(held);
      });
      assertEquals(after[0], after[2]);
      assertEquals(after[1], after[2]);
    });
  }
}

test("gradients of a Float16Array may be float32, and its updates, copy and states are", () => {
  const opt = lion({ learningRate: 0.25, b2: 0.5, weightDecay: 0 });
  const params: Record<string, Float16Array | Float32Array> = { w: Float16Array.of(1, 2) };
  const [updates, state] = opt.update({ w: Float32Array.of(1, -1) }, opt.init(params), params);
  assertEquals(updates, { w: Float32Array.of(-0.25, 0.25) });
  assertEquals(state.m, { w: Float32Array.of(0.5, -0.5) });
  assertEquals(state.master, { w: Float32Array.of(0.75, 2.25) });
  assertEquals(applyUpdates(params, updates), { w: Float16Array.of(0.75, 2.25) });
  assertEquals(applyUpdates(params, { w: Float16Array.of(1, 1) }), { w: Float16Array.of(2, 3) });
});

test("what mirrors a tensor of a Float16Array holds one too", () => {
  const params = { w: { data: Float16Array.of(1, 2), shape: [2, 1] } };
  const after = applyUpdates(params, { w: { data: Float16Array.of(1, 1), shape: [2, 1] } });
  assertEquals(after, { w: { data: Float16Array.of(2, 3), shape: [2, 1] } });
  const { m } = adamw({ learningRate: 1, muDtype: "float16" }).init({ w: Float16Array.of(1) });
  assertEquals<unknown>(m, { w: Float16Array.of(0) });
});

test("a resident Float16Array is stepped where it is, and given back", () => {
  const opt = lion({ learningRate: 0.25, weightDecay: 0 });
  const params = resident({
    a: Float16Array.of(1, 2),
    b: { data: Float16Array.of(3), shape: [1] },
  });
  assert(params.a instanceof Float16Array && params.b.data instanceof Float16Array);
  const state = opt.init(params);
  const gradients = { a: Float32Array.of(1, -1), b: { data: Float32Array.of(1), shape: [1] } };
  for (let step = 0; step < 2; step++) opt.step(params, gradients as never, state);
  assertEquals([...params.a, ...params.b.data], [0.5, 2.5, 2.5]);
  release(params);
  assertRefused(
    () => opt.step(params, gradients as never, state),
    "the array at `a` must not have been given back by `release`",
  );
});

test("a Float16Array whose buffer went elsewhere is refused", () => {
  const opt = lion({ learningRate: 1 });
  const params = { w: Float16Array.of(1, 2) };
  const state = opt.init(params);
  const step = () => opt.step(params, { w: Float16Array.of(1, 2) }, state);
  step();
  structuredClone(params.w.buffer, { transfer: [params.w.buffer] });
  assertRefused(step, "the array at `w` must not have been transferred to another place");
});

test("a Float16Array and its bits at two places are one array", () => {
  const w = Float16Array.of(1, 2);
  const params = { a: w, b: { data: new Uint16Array(w.buffer), shape: [2], dtype: "float16" } };
  assertRefusedUnchanged(
    () => lion({ learningRate: 1 }).init(params),
    [params],
    "every array must be at one place of the tree: given one at both `a` and `b`",
  );
});

test("a Float16Array of a bfloat16 is refused", () => {
  const params = { w: { data: Float16Array.of(1), shape: [1], dtype: "bfloat16" } };
  assertRefused(
    () => lion({ learningRate: 1 }).init(params),
    "the tensor at `w` must hold a Float32Array or a Float64Array: given a Float16Array of 1",
  );
});

test("a graph of a Float16Array is refused as float16", () => {
  for (const way of Object.values(ways)) {
    assertRefused(
      () => toOnnx(lion({ learningRate: 1 }), way(numbers(1))),
      "the parameter at `0` must be float32 or float64: given float16",
    );
  }
});

test("a checkpoint gives a Float16Array back, and training goes on by the same bits", () => {
  const optimizer = adamw({ learningRate: 0.01, muDtype: "float16" });
  const params = numbers(1);
  const state = optimizer.init(params);
  optimizer.step(params, numbers(5), state);
  const loaded = loadCheckpoint<typeof params>(save({ optimizer, params, state }), { optimizer });
  assertEquals(loaded.params, params);
  optimizer.step(params, numbers(9), state);
  optimizer.step(loaded.params, numbers(9), loaded.state);
  assertEquals(loaded.params, params);
  assertEquals(loaded.state.m, state.m);
});
