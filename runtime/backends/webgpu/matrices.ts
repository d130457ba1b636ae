/** Kernels of what is done to whole matrices: a product in tiles, and a transpose. */
import { indented, type Kernel, kernel, MATRIX_HEAD, shapeOf, VECTORS } from "./kernel.ts";
import { WORKGROUP } from "./workgroup.ts";

/** How many terms of a product are in the memory of a workgroup at a time, and are summed as they come. */
const DEPTH = 16;
/** The rows and columns of the part that a workgroup makes: each thread makes four of them by four. */
const TILE = 4 * DEPTH;
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
  const four = [0, 1, 2, 3];
  const levels = Array.from({ length: LEVELS - 1 }, (_, level) => [
    `if ((step + 1u) % ${DEPTH ** (level + 1)}u == 0u) {`,
    ...four.flatMap((row) => [
      `  sums[${4 * level + 4 + row}] += sums[${4 * level + row}];`,
      `  sums[${4 * level + row}] = vec4<f32>();`,
    ]),
    `}`,
  ]).flat();
  // Inner loops are written out: Mesa's software device leaves loops after 2^16 rounds, those of inner ones counted.
  const taken = four.flatMap((each) => {
    const at = each * DEPTH;
    const [i, j] = [`top + y + ${at}u`, `side + x + ${at}u`];
    const left = `x0[${start(0)} + (${i}) * table[row + 3u] + k * table[row + 4u]]`;
    const other = `x${right}[${start(right)} + l * table[row + 5u] + (${j}) * table[row + 6u]]`;
    return [
      `lefts[(y + ${at}u) * ${DEPTH}u + x] = 0f;`,
      `rights[y * ${TILE}u + x + ${at}u] = 0f;`,
      `if (${i} < rows && k < depth) {`,
      `  lefts[(y + ${at}u) * ${DEPTH}u + x] = ${left};`,
      `}`,
      `if (${j} < columns && l < depth) {`,
      `  rights[y * ${TILE}u + x + ${at}u] = ${other};`,
      `}`,
    ];
  });
  const added = Array.from({ length: DEPTH }, (_, k) => [
    `let b${k} = vec4(${
      four.map((each) => `rights[${k * TILE + each * DEPTH}u + x]`).join(", ")
    });`,
    ...four.map((row) => `sum${row} += lefts[(y + ${row * DEPTH}u) * ${DEPTH}u + ${k}u] * b${k};`),
  ]).flat();
  const total = (row: number) =>
    Array.from({ length: LEVELS }, (_, level) => `sums[${4 * level + row}]`).join(" + ");
  const body = `${MATRIX_HEAD}
  let depth = table[row + 2u];
  let across = (columns + ${TILE - 1}u) / ${TILE}u;
  let top = (part / across) * ${TILE}u;
  let side = (part % across) * ${TILE}u;
  let y = lane / ${DEPTH}u;
  let x = lane % ${DEPTH}u;
  var sums: array<vec4<f32>, ${4 * LEVELS}>;
  for (var step = 0u; step * ${DEPTH}u < depth; step++) {
    let k = step * ${DEPTH}u + x;
    let l = step * ${DEPTH}u + y;
${indented(taken, 4)}
    workgroupBarrier();
${indented(four.map((row) => `var sum${row} = vec4<f32>();`), 4)}
${indented(added, 4)}
${indented(four.map((row) => `sums[${row}] += sum${row};`), 4)}
${indented(levels, 4)}
    workgroupBarrier();
  }
${indented(four.map((row) => `sums[${row}] = ${total(row)};`), 2)}
  for (var k = 0u; k < 16u; k++) {
    let i = top + y + (k / 4u) * ${DEPTH}u;
    let j = side + x + (k % 4u) * ${DEPTH}u;
    if (i < rows && j < columns) {
      x${out}[${start(out)} + i * columns + j] = sums[k / 4u][k % 4u];
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
