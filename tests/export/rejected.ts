/** Refusals by what runs later: an error of Gradus, and nothing changed. */
import { GradusError } from "../../mod.ts";
import { assertEquals, assertRejects } from "../assert.ts";
import { contents } from "../refused.ts";

/** Fails unless `run` rejects with a GradusError of all `parts` and no bit of `given` changed. */
export async function assertRejected(
  run: () => Promise<unknown>,
  given: readonly unknown[],
  ...parts: readonly string[]
): Promise<GradusError> {
  const before = given.map(contents);
  const error = await assertRejects(run, GradusError, ...parts);
  assertEquals(given.map(contents), before, "a refusal has changed what was given");
  return error;
}
