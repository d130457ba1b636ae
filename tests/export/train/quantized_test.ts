/** Low-rank factors beside weights of fewer bits train as beside those that they stand for. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  AttributeProto_AttributeType as AttributeType,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  TensorProto_DataType as DataType,
} from "onnx-buf";
import {
  crossEntropy,
  lora,
  OrtTrainer,
  type TrainerOptions,
  trainingStep,
} from "../../../export/train/mod.ts";
import { adamw, GradusError } from "../../../mod.ts";
import { assert, assertEquals, assertThrows } from "../../assert.ts";
import { gpuTest } from "../gpu.ts";
import { modelNamed, opened, referenceOf, tensorOf } from "./driver.ts";
import { KEPT, type Kept, keptModel } from "./quantized.ts";

const loss = crossEntropy({ logits: "logits" });
const reference = referenceOf("mlp");
const batch = {
  x: { data: Float32Array.from(reference.x[2]), shape: reference.x[1] },
  y: Int32Array.from(reference.y[2]),
};
const adapter = Deno.readFileSync(new URL("./lora/mlp.adapter.safetensors", import.meta.url));

function stepOf(model: Uint8Array): Uint8Array {
  const adapted = lora(model, { adapter, alpha: 8 });
  return trainingStep(adapted, adamw({ learningRate: 0.02 }), { loss });
}

async function trained(model: Uint8Array, options: TrainerOptions) {
  const trainer = await OrtTrainer.load(stepOf(model), options);
  const losses: number[] = [];
  for (let step = 0; step < 10; step++) losses.push(await trainer.step(batch));
  const { logits } = await trainer.evaluate({ x: batch.x }, ["logits"]);
  const made = {
    losses,
    factors: Object.values(await trainer.params()).map(({ data }) => data),
    logits: logits.data as Float32Array,
    tuned: await trainer.model(),
  };
  await trainer.dispose();
  return made;
}

function requireNear(given: ArrayLike<number>, wanted: ArrayLike<number>, most = 1e-5): void {
  assertEquals(given.length, wanted.length);
  for (let i = 0; i < given.length; i++) {
    assert(Math.abs(given[i] - wanted[i]) <= most, `at ${i}: ${given[i]}, not ${wanted[i]}`);
  }
}

async function requireAlike(how: Kept, options: TrainerOptions): Promise<void> {
  const [kept, plain] = keptModel(how);
  const [made, wanted] = [await trained(kept, options), await trained(plain, {})];
  requireNear(made.losses, wanted.losses);
  assert(made.losses[9] < made.losses[0] / 1.5, `${made.losses}`);
  made.factors.forEach((data, i) => requireNear(data, wanted.factors[i], 1e-4));
  requireNear(made.logits, wanted.logits, 1e-4);
  const session = await opened(made.tuned);
  const { logits } = await session.run({ x: tensorOf(reference.x) });
  await session.release();
  // Merged into float16, what was learned is rounded.
  requireNear(logits.data as Float32Array, made.logits, how === "float16" ? 2e-3 : 1e-5);
  const { node, initializer } = fromBinary(ModelProtoSchema, made.tuned).graph!;
  const types = new Map(initializer.map(({ name, dataType }) => [name, dataType]));
  assertEquals(node.some(({ opType }) => opType === "LoRA"), how !== "float16");
  if (how === "float16") assertEquals(types.get("l1.weight"), DataType.FLOAT16);
}

/** A conversion. */
function castOf(input: string, output: string, to: DataType): NodeProto {
  return create(NodeProtoSchema, {
    opType: "Cast",
    name: output,
    input: [input],
    output: [output],
    attribute: [{ name: "to", type: AttributeType.INT, i: BigInt(to) }],
  });
}

for (const how of KEPT) {
  Deno.test(`factors beside weights of ${how} train as beside float32`, () =>
    requireAlike(how, {}));
  gpuTest(`factors beside weights of ${how} train on a GPU as beside float32`, async (device) => {
    await requireAlike(how, { executionProvider: "webgpu", device });
  });
}

Deno.test("factors of a model that computes in float16 train in float32", async () => {
  const model = fromBinary(ModelProtoSchema, modelNamed("mlp.tsplain"));
  const { initializer, node } = model.graph!;
  for (const tensor of initializer) {
    const half = Float16Array.from(new Float32Array(tensor.rawData.slice().buffer));
    [tensor.rawData, tensor.dataType] = [new Uint8Array(half.buffer), DataType.FLOAT16];
  }
  node[0].input[0] = "x/half";
  node.at(-1)!.output = ["logits/half"];
  node.unshift(castOf("x", "x/half", DataType.FLOAT16));
  node.push(castOf("logits/half", "logits", DataType.FLOAT));
  const made = await trained(toBinary(ModelProtoSchema, model), {});
  const wanted = await trained(modelNamed("mlp.tsplain"), {});
  requireNear(made.losses, wanted.losses, 5e-3);
  const session = await opened(made.tuned);
  const { logits } = await session.run({ x: tensorOf(reference.x) });
  await session.release();
  requireNear(logits.data as Float32Array, made.logits, 1e-2);
  assert(!fromBinary(ModelProtoSchema, made.tuned).graph!.node.some(({ domain }) => domain));
});

Deno.test("an adapter that was trained beside 4 bits is loaded beside float32", async () => {
  const [kept, plain] = keptModel("4 bits");
  const trainer = await OrtTrainer.load(stepOf(kept));
  for (let step = 0; step < 5; step++) await trainer.step(batch);
  const { logits } = await trainer.evaluate({ x: batch.x }, ["logits"]);
  const learned = await trainer.adapter();
  await trainer.dispose();
  const session = await opened(lora(plain, { adapter: learned }));
  const results = await session.run({ x: tensorOf(reference.x) });
  await session.release();
  requireNear(results.logits.data as Float32Array, logits.data as Float32Array);
});

Deno.test("quantized numbers are not trained by default, nor is anything before rounded activations", () => {
  const [kept] = keptModel("uint8 per row");
  const { params } = JSON.parse(
    fromBinary(ModelProtoSchema, trainingStep(kept, adamw({ learningRate: 1 }), { loss }))
      .metadataProps.find(({ key }) => key === "gradus.training")!.value,
  );
  assertEquals(params, ["l1.bias", "l2.bias", "l3.bias"]);
  const model = fromBinary(ModelProtoSchema, modelNamed("mlp.tsplain"));
  const relu = model.graph!.node.find(({ opType }) => opType === "Relu")!;
  const [output] = relu.output;
  relu.output = [`${output}/float`];
  const scale = { ...model.graph!.initializer[1], name: "scale", dims: [] };
  scale.rawData = new Uint8Array(Float32Array.of(0.1).buffer);
  model.graph!.initializer.push(scale);
  const between = (opType: string, input: string, output: string) => ({
    ...relu,
    opType,
    name: opType,
    input: [input, "scale"],
    output: [output],
  });
  const at = model.graph!.node.indexOf(relu) + 1;
  model.graph!.node.splice(
    at,
    0,
    between("QuantizeLinear", relu.output[0], `${output}/whole`),
    between("DequantizeLinear", `${output}/whole`, output),
  );
  const rounds = toBinary(ModelProtoSchema, model);
  assertThrows(
    () => trainingStep(rounds, adamw({ learningRate: 1 }), { loss }),
    GradusError,
    "operator QuantizeLinear at `QuantizeLinear`: it rounds activations to whole numbers",
  );
  const params3 = { loss, params: ["l3.*"] };
  assert(trainingStep(rounds, adamw({ learningRate: 1 }), params3).length > 0);
});
