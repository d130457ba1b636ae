/** The assertions the tests use: the npm build of the standard library carries no types. */
// deno-lint-ignore-file no-explicit-any
import * as untyped from "@std/assert";

const std = untyped as any;

/** Fails unless `condition` holds. */
export function assert(condition: unknown, message?: string): asserts condition {
  std.assert(condition, message);
}

/** Fails unless the two are deeply equal; NaN equals NaN and 0 equals -0 only by `Object.is`. */
export function assertEquals<T>(actual: T, expected: T, message?: string): void {
  std.assertEquals(actual, expected, message);
}

/** Fails unless `actual` is within `tolerance` of `expected`. */
export function assertAlmostEquals(actual: number, expected: number, tolerance?: number): void {
  std.assertAlmostEquals(actual, expected, tolerance);
}

/** Fails unless `text` contains `part`. */
export function assertStringIncludes(text: string, part: string): void {
  std.assertStringIncludes(text, part);
}

/** Fails unless `run` throws an error of `type` whose message contains every one of `parts`; returns it. */
export function assertThrows<E extends Error>(
  run: () => unknown,
  type: new (...args: any[]) => E,
  ...parts: string[]
): E {
  const error: E = std.assertThrows(run, type);
  for (const part of parts) assertStringIncludes(error.message, part);
  return error;
}

/** Fails unless `run` rejects with an error of `type` whose message contains `parts`; returns it. */
export async function assertRejects<E extends Error>(
  run: () => Promise<unknown>,
  type: new (...args: any[]) => E,
  ...parts: string[]
): Promise<E> {
  const error: E = await std.assertRejects(run, type);
  for (const part of parts) assertStringIncludes(error.message, part);
  return error;
}
