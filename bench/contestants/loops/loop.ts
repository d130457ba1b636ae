/** What a hand-written loop works on. */

/** Parameters, gradients and whatever state the optimizer keeps; a matrix, row by row. */
export interface Arrays {
  readonly rows: number;
  readonly columns: number;
  readonly w: Float32Array;
  readonly g: Float32Array;
  readonly m: Float32Array;
  readonly v: Float32Array;
  /** One number a row, and one a column. */
  readonly r: Float32Array;
  readonly c: Float32Array;
}

/** One step, number `t`; its arithmetic is float64 and only what is stored is rounded. */
export type Loop = (arrays: Arrays, t: number) => void;

/** The ways to write a step that are worth trying, by name; the first is the plainest. */
export type Loops = Readonly<Record<string, Loop>>;
