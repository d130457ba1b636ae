/**
 * Float32 parameters against the truth in float64. An error is relative to the largest number in its
 * array at its step, which is what the rounding of a whole array can be judged by.
 */
import { assert } from "../assert.ts";
import { isKnown, optax32, optax64, optimizerOf, titleOf } from "./cases.ts";
import {
  goldenQuadratic,
  goldenStream,
  largestError,
  replayQuadratic,
  replayStream,
  type Step,
} from "./replay.ts";

/** How much further than Optax's own float32 an error may go. */
const SLACK = 2e-6;

optax32.cases.forEach((each, i) => {
  if (!isKnown(each)) return;
  const truth = optax64.cases[i];
  Deno.test(`${titleOf(each)} in float32 is as near the truth as Optax`, () => {
    const opt = optimizerOf(each).with({ backend: "interpreter" });
    const asNear = (
      ours: readonly Step[],
      theirs: readonly Step[],
      expected: readonly Step[],
      part: "updates" | "params",
    ) => {
      const error = largestError(ours, expected, part, 1);
      const bound = largestError(theirs, expected, part, 1) + SLACK;
      assert(error <= bound, `${part} are off by ${error}, more than ${bound}`);
    };
    const [theirs, expected] = [goldenStream(each), goldenStream(truth)];
    const updated = replayStream(opt, "float32", "update");
    asNear(updated, theirs, expected, "updates");
    asNear(updated, theirs, expected, "params");
    asNear(replayStream(opt, "float32", "step"), theirs, expected, "params");
    for (const manner of ["update", "step"] as const) {
      const steps = replayQuadratic(opt, "float32", manner);
      asNear(steps, goldenQuadratic(each), goldenQuadratic(truth), "params");
    }
  });
});
