/** Stands in for `jsr:@std/assert` on machines that do not reach JSR: its npm build carries no types. */
// deno-lint-ignore-file no-explicit-any
import * as untyped from "npm:deno-std@1.4.0/assert/mod.js";

/** Fails unless `condition` holds. */
export const assert: (condition: unknown, message?: string) => asserts condition = untyped.assert;

/** Fails unless the two are deeply equal; NaN equals NaN and 0 equals -0 only by `Object.is`. */
export const assertEquals: <T>(actual: T, expected: T, message?: string) => void =
  untyped.assertEquals;

/** Fails unless `actual` is within `tolerance` of `expected`. */
export const assertAlmostEquals: (actual: number, expected: number, tolerance?: number) => void =
  untyped.assertAlmostEquals;

/** Fails unless `text` contains `part`. */
export const assertStringIncludes: (text: string, part: string) => void =
  untyped.assertStringIncludes;

/** Fails unless `run` throws an error of `type` whose message contains `part`; returns it. */
export const assertThrows: <E extends Error = Error>(
  run: () => unknown,
  type?: abstract new (...args: any[]) => E,
  part?: string,
) => E = untyped.assertThrows;

/** Fails unless `run` rejects with an error of `type` whose message contains `part`; returns it. */
export const assertRejects: <E extends Error = Error>(
  run: () => PromiseLike<unknown>,
  type?: abstract new (...args: any[]) => E,
  part?: string,
) => Promise<E> = untyped.assertRejects;
