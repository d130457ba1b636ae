/** What is no tree of parameters is refused at its path. */
import { lion } from "../../mod.ts";
import { assertEquals } from "../assert.ts";
import { assertRefusedUnchanged } from "../refused.ts";

const tied = Float32Array.of(1, 2);
const loop: Record<string, unknown> = { weight: Float32Array.of(1) };
loop.inner = [loop];

const badTrees: readonly [name: string, tree: unknown, ...says: string[]][] = [
  [
    "parameters that contain themselves are refused with a hint",
    loop,
    "a tree may nest at most 100 deep (does it contain itself?): at `inner/0/inner/0",
  ],
  [
    "one array at two paths is refused by both",
    { encoder: { weight: tied }, decoder: [{ weight: tied }] },
    "every array must be at one place of the tree: given one at both `decoder/0/weight` and " +
    "`encoder/weight`; pass a tied parameter once",
  ],
  [
    "one array in two tensors is refused by both paths",
    { a: tied, b: { data: tied, shape: [2, 1] } },
    "every array must be at one place of the tree: given one at both `a` and `b`",
  ],
  [
    "two arrays that share memory are refused by both paths",
    { a: new Float32Array(tied.buffer, 0, 2), b: new Float32Array(tied.buffer, 4, 1) },
    "`a`",
    "`b`",
  ],
  [
    "integers as parameters are refused at their path",
    { a: { b: Int32Array.of(1) } },
    "`a/b` must be a Float32Array, a Float64Array, a Float16Array or a Tensor: given a",
    "Int32Array of 1",
  ],
  [
    "a tensor of integers is refused at its path",
    { a: { data: Int32Array.of(1), shape: [1] } },
    "the tensor at `a` must hold a Float32Array or a Float64Array: given a",
    "Int32Array of 1",
  ],
  [
    "a view of bytes as parameters is refused at its path",
    { a: new DataView(new ArrayBuffer(8)) },
    "`a` must be a Float32Array, a Float64Array, a Float16Array or a Tensor: given a DataView",
  ],
  [
    "stored bits that do not say their type are refused at their path",
    { a: { data: Uint16Array.of(1), shape: [1] } },
    "the tensor at `a` must hold a Float32Array or a Float64Array: given a",
    "Uint16Array of 1; bits need a `dtype`, bfloat16 or float16",
  ],
  [
    "a tensor whose shape does not fit its data is refused at its path",
    { a: { data: Float32Array.of(1, 2, 3), shape: [2, 2] } },
    "the tensor at `a` must have a shape whose product is the length of its data, 3: given [2, 2]",
  ],
  [
    "a negative extent is refused at its path",
    { a: { data: Float32Array.of(1, 2), shape: [-1, -2] } },
    "the tensor at `a` must have a shape whose product is the length of its data, 2: given [-1, -2]",
  ],
  [
    "a fraction as extent is refused at its path",
    { a: { data: Float32Array.of(1, 2, 3), shape: [1.5, 2] } },
    "the tensor at `a` must have a shape whose product is the length of its data, 3: given [1.5, 2]",
  ],
  [
    "a plain list of numbers is refused with the array to write",
    { a: [1, 2, 3] },
    "`a` must be an array such as a Float32Array, a Tensor, or a plain object or list of those: given an array of 3; " +
    "`Float32Array.of(1, 2, 3)` is one",
  ],
  [
    "a list of rows is refused with the tensor to write",
    { a: [[1, 2, 3], [4, 5, 6]] },
    "given an array of 2; `{ data: Float32Array.of(1, 2, 3, 4, …), shape: [2, 3] }` is one",
  ],
  [
    "a list as the data of a tensor is refused with the array to write",
    { a: { data: [1, 2], shape: [2] } },
    "`a/data` must be an array such as a Float32Array",
    "; `Float32Array.of(1, 2)` is one",
  ],
  [
    "big integers are refused with the array to write",
    { a: BigInt64Array.of(1n) },
    "given a BigInt64Array of 1; `Float32Array.from(array, Number)` is one",
  ],
  [
    "bytes are refused with the array to write",
    { a: Uint8Array.of(1) },
    "; `Float32Array.from(array)` is one of its numbers, `new Float32Array(Uint8Array.from(array).buffer)` " +
    "of their bytes",
  ],
  [
    "a buffer is refused with the array to write",
    { a: new ArrayBuffer(8) },
    "given an ArrayBuffer; `new Float32Array(buffer, byteOffset, length)` is one",
  ],
  [
    "a promise of parameters is refused with what to do",
    { a: Promise.resolve(Float32Array.of(1)) },
    "given a Promise; `await` it",
  ],
  [
    "an array of TensorFlow.js is refused with what takes it",
    { a: { shape: [1], dtype: "float32", dataId: {}, dataSync() {} } },
    "; `toTfjs` of `@gradus/gradus/tfjs` makes an optimizer of such arrays",
  ],
  [
    "an array of jax-js is refused with what reads it",
    { a: { shape: [1], dtype: "float32", js() {}, dataSync() {} } },
    "; `fromJaxTree` of `@gradus/gradus/jax` makes one of it",
  ],
  [
    "an array of another library is refused with the tensor to write",
    { a: { shape: [1], dtype: "float32", numpy() {} } },
    "; `{ data, shape }` is one, where `data` is a Float32Array of its numbers",
  ],
  [
    "a number as parameter is refused at its path",
    { a: 1 },
    "`a` must be an array such as a Float32Array, a Tensor, or a plain object or list of those: given 1; " +
    "`Float32Array.of(1)` is one",
  ],
  [
    "null as parameter is refused at its path",
    { a: null },
    "`a` must be an array such as a Float32Array, a Tensor, or a plain object or list of those: given null",
  ],
  [
    "a hole in a list is refused at its path",
    // deno-lint-ignore no-sparse-arrays
    [Float32Array.of(1), , Float32Array.of(2)],
    "`1` must be an array such as a Float32Array, a Tensor, or a plain object or list of those: given undefined",
  ],
  [
    "a map of parameters is refused",
    new Map([["a", Float32Array.of(1)]]),
    "the root must be an array such as a Float32Array, a Tensor, or a plain object or list of those",
  ],
  [
    "no parameters at all are refused",
    undefined,
    "the root must be an array such as a Float32Array, a Tensor, or a plain object or list of those: given " +
    "undefined",
  ],
];

