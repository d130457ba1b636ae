/**
 * Kernels of `qr`: Householder's reflections, some columns at a time. A workgroup makes the vectors of such a
 * panel; others reflect the columns behind it, and in the end those of the result, each some by itself.
 */
import { HEADER, indented, type Kernel, kernel, ROW, WORKGROUP } from "./kernel.ts";

/** The columns of a panel, and those that a workgroup reflects. */
export const PANEL = 32;
/** The words of a leaf's row before those that say where its arrays begin. */
export const QR_WORDS = 2;

/** The threads that share a column, and how many terms each adds before it adds their sum. */
const SHARES = WORKGROUP / PANEL;
const FEW = 16;

const HEAD = `  let chunk = id.x + id.y * ${ROW}u;
  if (chunk >= table[0]) {
    return;
  }
  let row = table[${HEADER}u + 2u * chunk];
  let part = table[${HEADER + 1}u + 2u * chunk];
  let rows = table[row];
  let columns = table[row + 1u];
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
 * Makes the vectors of a panel, in the place of its columns, and their scales: below 0 where the column of the
 * result is turned round. Its table has the panel's first column, two words a leaf (its row and 0), and the rows:
 * how large the matrix is, and where it and the workspace begin.
 */
export function panelKernel(): Kernel {
  const body = `${HEAD}
  if (panel == 0u) {
    for (var at = lane; at < rows * columns; at += ${WORKGROUP}u) {
      x1[${start(1)} + at] = x0[${start(0)} + at];
    }
    ${BARRIER}
  }
  for (var j = panel; j < end; j++) {
    var size = 0f;
    for (var i = j + lane; i < rows; i += ${WORKGROUP}u) {
      let each = abs(${vector(1)});
      // What is no number goes on.
      size = select(select(size, each, each > size), each, isNan(each));
    }
${indented(joined("size", "max(shares[lane], shares[lane + half])"), 4)}
    let largest = select(shares[0], 1f, shares[0] == 0f);
    let isZero = shares[0] == 0f;
    workgroupBarrier();
    var few = 0f;
    for (var i = j + lane; i < rows; i += ${WORKGROUP}u) {
      let each = ${vector(1)} / largest;
      ${vector(1)} = each;
      few += each * each;
    }
${indented(joined("few", "shares[lane] + shares[lane + half]"), 4)}
    let norm = sqrt(shares[0]);
    ${BARRIER}
    if (lane == 0u) {
      let i = j;
      let first = ${vector(1)};
      let isNegative = first < 0f;
      let moved = first + select(norm, -norm, isNegative);
      ${vector(1)} = moved;
      let scale = 1f / (norm * abs(moved));
      ${scale(1)} = select(select(-scale, scale, isNegative), 0f, isZero);
    }
    ${BARRIER}
    let column = panel + x;
    let isMine = column > j && column < end;
${indented(reflected(1, 1), 4)}
  }`;
  return kernel(1, WORKGROUP, shape([false, true]), body);
}

/** Reflects the columns behind a panel, a workgroup some. Its table is that of a panel's, with a word that says which. */
export function reflectKernel(): Kernel {
  const body = `${HEAD}
  let column = end + part * ${PANEL}u + x;
  let isMine = column < columns;
  for (var j = panel; j < end; j++) {
${indented(reflected(0, 0), 4)}
  }`;
  return kernel(1, WORKGROUP, shape([true]), body);
}

/** Makes the result of the vectors, some columns a workgroup: those of no vector are 0. */
export function factorKernel(): Kernel {
  const body = `${HEAD}
  let column = part * ${PANEL}u + x;
  let isMine = column < count;
  if (column < columns) {
    for (var i = y; i < rows; i += ${SHARES}u) {
      x1[${start(1)} + i * columns + column] = select(0f, 1f, i == column && isMine);
    }
  }
  ${BARRIER}
  for (var left = min(count, (part + 1u) * ${PANEL}u); left > 0u; left--) {
    let j = left - 1u;
${indented(reflected(0, 1), 4)}
  }
  if (isMine && x0[${start(0)} + rows * columns + column] < 0f) {
    for (var i = y; i < rows; i += ${SHARES}u) {
      let at = ${start(1)} + i * columns + column;
      x1[at] = 0f - x1[at];
    }
  }`;
  return kernel(1, WORKGROUP, shape([false, true]), body);
}

const BARRIER = "storageBarrier();\n    workgroupBarrier();";

function start(array: number): string {
  return `table[row + ${QR_WORDS + array}u]`;
}

/** The element of the vector `j` at row `i`, of the workspace that is an array. */
function vector(array: number): string {
  return `x${array}[${start(array)} + i * columns + j]`;
}

function scale(array: number): string {
  return `x${array}[${start(array)} + rows * columns + j]`;
}

/** Joins what the threads have in `name` into \`shares[0]\`. */
function joined(name: string, both: string): string[] {
  return [
    `shares[lane] = ${name};`,
    `workgroupBarrier();`,
    `for (var half = ${WORKGROUP / 2}u; half > 0u; half >>= 1u) {`,
    `  if (lane < half) {`,
    `    shares[lane] = ${both};`,
    `  }`,
    `  workgroupBarrier();`,
    `}`,
  ];
}

/** Reflects the column of each thread, if it \`isMine\`, along the vector \`j\`: A less scale times v vᵀA. */
function reflected(workspace: number, array: number): string[] {
  const element = `x${array}[${start(array)} + i * columns + column]`;
  return [
    `var sum = 0f;`,
    `for (var first = j + y; isMine && first < rows; first += ${FEW * SHARES}u) {`,
    `  var few = 0f;`,
    `  for (var i = first; i < min(rows, first + ${FEW * SHARES}u); i += ${SHARES}u) {`,
    `    few += ${vector(workspace)} * ${element};`,
    `  }`,
    `  sum += few;`,
    `}`,
    `shares[lane] = sum;`,
    `workgroupBarrier();`,
    `for (var half = ${SHARES / 2}u; half > 0u; half >>= 1u) {`,
    `  if (y < half) {`,
    `    shares[lane] += shares[lane + half * ${PANEL}u];`,
    `  }`,
    `  workgroupBarrier();`,
    `}`,
    `let product = abs(${scale(workspace)}) * shares[x];`,
    `for (var i = j + y; isMine && i < rows; i += ${SHARES}u) {`,
    `  ${element} -= ${vector(workspace)} * product;`,
    `}`,
    BARRIER,
  ];
}

/** By array, whether it is written. */
function shape(isWritten: readonly boolean[]): Omit<Kernel, "code"> {
  const arrays = isWritten.map((isWritten) => ({ name: "", isWritten, isWhole: true }));
  return { writesNumbers: false, arrays, partials: "none" };
}
