/** How tfjs spells each operation: the one list of what it can compute on whatever backend it has. */
import { randomRow } from "../../dsl/ops.ts";
import { bitsAt, wordOf } from "../../dsl/random/draw.ts";
import { sizeOf } from "../../runtime/trees/leaf.ts";
import type { ArrayLibrary, Operand } from "../library.ts";
import type { Tfjs, TfTensor } from "./tf.ts";

/** The operations that are spelled, of tensors and numbers. */
export interface Operations {
  add(x: Operand<TfTensor>, y: Operand<TfTensor>): TfTensor;
  sub(x: Operand<TfTensor>, y: Operand<TfTensor>): TfTensor;
  mul(x: Operand<TfTensor>, y: Operand<TfTensor>): TfTensor;
  div(x: Operand<TfTensor>, y: Operand<TfTensor>): TfTensor;
  pow(x: Operand<TfTensor>, y: Operand<TfTensor>): TfTensor;
  neg(x: TfTensor): TfTensor;
  abs(x: TfTensor): TfTensor;
  sqrt(x: TfTensor): TfTensor;
  exp(x: TfTensor): TfTensor;
  log(x: TfTensor): TfTensor;
  sin(x: TfTensor): TfTensor;
  cos(x: TfTensor): TfTensor;
  tan(x: TfTensor): TfTensor;
  asin(x: TfTensor): TfTensor;
  acos(x: TfTensor): TfTensor;
  atan(x: TfTensor): TfTensor;
  tanh(x: TfTensor): TfTensor;
  floor(x: TfTensor): TfTensor;
  ceil(x: TfTensor): TfTensor;
  minimum(x: Operand<TfTensor>, y: Operand<TfTensor>): TfTensor;
  maximum(x: Operand<TfTensor>, y: Operand<TfTensor>): TfTensor;
  where(condition: TfTensor, x: Operand<TfTensor>, y: Operand<TfTensor>): TfTensor;
  less(x: Operand<TfTensor>, y: Operand<TfTensor>): TfTensor;
  lessEqual(x: Operand<TfTensor>, y: Operand<TfTensor>): TfTensor;
  greater(x: Operand<TfTensor>, y: Operand<TfTensor>): TfTensor;
  greaterEqual(x: Operand<TfTensor>, y: Operand<TfTensor>): TfTensor;
  equal(x: Operand<TfTensor>, y: Operand<TfTensor>): TfTensor;
  isNaN(x: TfTensor): TfTensor;
  logicalAnd(x: TfTensor, y: TfTensor): TfTensor;
  logicalOr(x: TfTensor, y: TfTensor): TfTensor;
  logicalNot(x: TfTensor): TfTensor;
  sum(x: TfTensor, axes: number[], keepDims: boolean): TfTensor;
  mean(x: TfTensor, axes: number[], keepDims: boolean): TfTensor;
  max(x: TfTensor, axes: number[], keepDims: boolean): TfTensor;
  min(x: TfTensor, axes: number[], keepDims: boolean): TfTensor;
  matMul(x: TfTensor, y: TfTensor): TfTensor;
  transpose(x: TfTensor): TfTensor;
  fill(shape: number[], value: number, dtype: "float32"): TfTensor;
  reshape(x: TfTensor, shape: number[]): TfTensor;
  broadcastTo(x: TfTensor, shape: number[]): TfTensor;
  clone(x: TfTensor): TfTensor;
  scalar(value: number | boolean, dtype: "float32" | "bool"): TfTensor;
}

/** The operations of tfjs, which take more than is asked of them. */
export function operationsOf(tf: Tfjs): Operations {
  return tf as unknown as Operations;
}