for (const [name, tree, ...says] of badTrees) {
  Deno.test(name, () => {
    const opt = lion({ learningRate: 0.1 });
    assertRefusedUnchanged(
      () => opt.init(tree as object),
      [tree],
      'Cannot initialise "lion": ',
      ...says,
    );
  });
}

Deno.test("one array at two paths is refused by a step too", () => {
  const opt = lion({ learningRate: 0.1 });
  const params = { a: Float32Array.of(1, 2), b: Float32Array.of(3, 4) };
  const state = opt.init(params);
  const gradients = { a: Float32Array.of(1, 1), b: Float32Array.of(1, 1) };
  params.b = params.a;
  assertRefusedUnchanged(
    () => opt.step(params, gradients, state),
    [params, gradients, state],
    'Cannot step by "lion": every array must be at one place of the tree: given one at both `a` ' +
      "and `b`",
  );
});

Deno.test("one array in parameters and state is refused by both places", () => {
  const opt = lion({ learningRate: 0.1 });
  const params = { a: Float32Array.of(1, 2) };
  const state = opt.init(params);
  (state.m as typeof params).a = params.a;
  assertRefusedUnchanged(
    () => opt.step(params, { a: Float32Array.of(1, 1) }, state),
    [params, state],
    "given one at both `a` and `a` of state `m`",
  );
});

Deno.test("one array as root of parameters and state is refused by both places", () => {
  const opt = lion({ learningRate: 0.1 });
  const params = Float32Array.of(1, 2);
  const state = opt.init(params);
  state.m = params;
  const { message } = assertRefusedUnchanged(
    () => opt.step(params, Float32Array.of(1, 1), state),
    [params, state],
    "the root",
    "state `m`",
  );
  assertEquals(message.includes("``"), false, message);
});
