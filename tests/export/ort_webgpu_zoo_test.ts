/** Every optimizer there is, as a graph without float64, on WebGPU: near to what the interpreter defines. */
import { toOnnx } from "../../export/onnx/mod.ts";
import { OrtOptimizer } from "../../export/ort/mod.ts";
import { assert } from "../assert.ts";
import { streamGradients, streamParams } from "../golden/replay.ts";
import { inputsAt } from "./along.ts";
import { RANDOM, wrapped, zooOptimizers } from "./everything.ts";
import { apart, gpuTest } from "./gpu.ts";
import { statesOf } from "./trees.ts";

const NEAR = 1e-5;

gpuTest(
  "every optimizer and wrapper steps on WebGPU as it is defined, and no sign is another",
  async (device) => {
    const far: string[] = [];
    for (const [name, make] of Object.entries({ ...zooOptimizers, ...wrapped })) {
      if (RANDOM.includes(name)) continue;
      const opt = make();
      const definition = opt.with({ backend: "interpreter" });
      const [ours, theirs] = [streamParams("float32"), streamParams("float32")];
      const bytes = toOnnx(opt, ours, { precision: "float32" });
      const exported = await OrtOptimizer.load(bytes, { executionProvider: "webgpu", device });
      const [state, theirState] = [definition.init(ours), exported.init(theirs)];
      for (let t = 0; t < 6; t++) {
        const inputs = inputsAt(opt, "float32", t);
        definition.step(ours, streamGradients("float32", t), state, inputs);
        await exported.step(theirs, streamGradients("float32", t), theirState, inputs);
        await exported.download({ theirs, theirState });
        const { ofScale, flips } = apart(
          { w: theirs, ...numbersIn(theirState) },
          { w: ours, ...numbersIn(state) },
        );
        if (ofScale <= NEAR && flips === 0) continue;
        far.push(`${name} at step ${t + 1}: ${ofScale} of scale, ${flips} signs flipped`);
      }
      await exported.dispose();
    }
    assert(far.length === 0, far.join("\n"));
  },
);

/** The states, numbers as arrays of one. */
function numbersIn(state: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(statesOf(state)).map(([name, tree]) =>
      [name, typeof tree === "number" ? Float64Array.of(tree) : tree] as const
    ),
  );
}
