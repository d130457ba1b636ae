/** A trainer gives gradients without a step, and takes parameters: what learning from several workers needs. */
import {
  crossEntropy,
  OrtTrainer,
  type TrainerOptions,
  trainingStep,
} from "../../../export/train/mod.ts";
import { adamw, dynamicLossScale, GradusError, type Optimizer, sgd } from "../../../mod.ts";
import { assert, assertEquals, assertRejects } from "../../assert.ts";
import { gpuTest } from "../gpu.ts";
import { modelNamed, referenceOf } from "./driver.ts";

const reference = referenceOf("mlp");
const batch = {
  x: { data: Float32Array.from(reference.x[2]), shape: reference.x[1] },
  y: Int32Array.from(reference.y[2]),
};

function loaded(optimizer: Optimizer, options: TrainerOptions = {}): Promise<OrtTrainer> {
  const loss = crossEntropy({ logits: "logits" });
  return OrtTrainer.load(trainingStep(modelNamed("mlp.tsplain"), optimizer, { loss }), options);
}

async function requireGradients(options: TrainerOptions): Promise<void> {
  const trainer = await loaded(adamw({ learningRate: 0.01 }), options);
  const first = await trainer.params();
  const { loss, gradients } = await trainer.gradients(batch);
  assert(Math.abs(loss - reference.loss) < 1e-6);
  assertEquals(Object.keys(gradients), Object.keys(reference.grads));
  for (const [name, [, shape, values]] of Object.entries(reference.grads)) {
    assertEquals(gradients[name].shape, shape);
    values.forEach((value, i) => assert(Math.abs(gradients[name].data[i] - value) < 1e-6, name));
  }
  assertEquals([trainer.count, await trainer.params()], [0, first]);
  // What a step finds is what is found without it, and parameters that were put back are those of before.
  const losses = [await trainer.step(batch), await trainer.step(batch)];
  assertEquals((await trainer.params())["l1.bias"].data.length, 16);
  const { "l1.bias": bias, ...others } = first;
  const moved = (await trainer.params())["l1.bias"];
  await trainer.setParams(others);
  assertEquals(await trainer.params(), { ...first, "l1.bias": moved });
  await trainer.setParams({ "l1.bias": bias });
  const again = await trainer.gradients(batch);
  assert(Math.abs(again.loss - losses[0]) < 1e-6 && losses[1] < losses[0]);
  assert(Math.abs(await trainer.step(batch) - losses[0]) < 1e-6);
  assertEquals(trainer.count, 3);
  await trainer.dispose();
}

Deno.test("a trainer's gradients are PyTorch's, and its parameters can be set", () =>
  requireGradients({}));

gpuTest(
  "a trainer's gradients on a GPU are PyTorch's, and its parameters can be set",
  async (device) => {
    await requireGradients({ executionProvider: "webgpu", device });
  },
);

Deno.test("gradients of a loss that is scaled are as the optimizer inside is given them", async () => {
  const [plain, scaled] = [
    await loaded(sgd({ learningRate: 0.1 })),
    await loaded(dynamicLossScale(sgd({ learningRate: 0.1 }), { initScale: 1024 })),
  ];
  const [wanted, given] = [await plain.gradients(batch), await scaled.gradients(batch)];
  for (const [name, { data }] of Object.entries(wanted.gradients)) {
    (data as Float32Array).forEach((value, i) =>
      assert(Math.abs(value - given.gradients[name].data[i]) < 1e-7, name)
    );
  }
  await plain.dispose();
  await scaled.dispose();
});

Deno.test("parameters that are none of the trainer's are refused, and nothing has changed", async () => {
  const trainer = await loaded(sgd({ learningRate: 0.1 }));
  const before = await trainer.params();
  const bias = { data: new Float32Array(16), shape: [16] };
  const refusals: [Record<string, unknown>, string][] = [
    [{ "l1.bias": bias, "l1.biases": bias }, "there is no parameter `l1.biases`"],
    [{ "l1.bias": bias, "l2.bias": { data: new Float32Array(4), shape: [4] } }, "of shape [16]"],
    [{ "l1.bias": { data: new Float64Array(16), shape: [16] } }, "must be a Float32Array"],
    [{ "l1.bias": new Float32Array(16) }, "as `{ data, shape }`"],
  ];
  for (const [given, reason] of refusals) {
    await assertRejects(() => trainer.setParams(given as never), GradusError, reason);
  }
  assertEquals(await trainer.params(), before);
  await trainer.dispose();
});
