/** Random programs become kernels that every device takes, and that compute what is interpreted. */
import fc from "fast-check";
import { factory, GradusError, parseProgram } from "../../mod.ts";
import { assert } from "../assert.ts";
import { exactProgram } from "../dsl/generate.ts";
import { arraysOf, inputsOf, optionsOf, scenarios } from "../runtime/scenario.ts";
import { difference, gpuTest, onGpu } from "./gpu.ts";

gpuTest("random programs compute on the GPU what is interpreted", async () => {
  let [compared, same] = [0, 0];
  for (const rank of [0, 2]) {
    const all = fc.sample(scenarios(exactProgram({ rank }), rank), { numRuns: 20, seed: 1 });
    for (const drawn of all) {
      const leaves = drawn.leaves.map((leaf) => ({ ...leaf, dtype: "float32" as const }));
      const scenario = { ...drawn, leaves, muDtype: undefined };
      const opt = factory(parseProgram(scenario.generated.document))(optionsOf(scenario));
      const reference = opt.with({ backend: "interpreter" });
      const params = arraysOf(scenario, 0);
      const state = reference.init(params);
      await onGpu(opt, async (gpu) => {
        const theirs = gpu.upload(arraysOf(scenario, 0) as object);
        const theirState = gpu.upload(state);
        const [gradients, inputs] = [arraysOf(scenario, 1), inputsOf(scenario, 0)];
        if (!tries(() => reference.step(params, gradients, state, inputs))) return;
        gpu.step(theirs, gpu.upload(gradients as object), theirState, inputs);
        const { hyper: _, ...given } = await gpu.download(theirState);
        const { hyper: __, ...wanted } = state;
        const { ofScale } = difference([await gpu.download(theirs), given], [params, wanted]);
        compared++;
        if (ofScale <= 1e-5) same++;
      });
    }
  }
  // The numbers are wild: what overflows, and what a compiler rewrites as of real numbers, may differ.
  assert(compared > 30, `only ${compared} programs were compared`);
  assert(same >= 0.95 * compared, `${compared - same} of ${compared} programs differ`);
});

/** Whether something is done, and not refused. */
function tries(step: () => void): boolean {
  try {
    step();
    return true;
  } catch (error) {
    if (error instanceof GradusError) return false;
    throw error;
  }
}
