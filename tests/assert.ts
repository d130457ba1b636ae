/** The assertions the tests use: the standard library's, with messages that contain several parts. */
// deno-lint-ignore-file no-explicit-any
import { assertStringIncludes } from "@std/assert";
import * as std from "@std/assert";

export { assert, assertAlmostEquals, assertEquals, assertStringIncludes } from "@std/assert";

/** Fails unless `run` throws an error of `type` whose message contains every one of `parts`; returns it. */
export function assertThrows<E extends Error>(
  run: () => unknown,
  type: new (...args: any[]) => E,
  ...parts: string[]
): E {
  const error = std.assertThrows(run, type);
  for (const part of parts) assertStringIncludes(error.message, part);
  return error;
}

/** Fails unless `run` rejects with an error of `type` whose message contains `parts`; returns it. */
export async function assertRejects<E extends Error>(
  run: () => Promise<unknown>,
  type: new (...args: any[]) => E,
  ...parts: string[]
): Promise<E> {
  const error = await std.assertRejects(run, type);
  for (const part of parts) assertStringIncludes(error.message, part);
  return error;
}
