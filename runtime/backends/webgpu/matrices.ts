/** Kernels of what is done to whole matrices: a product in tiles, and a transpose. */
import { indented, type Kernel, kernel, MATRIX_HEAD, shapeOf, VECTORS } from "./kernel.ts";
import { WORKGROUP } from "./workgroup.ts";

/** The rows and columns of the part of a product that a workgroup makes. */
export const TILE = 32;
/** How many terms of it are in the memory of a workgroup at a time, and are summed as they come. */
const DEPTH = 16;
/** Sums of so many terms, then sums of so many of such, so that no term is added to many. */
const LEVELS = 4;
/** The words of a leaf's row before those that say where its arrays begin. */
export const MATRIX_WORDS = 7;

/**
 * A product, of one array by itself where `isOfOne`: a workgroup makes a tile. Its table has the number of
 * tiles, two words for each (the row of its leaf and its number), and the rows: how large the product is
 * and how many terms are added, how far apart the left factor's elements are from row to row and from
 * column to column, and the right one's, and where each array begins.
 */
export function productKernel(isOfOne: boolean): Kernel {
  const right = isOfOne ? 0 : 1;
  const out = right + 1;
  const start = (array: number) => `table[row + ${MATRIX_WORDS + array}u]`;
  const levels = Array.from({ length: LEVELS - 1 }, (_, level) => [
    `if ((step + 1u) % ${DEPTH ** (level + 1)}u == 0u) {`,
    `  sums[${level + 1}] += sums[${level}];`,
    `  sums[${level}] = vec4<f32>();`,
    `}`,
  ]).flat();
  const body = `${MATRIX_HEAD}
  let depth = table[row + 2u];
  let across = (columns + ${TILE - 1}u) / ${TILE}u;
  let top = (part / across) * ${TILE}u;
  let side = (part % across) * ${TILE}u;
  let y = lane / ${DEPTH}u;
  let x = lane % ${DEPTH}u;
  var sums: array<vec4<f32>, ${LEVELS}>;
  for (var step = 0u; step * ${DEPTH}u < depth; step++) {
    for (var half = 0u; half < ${TILE}u; half += ${DEPTH}u) {
      let k = step * ${DEPTH}u + x;
      let l = step * ${DEPTH}u + y;
      let i = top + half + y;
      let j = side + half + x;
      lefts[(half + y) * ${DEPTH}u + x] = 0f;
      rights[y * ${TILE}u + half + x] = 0f;
      if (i < rows && k < depth) {
        lefts[(half + y) * ${DEPTH}u + x] = x0[${
    start(0)
  } + i * table[row + 3u] + k * table[row + 4u]];
      }
      if (j < columns && l < depth) {
        rights[y * ${TILE}u + half + x] = x${right}[${
    start(right)
  } + l * table[row + 5u] + j * table[row + 6u]];
      }
    }
    workgroupBarrier();
    var sum = vec4<f32>();
    for (var k = 0u; k < ${DEPTH}u; k++) {
      let a = vec2(lefts[y * ${DEPTH}u + k], lefts[(y + ${DEPTH}u) * ${DEPTH}u + k]);
      let b = vec2(rights[k * ${TILE}u + x], rights[k * ${TILE}u + x + ${DEPTH}u]);
      sum += a.xxyy * b.xyxy;
    }
    sums[0] += sum;
${indented(levels, 4)}
    workgroupBarrier();
  }
  let total = ${Array.from({ length: LEVELS }, (_, level) => `sums[${level}]`).join(" + ")};
  for (var k = 0u; k < 4u; k++) {
    let i = top + y + (k / 2u) * ${DEPTH}u;
    let j = side + x + (k % 2u) * ${DEPTH}u;
    if (i < rows && j < columns) {
      x${out}[${start(out)} + i * columns + j] = total[k];
    }
  }`;
  return kernel(1, WORKGROUP, shapeOf(isOfOne ? [false, true] : [false, false, true]), body);
}

/**
 * A transpose: a thread takes some elements. Its table is that of a product, with chunks of elements in
 * place of tiles; rows and columns are the result's.
 */
export function transposeKernel(): Kernel {
  const body = `${MATRIX_HEAD}
  for (var k = 0u; k < ${VECTORS}u; k++) {
    let at = (part * ${VECTORS}u + k) * ${WORKGROUP}u + lane;
    if (at < rows * columns) {
      let i = at / columns;
      let j = at % columns;
      x1[table[row + ${MATRIX_WORDS + 1}u] + at] = x0[table[row + ${MATRIX_WORDS}u] + j * rows + i];
    }
  }`;
  return kernel(1, WORKGROUP, shapeOf([false, true]), body);
}

/** How many workgroups a matrix takes. */
export function workgroupsOf(op: "MatMul" | "Transpose", rows: number, columns: number): number {
  return op === "MatMul"
    ? Math.ceil(rows / TILE) * Math.ceil(columns / TILE)
    : Math.ceil(rows * columns / (WORKGROUP * VECTORS));
}
