/** What `qr` means: the first factor of a matrix, by Householder's reflections. */
import type { Matrix } from "./matrix.ts";

/** Numbers that a factorisation goes through, and what changes them. */
export interface Workspace {
  /** A matrix, row after row, `stride` numbers apart. */
  readonly matrix: Float64Array;
  /** The vectors that are reflected along, one behind the other. */
  readonly vectors: Float64Array;
  /**
   * Subtracts `scale` times v vᵀA from A: of `rows` rows and `columns` columns, from place `at` of the matrix
   * on, where v begins at `vector`. Each element of vᵀA is a sum from the first row to the last, starting
   * from 0.
   */
  reflect(reflection: Reflection): void;
}

/** One reflection of a part of the matrix. */
export interface Reflection {
  readonly vector: number;
  readonly scale: number;
  readonly at: number;
  readonly rows: number;
  readonly columns: number;
  readonly stride: number;
}

/** Numbers for a matrix of so many elements, vectors of so many, and so many in a row. */
export type MakeWorkspace = (matrix: number, vectors: number, row: number) => Workspace;

/**
 * Q of A = Q R, where the columns of Q are orthogonal and of length 1, and R is upper triangular, with no
 * negative number on its diagonal. Q has the shape of A: what columns there are beyond as many as rows are 0.
 * A column that depends on those before it has a column of Q that is orthogonal to them all the same.
 *
 * Householder 1958, Unitary Triangularization of a Nonsymmetric Matrix.
 */
export function orthonormal(
  { sizes: [rows, columns], data }: Matrix,
  make: MakeWorkspace = plain,
): Matrix {
  const count = Math.min(rows, columns);
  // One number more a row: vectors of two may begin at any column.
  const stride = columns + 1;
  const workspace = make(rows * stride, count * rows, stride);
  const { matrix, vectors } = workspace;
  for (let i = 0; i < rows; i++) {
    matrix.set(data.subarray(i * columns, (i + 1) * columns), i * stride);
    matrix[i * stride + columns] = 0;
  }
  const scales = new Float64Array(count);
  const isTurned = new Uint8Array(count);
  for (let j = 0; j < count; j++) {
    const [length, vector] = [rows - j, j * rows];
    let largest = 0;
    for (let i = 0; i < length; i++) {
      const x = vectors[vector + i] = matrix[(j + i) * stride + j];
      largest = Math.max(largest, Math.abs(x));
    }
    // A column of zeros is left as it is.
    if (largest === 0) continue;
    let sum = 0;
    for (let i = 0; i < length; i++) {
      const x = vectors[vector + i] /= largest;
      sum += x * x;
    }
    const norm = Math.sqrt(sum);
    const isNegative = vectors[vector] < 0;
    vectors[vector] += isNegative ? -norm : norm;
    scales[j] = 1 / (norm * Math.abs(vectors[vector]));
    isTurned[j] = Number(!isNegative);
    reflect(j, j + 1, columns);
  }
  matrix.fill(0, 0, rows * stride);
  for (let j = 0; j < count; j++) matrix[j * stride + j] = 1;
  for (let j = count - 1; j >= 0; j--) reflect(j, j, count);
  const result = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < count; j++) {
      const x = matrix[i * stride + j];
      result[i * columns + j] = isTurned[j] ? 0 - x : x;
    }
  }
  return { sizes: [rows, columns], data: result };

  /** Reflects columns, along the vector of the `j`th. */
  function reflect(j: number, from: number, to: number): void {
    if (scales[j] === 0 || from === to) return;
    workspace.reflect({
      ...{ vector: j * rows, scale: scales[j], at: j * stride + from },
      ...{ rows: rows - j, columns: to - from, stride },
    });
  }
}

const plain: MakeWorkspace = (elements, length) => {
  const [matrix, vectors] = [new Float64Array(elements), new Float64Array(length)];
  return {
    matrix,
    vectors,
    reflect({ vector, scale, at, rows, columns, stride }) {
      const products = new Float64Array(columns);
      for (let i = 0; i < rows; i++) {
        const [v, row] = [vectors[vector + i], at + i * stride];
        for (let j = 0; j < columns; j++) products[j] += v * matrix[row + j];
      }
      for (let i = 0; i < rows; i++) {
        const [v, row] = [scale * vectors[vector + i], at + i * stride];
        for (let j = 0; j < columns; j++) matrix[row + j] -= v * products[j];
      }
    },
  };
};
