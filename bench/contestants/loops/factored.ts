/** The factored second moment by hand: rows and columns are summed in one pass, applied in another. */
import { HYPER } from "../../tasks.ts";
import type { Arrays, Loop, Loops } from "./loop.ts";

type Sum = (arrays: Arrays, rowSums: Float64Array, columnSums: Float64Array) => void;

/** What differs is how the first pass sums. */
export const factoredLoops: Loops = {
  "row by row": stepWith(({ rows, columns, g }, rowSums, columnSums) => {
    for (let i = 0, k = 0; i < rows; i++) {
      let sum = 0;
      for (let j = 0; j < columns; j++, k++) {
        const square = g[k] * g[k];
        sum += square;
        columnSums[j] += square;
      }
      rowSums[i] = sum;
    }
  }),
  "two rows at a time": stepWith(({ rows, columns, g }, rowSums, columnSums) => {
    const even = rows - rows % 2;
    for (let i = 0; i < even; i += 2) {
      const [first, second] = [i * columns, (i + 1) * columns];
      let sum0 = 0, sum1 = 0;
      for (let j = 0; j < columns; j++) {
        const g0 = g[first + j], g1 = g[second + j];
        const s0 = g0 * g0, s1 = g1 * g1;
        sum0 += s0;
        sum1 += s1;
        columnSums[j] += s0 + s1;
      }
      rowSums[i] = sum0;
      rowSums[i + 1] = sum1;
    }
    for (let i = even; i < rows; i++) {
      let sum = 0;
      for (let j = 0; j < columns; j++) {
        const square = g[i * columns + j] ** 2;
        sum += square;
        columnSums[j] += square;
      }
      rowSums[i] = sum;
    }
  }),
};

function stepWith(sum: Sum): Loop {
  let [rowSums, columnSums] = [new Float64Array(0), new Float64Array(0)];
  return (arrays) => {
    const { rows, columns, w, g, r, c } = arrays;
    const { learningRate, b2, eps } = HYPER;
    if (rowSums.length !== rows) rowSums = new Float64Array(rows);
    if (columnSums.length !== columns) columnSums = new Float64Array(columns);
    columnSums.fill(0);
    sum(arrays, rowSums, columnSums);
    let mean = 0;
    for (let i = 0; i < rows; i++) {
      r[i] = b2 * r[i] + (1 - b2) * (rowSums[i] / columns + eps);
      mean += r[i] / rows;
    }
    for (let j = 0; j < columns; j++) {
      c[j] = b2 * c[j] + (1 - b2) * (columnSums[j] / rows + eps);
      columnSums[j] = 1 / Math.sqrt(c[j]);
    }
    for (let i = 0, k = 0; i < rows; i++) {
      const factor = learningRate / Math.sqrt(r[i] / mean);
      for (let j = 0; j < columns; j++, k++) w[k] -= factor * columnSums[j] * g[k];
    }
  };
}
