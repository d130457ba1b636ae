/** Leaves seen as matrices where arrays are another library's: refused by name, and nothing is changed. */
import { numpy as np } from "@jax-js/jax";
import * as tf from "@tensorflow/tfjs-core";
import { toJax } from "../../adapters/jax/mod.ts";
import { toTfjs } from "../../adapters/tfjs/mod.ts";
import { toTorchStateDict } from "../../export/safetensors/mod.ts";
import { muon, type Tensor } from "../../mod.ts";
import { assertEquals } from "../assert.ts";
import { on } from "../adapters/tfjs/backends.ts";
import { assertRefused } from "../refused.ts";

const opt = muon({ learningRate: 0.1, matrices: "last two" });
const seen = "a parameter must be computed as it is: given `w`, seen as 2 matrices of 1 x 2";

Deno.test("jax-js, whose arrays are computed whole, refuses them", () => {
  const w = np.array([1, 2, 3, 4]).reshape([2, 1, 2]);
  assertRefused(() => toJax(opt, np).init({ w }), `in arrays of jax-js ${seen}`);
});

Deno.test("tfjs steps them by the kernels of Gradus, and refuses them where it computes itself", async () => {
  const [values, shape] = [[1, 2, 3, 4], [2, 1, 2]];
  const params = { w: { data: Float32Array.from(values), shape } };
  opt.step(params, structuredClone(params), opt.init(params));
  for (const backend of ["cpu", "other"]) {
    await on(backend, () => {
      const w = tf.variable(tf.tensor(values, shape as [number, number, number]), true, "w");
      const own = toTfjs(opt, tf);
      const step = () =>
        own.applyGradients({ w: tf.tensor(values, shape as [number, number, number]) });
      if (backend === "cpu") step();
      else assertRefused(step, `in arrays of tfjs ${seen}`);
      assertEquals([...w.dataSync()], backend === "cpu" ? [...params.w.data] : values);
      [w, own].forEach((each) => each.dispose());
    });
  }
});

Deno.test("torch's Muon, which takes matrices only, refuses them", () => {
  const turned = muon({ learningRate: 0.1, matrices: { reductionAxis: 1, outputAxis: 0 } });
  const params: { w: Tensor } = { w: { data: Float32Array.of(1, 2), shape: [1, 2] } };
  const state = turned.init(params);
  assertRefused(
    () => toTorchStateDict(turned, params, state),
    "in torch a parameter must be computed as it is: given `w`, seen as a matrix of 2 x 1",
  );
});
