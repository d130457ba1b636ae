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

type Unary<A> = (x: A) => A;
type Binary<A> = (x: A | number, y: A | number) => A;
type Reduction<A> = (x: A, axis: number[], options: { keepdims: boolean }) => A;

/** What is used of jax-js's `numpy`. */
export interface JaxNumpy<A extends JaxArray> {
  readonly add: Binary<A>;
  readonly multiply: Binary<A>;
  readonly divide: Binary<A>;
  readonly minimum: Binary<A>;
  readonly maximum: Binary<A>;
  readonly less: Binary<A>;
  readonly lessEqual: Binary<A>;
  readonly greater: Binary<A>;
  readonly greaterEqual: Binary<A>;
  readonly equal: Binary<A>;
  readonly logicalAnd: (x: A, y: A) => A;
  readonly logicalOr: (x: A, y: A) => A;
  readonly logicalNot: Unary<A>;
  readonly sqrt: Unary<A>;
  readonly exp: Unary<A>;
  readonly log: Unary<A>;
  readonly sin: Unary<A>;
  readonly cos: Unary<A>;
  readonly tan: Unary<A>;
  readonly asin: Unary<A>;
  readonly acos: Unary<A>;
  readonly atan: Unary<A>;
  readonly tanh: Unary<A>;
  readonly floor: Unary<A>;
  readonly ceil: Unary<A>;
  readonly isnan: Unary<A>;
  readonly where: (condition: A, x: A | number, y: A | number) => A;
  readonly sum: Reduction<A>;
  readonly mean: Reduction<A>;
  readonly max: Reduction<A>;
  readonly min: Reduction<A>;
  readonly matmul: (x: A, y: A) => A;
  readonly transpose: (x: A) => A;
  readonly reshape: (x: A, shape: number[]) => A;
  readonly broadcastTo: (x: A, shape: number[]) => A;
  readonly full: (shape: number[], value: number | boolean, options: { dtype: never }) => A;
  // deno-lint-ignore no-explicit-any -- data are arrays of several types, each known to jax-js
  readonly array: (values: any, options: { shape: number[]; dtype: never }) => A;
  readonly astype: (x: A, dtype: never) => A;
}
