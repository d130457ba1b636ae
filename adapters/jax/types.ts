/** What this needs of jax-js, by structure: nothing of it is imported. */

/** An array of jax-js, or what stands for one while a function is traced. */
export interface JaxArray {
  /** Its extents. */
  readonly shape: number[];
  /** What its elements are, such as `"float32"`. */
  readonly dtype: string;
  /** The same array, for one more use. */
  readonly ref: this;
  /** Gives up one use. */
  dispose(): void;
}

/** A tree of arrays: jax-js's `JsTree`. */
export type JaxTree<A> = A | JaxTree<A>[] | { [key: string]: JaxTree<A> };

/** An array of floats that can be read. */
export interface ReadableArray extends JaxArray {
  /** Its numbers, copied; it is used up. */
  dataSync(): ArrayBufferView;
}

/** What is used of jax-js's `numpy`. */
export interface JaxNumpy<A extends JaxArray> {
  /** x + y. */
  readonly add: (x: A | number, y: A | number) => A;
  /** x·y. */
  readonly multiply: (x: A | number, y: A | number) => A;
  /** x/y. */
  readonly divide: (x: A | number, y: A | number) => A;
  /** The smaller of x and y. */
  readonly minimum: (x: A | number, y: A | number) => A;
  /** The larger of x and y. */
  readonly maximum: (x: A | number, y: A | number) => A;
  /** x < y. */
  readonly less: (x: A | number, y: A | number) => A;
  /** x ≤ y. */
  readonly lessEqual: (x: A | number, y: A | number) => A;
  /** x > y. */
  readonly greater: (x: A | number, y: A | number) => A;
  /** x ≥ y. */
  readonly greaterEqual: (x: A | number, y: A | number) => A;
  /** x = y. */
  readonly equal: (x: A | number, y: A | number) => A;
  /** x ∧ y. */
  readonly logicalAnd: (x: A, y: A) => A;
  /** x ∨ y. */
  readonly logicalOr: (x: A, y: A) => A;
  /** ¬x. */
  readonly logicalNot: (x: A) => A;
  /** √x. */
  readonly sqrt: (x: A) => A;
  /** e^x. */
  readonly exp: (x: A) => A;
  /** ln x. */
  readonly log: (x: A) => A;
  /** sin x. */
  readonly sin: (x: A) => A;
  /** cos x. */
  readonly cos: (x: A) => A;
  /** tan x. */
  readonly tan: (x: A) => A;
  /** arcsin x. */
  readonly asin: (x: A) => A;
  /** arctan x. */
  readonly atan: (x: A) => A;
  /** tanh x. */
  readonly tanh: (x: A) => A;
  /** x rounded down. */
  readonly floor: (x: A) => A;
  /** x rounded up. */
  readonly ceil: (x: A) => A;
  /** Whether x is NaN. */
  readonly isnan: (x: A) => A;
  /** x where the condition holds, y elsewhere. */
  readonly where: (condition: A, x: A | number, y: A | number) => A;
  /** The sum over axes. */
  readonly sum: (x: A, axis: number[], options: { keepdims: boolean }) => A;
  /** The mean over axes. */
  readonly mean: (x: A, axis: number[], options: { keepdims: boolean }) => A;
  /** The largest over axes. */
  readonly max: (x: A, axis: number[], options: { keepdims: boolean }) => A;
  /** The smallest over axes. */
  readonly min: (x: A, axis: number[], options: { keepdims: boolean }) => A;
  /** The product of matrices. */
  readonly matmul: (x: A, y: A) => A;
  /** The matrix with its axes exchanged. */
  readonly transpose: (x: A) => A;
  /** The same numbers in another shape. */
  readonly reshape: (x: A, shape: number[]) => A;
  /** The same numbers, repeated along axes. */
  readonly broadcastTo: (x: A, shape: number[]) => A;
  /** An array that has one value everywhere. */
  readonly full: (shape: number[], value: number | boolean, options: { dtype: never }) => A;
  /** An array of these numbers, copied. */
  // deno-lint-ignore no-explicit-any -- data are arrays of several types, each known to jax-js
  readonly array: (values: any, options: { shape: number[]; dtype: never }) => A;
  /** The same numbers in another type. */
  readonly astype: (x: A, dtype: never) => A;
}
