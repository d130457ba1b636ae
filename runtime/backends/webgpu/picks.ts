/** Numbers of schedules that follow a count on the GPU: each is picked there from those that it may be. */
import { HEADER, type Kernel, kernel, shapeOf } from "./kernel.ts";
import { WORKGROUP } from "./workgroup.ts";

/** A number that is picked. */
export interface Pick {
  /** The group that it is for, and which of its late hyperparameters it is. */
  readonly group: number;
  readonly name: string;
  /** The count that it goes by. */
  readonly clock: string;
  /** The count of the first number there is, and where the numbers begin in their buffer. */
  readonly first: number;
  readonly start: number;
  /** For how many there is room. */
  readonly room: number;
}

/** The words of a pick in the table. */
const PICK_WORDS = 5;

/**
 * Picks numbers, a thread each. Its table has how many, and for each: where its count is, the count of the first
 * number, where that begins, how many there are, and where the one that is picked goes.
 */
export function pickKernel(): Kernel {
  const body = `  for (var k = lane; k < table[0]; k += ${WORKGROUP}u) {
    let row = ${HEADER}u + ${PICK_WORDS}u * k;
    let count = bitcast<i32>(values[table[row]]) - i32(table[row + 1u]);
    let at = min(u32(max(count, 0)), table[row + 3u] - 1u);
    values[table[row + 4u]] = x0[table[row + 2u] + at];
  }`;
  return kernel(1, WORKGROUP, shapeOf([false], true), body);
}
