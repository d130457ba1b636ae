/** Stands in for `jsr:@std/testing/snapshot` on machines that do not reach JSR. */

/** Fails unless `actual` is what the snapshot file of the test has. */
export function assertSnapshot<T>(
  test: Deno.TestContext,
  actual: T,
  options?: { readonly path?: string },
): Promise<void> {
  return test.assertSnapshot(actual, options);
}
