/** Training steps of models that PyTorch exported, run by the trainer: PyTorch's losses, and the model back. */
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema, TensorProto_DataType as DataType } from "onnx-buf";
import * as ort from "onnxruntime-web/wasm";
import {
  type BatchTensor,
  crossEntropy,
  OrtTrainer,
  type TrainerOptions,
  trainingStep,
} from "../../../export/train/mod.ts";
import { adamw, lion, type Optimizer, sgd } from "../../../mod.ts";
import { assert, assertEquals } from "../../assert.ts";
import { gpuTest } from "../gpu.ts";
import { type Listed, modelNamed, referenceOf, tensorOf } from "./driver.ts";

const optimizer = adamw({ learningRate: 0.003, weightDecay: 0.01 });
const MODELS: Readonly<Record<string, number>> = {
  "mlp.plain": 1,
  "mlp.batch": 1,
  "gru.batch": 1,
  "gpt.tsplain": -1,
  "vit.tsplain": 1,
};
/** Where a loss is small, a last place of the sum of exponentials, which is near 1, is more than 1e-5 of it. */
const LAST_PLACE = 2 ** -23;

function stepOf(name: string): Uint8Array {
  const loss = crossEntropy({ logits: "logits", axis: MODELS[name] });
  return trainingStep(modelNamed(name), optimizer, { loss, onWarning: () => {} });
}

function tensor([type, shape, values]: Listed): BatchTensor {
  const data = type === "int64" ? Int32Array.from(values) : Float32Array.from(values);
  return { data, shape };
}

async function requireTrained(
  name: string,
  options: TrainerOptions,
  apartMost = 0,
): Promise<void> {
  const reference = referenceOf(name.split(".")[0]);
  const { losses } = reference.adamw;
  const trainer = await OrtTrainer.load(stepOf(name), options);
  const batch = { x: tensor(reference.x), y: tensor(reference.y) };
  for (const [i, wanted] of losses.entries()) {
    const loss = await trainer.step(batch);
    assert(
      Math.abs(loss - wanted) <= 1e-5 * wanted + apartMost,
      `at step ${i}: ${loss}, not ${wanted}`,
    );
  }
  const { logits } = await trainer.evaluate({ x: batch.x }, ["logits"]);
  const session = await ort.InferenceSession.create(await trainer.model());
  assertEquals([...session.inputNames], ["x"]);
  const results = await session.run({ x: tensorOf(reference.x) });
  const apart = Math.max(
    ...Array.from(
      logits.data as Float32Array,
      (value, i) => Math.abs(value - Number(results.logits.data[i])),
    ),
  );
  assert(apart <= 1e-5, `${apart}`);
  await session.release();
  await trainer.dispose();
}

for (const name of Object.keys(MODELS)) {
  Deno.test(`the trainer has PyTorch's losses of ${name}, and gives the trained model back`, async () => {
    await requireTrained(name, {});
  });
}

for (const name of ["mlp.batch", "gru.batch", "vit.tsplain"]) {
  gpuTest(
    `the trainer has PyTorch's losses of ${name} on WebGPU, and gives the trained model back`,
    async (device) => {
      await requireTrained(name, { executionProvider: "webgpu", device }, LAST_PLACE);
    },
  );
}

Deno.test("a batch of another size than before trains too, where it was exported open", async () => {
  const { x, y } = referenceOf("mlp");
  const trainer = await OrtTrainer.load(stepOf("mlp.batch"));
  const double = (
    [type, [n, ...rest], values]: Listed,
  ): Listed => [type, [2 * n, ...rest], [...values, ...values]];
  const once = await trainer.evaluate({ x: tensor(x), y: tensor(y) }, ["loss"]);
  const loss = await trainer.step({ x: tensor(double(x)), y: tensor(double(y)).data });
  assert(Math.abs(loss - Number(once.loss.data[0])) < 1e-6, `${loss}`);
  assert(await trainer.step({ x: tensor(x).data, y: tensor(y).data }) < loss);
  await trainer.dispose();
});

Deno.test("a model of float64 trains in float64", async () => {
  const model = fromBinary(ModelProtoSchema, modelNamed("mlp.tsplain"));
  const { initializer, input, output } = model.graph!;
  for (const tensor of initializer) {
    const wide = Float64Array.from(new Float32Array(tensor.rawData.slice().buffer));
    [tensor.rawData, tensor.dataType] = [new Uint8Array(wide.buffer), DataType.DOUBLE];
  }
  for (const { type } of [...input, ...output]) {
    if (type?.value.case === "tensorType") type.value.value.elemType = DataType.DOUBLE;
  }
  const loss = crossEntropy({ logits: "logits" });
  const bytes = trainingStep(toBinary(ModelProtoSchema, model), optimizer, { loss });
  const trainer = await OrtTrainer.load(bytes);
  const { x: [, shape, values], y, adamw: { losses } } = referenceOf("mlp");
  const batch = { x: { data: Float64Array.from(values), shape }, y: tensor(y) };
  for (const wanted of losses) {
    const made = await trainer.step(batch);
    assert(Math.abs(made - wanted) <= 1e-6 * wanted, `${made}, not ${wanted}`);
  }
  const { data } = Object.values(await trainer.params())[0];
  assert(data instanceof Float64Array && data.some((each) => each !== Math.fround(each)));
  await trainer.dispose();
});

Deno.test("trainers of different graphs that run at once make the steps that each makes alone", async () => {
  const { x, y } = referenceOf("mlp");
  const batch = { x: tensor(x), y: tensor(y) };
  const loss = crossEntropy({ logits: "logits" });
  const train = async (own: Optimizer) => {
    const trainer = await OrtTrainer.load(trainingStep(modelNamed("mlp.tsplain"), own, { loss }));
    const losses: number[] = [];
    for (let step = 0; step < 5; step++) losses.push(await trainer.step(batch));
    const { loss: { data } } = await trainer.evaluate(batch, ["loss"]);
    await trainer.dispose();
    return [...losses, Number(data[0])];
  };
  const all = [sgd({ learningRate: 0.1 }), optimizer, lion({ learningRate: 0.01 })];
  const alone = [];
  for (const each of all) alone.push(await train(each));
  assertEquals(await Promise.all(all.map(train)), alone);
});
