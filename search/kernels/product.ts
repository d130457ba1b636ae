/** Products of matrices of sizes known beforehand, as WebAssembly on four float32 at a time. */
import { Code, type Local } from "../../runtime/backends/wasm/code.ts";

/** The product of `rows` × `depth` and `depth` × `columns`; strides are in elements. */
export interface Product {
  /** A multiple of 4. */
  readonly rows: number;
  /** A multiple of 4. */
  readonly depth: number;
  /** A multiple of 4; of 8 it is quicker. */
  readonly columns: number;
  /** From one row of the left matrix to the next, and from one column to the next: swapped, it is transposed. */
  readonly left: readonly [row: number, column: number];
  /** From one row of the right matrix to the next; default `columns`. */
  readonly right?: number;
  /** From one row of the result to the next; default `columns`. */
  readonly result?: number;
  /** Whether it is added to what is there. */
  readonly isAdded?: boolean;
}

/** Rows of the result that are computed together, with one or two vectors of columns: they fill the registers. */
const TILE = 4;

/**
 * A function of the addresses of result, left and right. Each element is summed in the order of `depth`, every
 * product and sum rounded on its own.
 */
export function product(name: string, given: Product): Code {
  const { rows, depth, columns, left, right = columns, result = columns, isAdded = false } = given;
  if ([rows, depth, columns].some((size) => size % TILE !== 0)) {
    throw new Error(`${name} of ${rows}, ${depth}, ${columns} must be of multiples of ${TILE}`);
  }
  const vectors = columns % 8 === 0 ? 2 : 1;
  const code = new Code({ name, params: ["i32", "i32", "i32"], results: [] });
  const [to, from, table] = [0, 1, 2].map((i) => code.param(i));
  const [a, b, c, rowsEnd, row, end, stripsEnd] = Array.from(
    { length: 7 },
    () => code.local("i32"),
  );
  const vector = () => code.local("v128");
  const sums = Array.from({ length: TILE }, () => Array.from({ length: vectors }, vector));
  const entries = Array.from({ length: vectors }, vector);
  const element = vector();
  const each = (visit: (sum: Local, offset: number) => void) =>
    sums.forEach((line, i) => line.forEach((sum, k) => visit(sum, 4 * i * result + 16 * k)));
  offset(code, table, 4 * columns, stripsEnd);
  offset(code, from, 4 * rows * left[0], rowsEnd);
  code.loop(() => {
    code.get(from).set(row);
    code.get(to).set(c);
    code.loop(() => {
      each((sum, at) => {
        if (isAdded) code.get(c).memory("v128.load", at);
        else code.splat("f32x4", 0);
        code.set(sum);
      });
      code.get(row).set(a);
      code.get(table).set(b);
      offset(code, table, 4 * depth * right, end);
      code.loop(() => {
        for (let step = 0; step < TILE; step++) {
          entries.forEach((entry, k) =>
            code.get(b).memory("v128.load", 4 * step * right + 16 * k).set(entry)
          );
          sums.forEach((line, i) => {
            code.get(a).memory("v128.load32_splat", 4 * (i * left[0] + step * left[1]));
            code.set(element);
            line.forEach((sum, k) =>
              code.get(sum).get(element).get(entries[k]).op("f32x4.mul", "f32x4.add").set(sum)
            );
          });
        }
        offset(code, a, 4 * TILE * left[1], a);
        offset(code, b, 4 * TILE * right, b);
        code.get(b).get(end).op("i32.lt_u").branchIf(0);
      });
      each((sum, at) => code.get(c).get(sum).memory("v128.store", at));
      offset(code, c, 4 * TILE * result, c);
      offset(code, row, 4 * TILE * left[0], row);
      code.get(row).get(rowsEnd).op("i32.lt_u").branchIf(0);
    });
    offset(code, to, 16 * vectors, to);
    offset(code, table, 16 * vectors, table);
    code.get(table).get(stripsEnd).op("i32.lt_u").branchIf(0);
  });
  return code;
}

/** A function of the addresses of result and matrix: the matrix transposed. Strides are in elements. */
export function transposition(
  name: string,
  { rows, columns, stride = columns }: {
    readonly rows: number;
    readonly columns: number;
    readonly stride?: number;
  },
): Code {
  const code = new Code({ name, params: ["i32", "i32"], results: [] });
  const [to, from] = [0, 1].map((i) => code.param(i));
  const [end, a, rowEnd] = Array.from({ length: 3 }, () => code.local("i32"));
  offset(code, to, 4 * rows, end);
  const line = code.local("i32");
  code.loop(() => {
    code.get(from).set(a);
    code.get(to).set(line);
    offset(code, from, 4 * columns, rowEnd);
    code.loop(() => {
      for (let k = 0; k < TILE; k++) {
        code.get(line).get(a).memory("i32.load", 4 * k).memory("i32.store", 4 * k * rows);
      }
      offset(code, line, 4 * TILE * rows, line);
      offset(code, a, 4 * TILE, a);
      code.get(a).get(rowEnd).op("i32.lt_u").branchIf(0);
    });
    offset(code, from, 4 * stride, from);
    offset(code, to, 4, to);
    code.get(to).get(end).op("i32.lt_u").branchIf(0);
  });
  return code;
}

/** `result = local + bytes`. */
export function offset(code: Code, local: Local, bytes: number, result: Local): void {
  code.get(local).i32(bytes).op("i32.add").set(result);
}
