/** The trees that programs are stepped on: every form, every size at which something changes. */
import type { Tree } from "./case.ts";
import { edges32, edges64, numbers32, numbers64, randomWords } from "../numbers.ts";
import { randomNumbers } from "../runtime/random.ts";
import { allocate, type DType, type NumberArray, store } from "../../runtime/trees/dtype.ts";

/** A tree of one form; another `seed`, other numbers. */
export type Make = (seed: number) => Tree;

const sizeOf = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

/** The types that parameters may have. */
type ParameterType = Exclude<DType, "bfloat16+8" | "block8">;

const known = new Map<string, NumberArray>();

/** Numbers of a gradient's sizes, in any type: a copy of what is made once for all backends. */
function array(dtype: ParameterType, size: number, seed: number) {
  const key = `${dtype} ${size} ${seed}`;
  let data = known.get(key);
  if (data === undefined) {
    const next = randomNumbers(seed + 1);
    known.set(key, data = allocate(dtype, size));
    for (let i = 0; i < size; i++) store(dtype, data, i, next());
  }
  return data.slice();
}

function bare(size: number, seed: number, dtype: "float32" | "float64" = "float32") {
  return array(dtype, size, seed) as Float32Array | Float64Array;
}

/** A tensor of a gradient's numbers. */
export function tensor(
  shape: readonly number[],
  seed: number,
  dtype: ParameterType = "float32",
): Tree {
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
export const plainOf = (dtype: ParameterType): Make => (seed) => ({
  b: tensor([7], seed, dtype),
  w: tensor([3, 5], seed + 50, dtype),
});

/** A tree of branches, some of whose leaves will have no gradient. */
export const branches: Make = (seed) => ({
  b: bare(7, seed),
  layers: [
    { scale: bare(5, seed + 10), w: tensor([3, 5], seed + 20) },
    { scale: bare(3, seed + 30), w: tensor([4, 3], seed + 40) },
  ],
  w: tensor([3, 5], seed + 50),
});

/** What of {@linkcode branches} is there, by turns: all, all but some leaves or branches, and nothing. */
export const present = (t: number, make: Make = branches): Make => (seed) => {
  const { b, layers: [first, second], w } = make(seed) as {
    b: Tree;
    layers: { scale: Tree; w: Tree }[];
    w: Tree;
  };
  const turns: readonly Tree[] = [
    { b, layers: [first, { scale: second.scale }] },
    { layers: [first, second], w },
    { b, layers: [first, second], w },
    {},
    { w, layers: [{ w: first.w }] },
    { b },
  ];
  return turns[t % turns.length];
};

/** {@linkcode branches} in another type. */
export const branchesOf = (dtype: ParameterType): Make => (seed) => ({
  b: tensor([7], seed, dtype),
  layers: [
    { scale: tensor([5], seed + 10, dtype), w: tensor([3, 5], seed + 20, dtype) },
    { scale: tensor([3], seed + 30, dtype), w: tensor([4, 3], seed + 40, dtype) },
  ],
  w: tensor([3, 5], seed + 50, dtype),
});

/** Trees by what is special about them. */
export const forms: Readonly<Record<string, Make>> = {
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
  "many small arrays": list(Array.from({ length: 70 }, (_, i) => i % 7 + 1)),
  "many axes": tensors([[2, 1, 3, 2, 1, 2], [1, 1, 1, 1], [3, 2, 2], [1]]),
  "thirty-two axes": tensors([Array.from({ length: 32 }, (_, axis) => axis === 31 ? 2 : 1)]),
  "branches named as a tensor's fields": (seed) => ({
    a: { data: bare(2, seed), shape: bare(1, seed + 1) },
    b: { data: [bare(1, seed + 2)], shape: [bare(3, seed + 3)] },
    c: { shape: bare(2, seed + 4) },
  }),
  "keys of any text": (seed) =>
    Object.fromEntries(
      ["__proto__", "constructor", "toString", "", "ключ", "10", "9", "length", "a b"].map((
        key,
        i,
      ) => [key, bare(i + 1, seed + i)]),
    ),
  "matrices of every form": tensors([[1, 1], [1, 5], [5, 1], [3, 4], [4, 3], [17, 33], [2, 3, 4]]),
  "views into one array": (seed) => {
    const memory = bare(40, seed);
    return { a: memory.subarray(1, 4), b: memory.subarray(4, 21), c: memory.subarray(23, 24) };
  },
};

/** Enough elements that eight threads take part. */
export const large: Make = list([524_288, 1, 4_097]);

/** float32 and float64 in one tree. */
export const mixed: Make = (seed) => ({
  single: bare(9, seed),
  double: bare(9, seed + 1, "float64"),
  both: [tensor([2, 3], seed + 2), tensor([2, 3], seed + 3, "float64")],
  numbers: [tensor([], seed + 4), tensor([], seed + 5, "float64")],
  none: [tensor([2, 0, 3], seed, "float64"), bare(0, seed)],
});

/** All that can be stored, in one tree. */
export const everyType: Make = (seed) => ({
  ...mixed(seed) as object,
  brain: tensor([11], seed + 4, "bfloat16"),
  half: tensor([2, 3], seed + 5, "float16"),
});

/** Matrices and blocks of them, all of whose axes are longer than one. */
export const matrices: Make = tensors([[3, 5], [31, 2, 5], [3, 700], [2, 2]]);

/** A vector, and matrices of several forms. */
export const matrixTrees: Make = (seed) => [
  bare(7, seed),
  ...(tensors([[3, 5], [5, 3], [4, 4]])(seed + 50) as Tree[]),
];

/** Matrices of several forms, and nothing else. */
export const twoAxes: Make = tensors([[3, 5], [5, 3], [4, 4], [1, 3]]);

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

/** Tensors of several axes, of the same numbers. */
export const scatteredMatrices: Make = (seed) => {
  const next = randomWords(seed);
  return [[7, 5], [3, 4_097], [4_097, 3], [5, 6, 7], [3, 1, 9, 2]].map((shape) => {
    const numbers = () => (next() - 2 ** 31) * 2 ** -(next() % 40);
    return { data: Float64Array.from({ length: sizeOf(shape) }, numbers), shape };
  });
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
).map((list) => Float32Array.from(list));

/** The same of float64. */
export const edgesWide: readonly Tree[] = operands(
  edges64,
  numbers64(400 + edges64.length, 12).slice(edges64.length),
).map((list) => Float64Array.from(list));

const plainNumbers = Array.from(array("float32", 400, 13), (x, i) => i % 3 === 0 ? 40 * x : x);
const normal = edges32.filter((x) => x === 0 || !(Math.abs(x) < 2 ** -100));

/** Operands at the edges, without subnormals, and others of a moderate size. */
export const normals: readonly Tree[] = operands(normal, plainNumbers)
  .map((list) => Float32Array.from(list));

/** Operands without subnormals that are angles of a moderate size. */
export const angles: readonly Tree[] = operands(
  normal.filter((x) => !(Math.abs(x) > 1e4 && Math.abs(x) < Infinity)),
  plainNumbers,
).map((list) => Float32Array.from(list));

/** Operands of moderate sizes, none of them 0. */
export const moderate: readonly Tree[] = [0, 1, 2].map((k) =>
  array("float32", 900, 7 + k).map((x, i) => i % 3 === k ? 40 * x : x || 1) as Float32Array
);

/** Matrices of numbers at the edges of a format. */
export const edgeMatrices = (dtype: "float32" | "float64"): Make => (seed) => {
  const numbers = dtype === "float32" ? numbers32(60, seed) : numbers64(60, seed);
  const turned = numbers.map((_, i) => numbers[(i + 7 * (seed % 60)) % 60]);
  const data = dtype === "float32" ? Float32Array.from(turned) : Float64Array.from(turned);
  return { data, shape: [12, 5] };
};

const HALF = 2 ** -11;
const BESIDE = [1 + HALF, 1 + 3 * HALF, 1 + HALF + 2 ** -30, 1 + HALF - 2 ** -40, 65519, 65520];

/** Numbers halfway between two of float16 or bfloat16, and beside that by less than float32 can hold. */
export const halfway = (dtype: "float32" | "float64"): Make => () => {
  const numbers = [
    ...[...BESIDE, 65519.999999, 2 ** -25, 2 ** -25 * (1 + 2 ** -30), 3 * 2 ** -26],
    ...[2 ** -14 - 2 ** -26, 1 + 2 ** -8, 1 + 3 * 2 ** -8, 1 + 2 ** -8 + 2 ** -40],
  ].flatMap((x) => [x, -x]).concat([NaN, Infinity, -Infinity, 0, -0, 1e-45, 1e300]);
  return dtype === "float32" ? Float32Array.from(numbers) : Float64Array.from(numbers);
};

/** A vector and a matrix with some numbers that no step should meet; at another `seed`, in other places. */
export const wild = (dtype: "float32" | "float64"): Make => (seed) => {
  const [next, plain] = [randomWords(seed), randomNumbers(seed + 1)];
  const any = dtype === "float32" ? edges32 : edges64;
  const numbers = (length: number) =>
    Array.from({ length }, () => next() % 4 === 0 ? any[next() % any.length] : plain());
  const arrayOf = (length: number) =>
    dtype === "float32" ? Float32Array.from(numbers(length)) : Float64Array.from(numbers(length));
  return { b: arrayOf(90), w: { data: arrayOf(120), shape: [20, 6] } };
};

/** {@linkcode wild} without what is wild. */
export const tame = (make: Make): Make => (seed) => {
  const { b, w } = make(seed) as { b: Float32Array; w: { data: Float32Array; shape: number[] } };
  const tamed = (numbers: Float32Array) => numbers.map((x) => Math.abs(x) < 1e3 ? x : 1);
  return { b: tamed(b), w: { data: tamed(w.data), shape: w.shape } };
};

/** Tensors of two axes and of three, some without elements. */
export const withoutElements: Make = tensors([[3, 0], [2, 2], [0, 3], [2, 2, 1]]);

/** {@linkcode plain} with numbers beyond all bounds in every array. */
export const infinite: Make = (seed) => {
  const { b, w } = plain(seed) as { b: Float32Array; w: { data: Float32Array } };
  [b, w.data].forEach((numbers) => numbers.set([Infinity, -Infinity, NaN, -0, 3.4e38]));
  return { b, w } as Tree;
};

/** What float16 states of odd lengths, of one number and of none are kept for. */
export const odd: Make = (seed) => ({
  none: new Float32Array(0),
  one: tensor([], seed),
  list: [bare(3, seed + 1), bare(1, seed + 2)],
});
