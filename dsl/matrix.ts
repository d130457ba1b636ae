/** What matrices of numbers are. */

/** How many rows and columns a matrix has: numbers, or symbols for them. */
export type Sizes<T> = readonly [rows: T, columns: T];

/** A matrix of float64 numbers, row after row. */
export interface Matrix {
  readonly sizes: Sizes<number>;
  readonly data: Float64Array;
}
