/** The golden cases on the GPU: what runs there steps as it is interpreted. */
import { assert } from "../assert.ts";
import { isKnown, optax32, optimizerOf, titleOf } from "../golden/cases.ts";
import { streamGradients, streamParams, streamValue } from "../golden/replay.ts";
import { assertSteps, gpuTest } from "./gpu.ts";

// Matrices are not multiplied there: tests of errors hold that it says so.
const isRefused = ({ fn }: { readonly fn: string }) => fn === "muon";
const cases = optax32.cases.filter((spec) => isKnown(spec) && !isRefused(spec));

Deno.test("most golden cases are stepped on the GPU", () => assert(cases.length > 80));

for (const spec of cases) {
  gpuTest(`on the GPU, ${titleOf(spec)} steps as it is interpreted`, async () => {
    const opt = optimizerOf(spec);
    await assertSteps(
      opt,
      () => streamParams("float32"),
      (t) => streamGradients("float32", t),
      {
        inputsAt: (t): Record<string, number> =>
          opt.program.inputs.has("value") ? { value: streamValue(t) } : {},
      },
    );
  });
}
