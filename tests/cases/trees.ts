/** The trees that programs are stepped on: every form, every size at which something changes. */
import type { Tree } from "./case.ts";
import { edges32, edges64, numbers32, numbers64, randomWords } from "../numbers.ts";
import { randomNumbers } from "../runtime/random.ts";
import { allocate, type DType, store } from "../../runtime/trees/dtype.ts";

/** A tree of one form; another `seed`, other numbers. */
export type Make = (seed: number) => Tree;

const sizeOf = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

/** Numbers of a gradient's sizes, in any type. */
function array(dtype: DType, size: number, seed: number) {
  const next = randomNumbers(seed + 1);
  const data = allocate(dtype, size);
  for (let i = 0; i < size; i++) store(dtype, data, i, next());
  return data;
}

function bare(size: number, seed: number, dtype: "float32" | "float64" = "float32") {
  return array(dtype, size, seed) as Float32Array | Float64Array;
}

/** A tensor of a gradient's numbers. */
export function tensor(shape: readonly number[], seed: number, dtype: DType = "float32"): Tree {
  const data = array(dtype, sizeOf(shape), seed);
  const isShort = data instanceof Uint16Array;
  return { data, shape: [...shape], ...(isShort ? { dtype } : {}) } as unknown as Tree;
}

const list = (sizes: readonly number[]): Make => (seed) =>
  sizes.map((size, i) => bare(size, seed + 100 * i));

const tensors = (shapes: readonly (readonly number[])[]): Make => (seed) =>
  shapes.map((shape, i) => tensor(shape, seed + 100 * i));

/** A vector and a matrix, as most programs are stepped on. */
export const plain: Make = (seed) => ({ b: bare(7, seed), w: tensor([3, 5], seed + 50) });

/** {@linkcode plain} in another type. */
export const plainOf = (dtype: DType): Make => (seed) => ({
  b: tensor([7], seed, dtype),
  w: tensor([3, 5], seed + 50, dtype),
});

/** Trees by what is special about them. */
export const trees: Readonly<Record<string, Make>> = {
  "one bare array": (seed) => bare(5, seed),
  "one tensor": (seed) => tensor([2, 3], seed),
  "one element": (seed) => bare(1, seed),
  "a tensor without axes": (seed) => tensor([], seed),
  "nested lists and objects": (seed) => ({
    layers: [{ w: tensor([2, 4], seed), b: bare(4, seed + 1) }, [tensor([4, 1], seed + 2)]],
    head: { scale: tensor([], seed + 3), rest: [[bare(2, seed + 4)]], none: {} },
  }),
  "an empty list among others": (seed) => ({ none: [], some: bare(3, seed) }),
  "empty arrays among others": (seed) => ({
    none: new Float32Array(0),
    nothing: tensor([2, 0, 3], seed),
    some: bare(3, seed + 1),
  }),
  "nothing but empty arrays": () => ({ none: new Float32Array(0) }),
  "sizes around a vector's width": list([1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17, 31, 32, 33]),
  "sizes around a reduction's block": list([4_095, 4_096, 4_097, 8_193]),
  "sizes around a window's piece": list([32_767, 32_769]),
  "many small arrays": list(Array.from({ length: 130 }, (_, i) => i % 7 + 1)),
  "many axes": tensors([[2, 1, 3, 2, 1, 2], [1, 1, 1, 1], [3, 2, 2], [1]]),
  "matrices of every form": tensors([[1, 1], [1, 5], [5, 1], [3, 4], [4, 3], [17, 33], [2, 3, 4]]),
  "views into one array": (seed) => {
    const memory = bare(40, seed);
    return { a: memory.subarray(1, 4), b: memory.subarray(4, 21), c: memory.subarray(23, 24) };
  },
};

/** Enough elements that eight threads take part. */
export const large: Make = list([524_288, 1, 40_001]);

/** float32 and float64 in one tree. */
export const mixed: Make = (seed) => ({
  single: bare(9, seed),
  double: bare(9, seed + 1, "float64"),
  both: [tensor([2, 3], seed + 2), tensor([2, 3], seed + 3, "float64")],
});

/** All that can be stored, in one tree. */
export const everyType: Make = (seed) => ({
  ...mixed(seed) as object,
  brain: tensor([11], seed + 4, "bfloat16"),
  half: tensor([2, 3], seed + 5, "float16"),
});

/** Matrices and blocks of them, all of whose axes are longer than one. */
export const matrices: Make = tensors([[3, 5], [31, 2, 5], [3, 700], [2, 2]]);

/** Matrices beyond the blocks in which products are made. */
export const largeMatrices: Make = tensors([[3, 517], [517, 3], [131, 130]]);

/** Lengths about which reductions change their way. */
export const lengths: readonly number[] = [3, 5, 4_095, 4_096, 4_097, 8_192, 20_001];

/** float64 numbers of many sizes: nearly every other order of adding them has other bits. */
export const scattered = (length: number): Make => (seed) => {
  const next = randomWords(seed);
  const numbers = () =>
    Float64Array.from({ length }, () => (next() - 2 ** 31) * 2 ** -(next() % 40));
  return { a: numbers(), b: { data: numbers(), shape: [length, 1, 1] } };
};

/** Three operands: every pair of `numbers` in the first two, and pairs of others. */
function operands(numbers: readonly number[], others: readonly number[]): number[][] {
  const pairs = numbers.flatMap((a) => numbers.map((b) => [a, b]));
  const half = others.length / 2;
  const first = [...pairs.map(([a]) => a), ...others.slice(0, half)];
  const second = [...pairs.map(([, b]) => b), ...others.slice(half, 2 * half)];
  return [first, second, first.toReversed()];
}

/** Operands at which operations on float32 change their ways, and others of any bits. */
export const edges: readonly Tree[] = operands(
  edges32,
  numbers32(400 + edges32.length, 11).slice(edges32.length),
)
  .map((list) => Float32Array.from(list));

/** The same of float64. */
export const edgesWide: readonly Tree[] = operands(
  edges64,
  numbers64(400 + edges64.length, 12).slice(edges64.length),
)
  .map((list) => Float64Array.from(list));

/** Operands that every definition of float32 takes alike. */
export const moderate: readonly Tree[] = [0, 1, 2].map((k) =>
  array("float32", 900, 7 + k).map((x, i) => i % 3 === k ? 40 * x : x) as Float32Array
);

/** Gradients among which are some that no step should meet; other places at another `seed`. */
export function wild(seed: number): Float32Array {
  const next = randomWords(seed);
  const plain = randomNumbers(seed + 1);
  return Float32Array.from(
    { length: 200 },
    () => next() % 4 === 0 ? edges32[next() % edges32.length] : plain(),
  );
}
