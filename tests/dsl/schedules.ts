/** How schedules are asked for their values in tests. */
import { constant } from "../../dsl/node.ts";
import { printExpression } from "../../dsl/print.ts";
import { substitute } from "../../dsl/simplify.ts";
import { type Schedule, schedule } from "../../mod.ts";
import { assert, assertAlmostEquals, assertEquals } from "../assert.ts";

/**
 * What a schedule gives at `counts`, once its expression is seen to give the same bits in two other
 * ways: folded with the count as a constant, and read back from its own text.
 */
export function values(given: Schedule, counts: readonly number[]): number[] {
  const { expression } = given;
  assert(expression !== undefined, "a schedule made here has an expression");
  const reread = schedule(printExpression(expression));
  return counts.map((count) => {
    const value = given(count);
    const folded = substitute(
      [expression],
      (name) => name === "count" ? constant(count) : undefined,
    )(expression);
    assertEquals([folded.op, folded.arg], ["Const", value], `folded at ${count}`);
    assertEquals(reread(count), value, `reread at ${count}`);
    return value;
  });
}

/** Fails unless numbers are the expected ones, to a part of their size. */
export function assertClose(
  actual: readonly number[],
  expected: readonly number[],
  tolerance: number = 1e-12,
): void {
  assertEquals(actual.length, expected.length);
  actual.forEach((value, i) =>
    assertAlmostEquals(value, expected[i], tolerance * Math.max(1, Math.abs(expected[i])))
  );
}
