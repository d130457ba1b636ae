/**
 * Kernels of `qr`: Householder's reflections, some columns at a time. Each column is scaled first, which does not
 * change the factor. A workgroup makes the vectors of a panel of columns; others reflect the columns behind it, and
 * in the end those of the result, each some by itself.
 */
import { indented, type Kernel, kernel, MATRIX_HEAD, shapeOf } from "./kernel.ts";
import { NO_NUMBER } from "./prelude.ts";
import { FEW, WORKGROUP } from "./workgroup.ts";

/** The columns of a panel, and those that a workgroup reflects. */
export const PANEL = 32;
/** The words of a leaf's row before those that say where its arrays begin. */
export const QR_WORDS = 2;

/** The threads that share a column. */
const SHARES = WORKGROUP / PANEL;
/** The exponent of each column's largest number: its products are far from overflow, and from subnormals. */
const LARGEST = 80;

const HEAD = `${MATRIX_HEAD}
  let count = min(rows, columns);
  let panel = table[3];
  let end = min(panel + ${PANEL}u, count);
  let x = lane % ${PANEL}u;
  let y = lane / ${PANEL}u;`;

/** The numbers that a factorisation works on: a matrix, and a scale for each vector. */
export function workspaceSize(rows: number, columns: number): number {
  return rows * columns + Math.min(rows, columns);
}

/** The panels of a factorisation. */
export function panelsOf(rows: number, columns: number): number {
  return Math.ceil(Math.min(rows, columns) / PANEL);
}

/** How many workgroups reflect the columns from `first` on. */
export function workgroupsFrom(first: number, columns: number): number {
  return Math.max(0, Math.ceil((columns - first) / PANEL));
}

/**
 * Copies a matrix into the workspace, a workgroup some columns, each times a power of two. Its table has the
 * panel's first column (0 here), two words a workgroup (the row of its leaf, and which columns), and the rows: how
 * large the matrix is, and where it and the workspace begin.
 */
export function scaleKernel(): Kernel {
  const from = `x1[${start(1)} + i * columns + column]`;
  const body = `${HEAD}
  let column = part * ${PANEL}u + x;
  let isMine = column < columns;
  var most = ${NO_NUMBER}f;
  for (var i = y; isMine && i < rows; i += ${SHARES}u) {
    most = max(most, f32(exponentOf(${from})));
  }
${indented(joined("most", "max(shares[lane], shares[lane + half])"), 2)}
  let power = ${LARGEST} - i32(shares[x]);
  for (var i = y; isMine && i < rows; i += ${SHARES}u) {
    ${element(0)} = timesPowerOf2(${from}, power);
  }`;
  return kernel(1, WORKGROUP, shapeOf([true, false]), body);
}

/**
 * Makes the vectors of a panel, in the place of its columns, and their scales: below 0 where the column of the
 * result is turned round. It and those that follow have the table of the first, without the matrix.
 */
export function panelKernel(): Kernel {
  const body = `${HEAD}
  for (var j = panel; j < end; j++) {
    var most = ${NO_NUMBER}f;
    for (var i = j + lane; i < rows; i += ${WORKGROUP}u) {
      most = max(most, f32(exponentOf(${VECTOR})));
    }
    let power = -i32(joinedMost(most, lane));
    var few = 0f;
    for (var i = j + lane; i < rows; i += ${WORKGROUP}u) {
      let each = timesPowerOf2(${VECTOR}, power);
      ${VECTOR} = each;
      few += each * each;
    }
    let square = joinedSum(few, lane);
    let norm = sqrt(square);
    let bits = bitcast<u32>(square);
    ${BARRIER}
    if (lane == 0u) {
      let i = j;
      let first = ${VECTOR};
      let isNegative = first < 0f;
      let moved = first + select(norm, -norm, isNegative);
      ${VECTOR} = moved;
      let scale = 1f / (norm * abs(moved));
      // A column of zeros is left as it is; one that is not finite makes NaN of the rest.
      let signed = select(select(-scale, scale, isNegative), 0f, bits == 0u);
      ${SCALE} = select(signed, values[2], bits >= 0x7f800000u);
    }
    ${BARRIER}
    let column = panel + x;
${indented(reflected(0, "column > j && column < end"), 4)}
  }`;
  return kernel(1, WORKGROUP, shapeOf([true]), body);
}

/** Reflects the columns behind a panel, a workgroup some. */
export function reflectKernel(): Kernel {
  const body = `${HEAD}
  let column = end + part * ${PANEL}u + x;
  for (var j = panel; j < end; j++) {
${indented(reflected(0, "column < columns"), 4)}
  }`;
  return kernel(1, WORKGROUP, shapeOf([true]), body);
}

/** Makes the result of the vectors, some columns a workgroup: those of no vector are 0. */
export function factorKernel(): Kernel {
  const body = `${HEAD}
  let column = part * ${PANEL}u + x;
  let isMine = column < count;
  if (column < columns) {
    for (var i = y; i < rows; i += ${SHARES}u) {
      ${element(1)} = select(0f, 1f, i == column && isMine);
    }
  }
  ${BARRIER}
  for (var left = min(count, (part + 1u) * ${PANEL}u); left > 0u; left--) {
    let j = left - 1u;
${indented(reflected(1, "isMine && column >= j"), 4)}
  }
  let j = column;
  if (isMine && ${SCALE} < 0f) {
    for (var i = y; i < rows; i += ${SHARES}u) {
      ${element(1)} = 0f - ${element(1)};
    }
  }`;
  return kernel(1, WORKGROUP, shapeOf([false, true]), body);
}

/** The element of the vector `j` at row `i`, and the scale of that vector. */
const VECTOR = `x0[${start(0)} + i * columns + j]`;
const SCALE = `x0[${start(0)} + rows * columns + j]`;
const BARRIER = "storageBarrier();\n    workgroupBarrier();";

function start(array: number): string {
  return `table[row + ${QR_WORDS + array}u]`;
}

/** The element of an array at row `i` of `column`. */
function element(array: number): string {
  return `x${array}[${start(array)} + i * columns + column]`;
}

/** Joins what the threads of each column have in `name` into `shares[x]`. */
function joined(name: string, both: string): string[] {
  return [
    `shares[lane] = ${name};`,
    `workgroupBarrier();`,
    `for (var half = ${WORKGROUP / 2}u; half >= ${PANEL}u; half >>= 1u) {`,
    `  if (lane < half) {`,
    `    shares[lane] = ${both};`,
    `  }`,
    `  workgroupBarrier();`,
    `}`,
  ];
}

/**
 * Reflects the column of each thread for which `isMine` holds, along the vector `j`: A less scale times v vᵀA.
 * A scale of 0 is for no reflection, even of what is not finite.
 */
function reflected(array: number, isMine: string): string[] {
  return [
    `let size = abs(${SCALE});`,
    `let isReflected = ${isMine} && bitcast<u32>(size) != 0u;`,
    `var sum = 0f;`,
    `for (var first = j + y; isReflected && first < rows; first += ${FEW * SHARES}u) {`,
    `  var few = 0f;`,
    `  for (var i = first; i < min(rows, first + ${FEW * SHARES}u); i += ${SHARES}u) {`,
    `    few += ${VECTOR} * ${element(array)};`,
    `  }`,
    `  sum += few;`,
    `}`,
    ...joined("sum", "shares[lane] + shares[lane + half]"),
    `let product = size * shares[x];`,
    `for (var i = j + y; isReflected && i < rows; i += ${SHARES}u) {`,
    `  ${element(array)} -= ${VECTOR} * product;`,
    `}`,
    BARRIER,
  ];
}
