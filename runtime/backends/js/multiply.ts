/** What is done to whole matrices in JavaScript. */
import { orthonormal } from "../../../dsl/householder.ts";
import { type Operand, readSizes } from "../../plan/products.ts";

/** Multiplies two matrices, a row of the result at a time. */
export function multiply(left: Operand, right: Operand, out: Operand["data"]): void {
  const { rows, columns: depth, rowStride, columnStride } = readSizes(left);
  const { columns } = readSizes(right);
  const factor = unpacked(right);
  const row = new Float64Array(columns);
  const at = (i: number, k: number) => left.data[i * rowStride + k * columnStride];
  for (let i = 0; i < rows; i++) {
    row.fill(0);
    let k = 0;
    // Four terms at a time, each still added in its turn.
    for (; k + 3 < depth; k += 4) {
      const [a, b, c, d] = [at(i, k), at(i, k + 1), at(i, k + 2), at(i, k + 3)];
      const [first, second, third] = [k * columns, (k + 1) * columns, (k + 2) * columns];
      const fourth = (k + 3) * columns;
      for (let j = 0; j < columns; j++) {
        row[j] = row[j] + a * factor[first + j] + b * factor[second + j] +
          c * factor[third + j] + d * factor[fourth + j];
      }
    }
    for (; k < depth; k++) {
      const a = at(i, k);
      for (let j = 0; j < columns; j++) row[j] += a * factor[k * columns + j];
    }
    out.set(row, i * columns);
  }
}

/** Writes the first factor of a matrix, which is read as it is stored. */
export function orthonormalize({ data, sizes }: Operand, out: Operand["data"]): void {
  out.set(orthonormal({ sizes, data: Float64Array.from(data) }).data);
}

/** Writes a matrix transposed. */
export function transpose({ data, sizes: [rows, columns] }: Operand, out: Operand["data"]): void {
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) out[j * rows + i] = data[i * columns + j];
  }
}

/** A matrix in float64, row after row as it is read. */
function unpacked(operand: Operand): Float64Array {
  if (!operand.isTransposed) return Float64Array.from(operand.data);
  const copy = new Float64Array(operand.data.length);
  transpose(operand, copy);
  return copy;
}