/** tfjs as a library of arrays. Its functions borrow what they are given, and give new tensors. */
export function spellings(tf: Operations): ArrayLibrary<TfTensor> {
  const unary = (f: Operations["neg"]) => (x: Operand<TfTensor>) => f(x as TfTensor);
  const reduction = (f: Operations["sum"]) => (x: TfTensor, axes: readonly number[]) =>
    f(x, [...axes], true);
  return {
    name: "tfjs",
    element: {
      Add: tf.add,
      Sub: tf.sub,
      Mul: tf.mul,
      Div: tf.div,
      Pow: (x, y) => power(tf, x, y),
      Neg: unary(tf.neg),
      Abs: unary(tf.abs),
      Sign: null, // Its own gives 0 for NaN, and for -0.
      Sqrt: unary(tf.sqrt),
      Cbrt: null,
      Exp: unary(tf.exp),
      Log: unary(tf.log),
      Sin: unary(tf.sin),
      Cos: unary(tf.cos),
      Tan: unary(tf.tan),
      Asin: unary(tf.asin),
      Acos: unary(tf.acos),
      Atan: unary(tf.atan),
      Sinh: null, // Some backends lose its digits near 0.
      Cosh: null,
      Tanh: unary(tf.tanh),
      Floor: unary(tf.floor),
      Ceil: unary(tf.ceil),
      Min: tf.minimum,
      Max: tf.maximum,
      Clip: null,
      Where: (condition, x, y) => choice(tf, condition as TfTensor, x, y),
      Less: tf.less,
      LessOrEqual: tf.lessEqual,
      Greater: tf.greater,
      GreaterOrEqual: tf.greaterEqual,
      Equal: tf.equal,
      IsNaN: unary(tf.isNaN),
      And: (x, y) => tf.logicalAnd(x as TfTensor, y as TfTensor),
      Or: (x, y) => tf.logicalOr(x as TfTensor, y as TfTensor),
      Not: unary(tf.logicalNot),
    },
    reduce: {
      ReduceSum: reduction(tf.sum),
      ReduceMean: reduction(tf.mean),
      ReduceMax: reduction(tf.max),
      ReduceMin: reduction(tf.min),
      ReduceL2: null,
    },
    matrix: {
      MatMul: (x, y) => tf.matMul(x, y),
      Transpose: (x) => tf.transpose(x),
      QR: null,
    },
    random: { Normal: null, Uniform: null },
    truth: (value) => tf.scalar(value, "bool"),
    full: (value, shape) => tf.fill([...shape], value, "float32"),
    reshape: (x, shape) => tf.reshape(x, [...shape]),
    spread: (x, shape) =>
      sizeOf(shape) === 0 ? tf.fill([...shape], 0, "float32") : tf.broadcastTo(x, [...shape]),
    keep: (x) => tf.clone(x),
    drop: (x) => x.dispose(),
  };
}

/** `where`: tfjs's own repeats what is to be broadcast at least once, also where there are no elements. */
function choice(
  tf: Operations,
  condition: TfTensor,
  x: Operand<TfTensor>,
  y: Operand<TfTensor>,
): TfTensor {
  const shapes = [condition, x, y].flatMap((each) => typeof each === "number" ? [] : [each.shape]);
  if (shapes.every((shape) => sizeOf(shape) > 0)) return tf.where(condition, x, y);
  const rank = Math.max(...shapes.map(({ length }) => length));
  const extents = Array.from({ length: rank }, (_, axis) => {
    const all = shapes.filter(({ length }) => length === rank).map((shape) => shape[axis]);
    return all.includes(0) ? 0 : Math.max(...all);
  });
  return tf.fill(extents, 0, "float32");
}

/** x^y as in C: JavaScript, and with it tfjs, has NaN for a power of 1 by what is not finite. */
function power(tf: Operations, x: Operand<TfTensor>, y: Operand<TfTensor>): TfTensor {
  const isNever1 = typeof x === "number" && Math.abs(x) !== 1;
  if (isNever1 || typeof y === "number" && Number.isFinite(y)) return tf.pow(x, y);
  const made: TfTensor[] = [];
  const own = (tensor: TfTensor) => (made.push(tensor), tensor);
  const isInfinite = own(tf.equal(own(tf.abs(own(tf.add(y, 0)))), Infinity));
  const isInfinitePower = own(tf.logicalAnd(own(tf.equal(x, -1)), isInfinite));
  const is1 = own(tf.logicalOr(own(tf.equal(x, 1)), isInfinitePower));
  const result = choice(tf, is1, 1, own(tf.pow(x, y)));
  made.forEach((tensor) => tensor.dispose());
  return result;
}

/** Random numbers, drawn on the host; `numberOf` a leaf is its number in the whole tree. */
export function drawing(
  tf: Tfjs,
  numberOf: (leaf: number) => number,
): ArrayLibrary<TfTensor>["random"] {
  const draw = (op: "Normal" | "Uniform") => {
    const row = randomRow(op)!;
    return (...[seed, counter, { leaf, shape }]: Parameters<Draw>) => {
      const [first, second] = [seed, counter].map((x) =>
        wordOf(typeof x === "number" ? x : x.dataSync()[0])
      );
      const numbers = Float32Array.from({ length: sizeOf(shape) }, (_, element) => {
        const [high, low] = bitsAt([first, second], element, numberOf(leaf), row.stream);
        return row.float32(high, low);
      });
      return tf.tensor(numbers, [...shape], "float32");
    };
  };
  return { Normal: draw("Normal"), Uniform: draw("Uniform") };
}

type Draw = NonNullable<ArrayLibrary<TfTensor>["random"]["Normal"]>;
