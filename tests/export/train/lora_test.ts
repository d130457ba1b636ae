/** Low-rank factors train as PyTorch trains them, become part of their weights, and go into files and back. */
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema, TensorProto_DataType as DataType } from "onnx-buf";
import { readSafetensors } from "../../../export/safetensors/mod.ts";
import { crossEntropy, lora, OrtTrainer, trainingStep } from "../../../export/train/mod.ts";
import type { TrainerOptions } from "../../../export/train/mod.ts";
import { adamw, GradusError, type Optimizer, sgd } from "../../../mod.ts";
import { assert, assertEquals, assertThrows } from "../../assert.ts";
import { gpuTest } from "../gpu.ts";
import { type Listed, modelNamed, opened, referenceOf, tensorOf } from "./driver.ts";

const OPTIMIZERS: Readonly<Record<string, Optimizer>> = {
  sgd: sgd({ learningRate: 0.05, momentum: 0.9 }),
  adamw: adamw({ learningRate: 0.003, weightDecay: 0.01 }),
};

/** What PyTorch made, such as `mlp.adapter`. */
function fileOf(name: string): Uint8Array {
  return Deno.readFileSync(new URL(`./lora/${name}.safetensors`, import.meta.url));
}

function lossOf(model: string) {
  return crossEntropy({ logits: "logits", axis: model.startsWith("gpt") ? -1 : 1 });
}

function batchOf(model: string) {
  const array = ([type, shape, values]: Listed) => {
    const data = type === "int64" ? Int32Array.from(values) : Float32Array.from(values);
    return { data, shape };
  };
  const { x, y } = referenceOf(model.split(".")[0]);
  return { x: array(x), y: array(y) };
}

async function logitsOf(model: Uint8Array, name: string): Promise<number[]> {
  const session = await opened(model);
  const { logits } = await session.run({ x: tensorOf(referenceOf(name.split(".")[0]).x) });
  await session.release();
  return Array.from(logits.data as Float32Array);
}

function requireNear(given: ArrayLike<number>, wanted: ArrayLike<number>, most: number): void {
  assertEquals(given.length, wanted.length);
  for (let i = 0; i < given.length; i++) {
    assert(Math.abs(given[i] - wanted[i]) <= most, `at ${i}: ${given[i]}, not ${wanted[i]}`);
  }
}

async function requireTrained(name: string, kind: string, options: TrainerOptions): Promise<void> {
  const [model, network] = [modelNamed(name), name.split(".")[0]];
  const adapted = lora(model, { adapter: fileOf(`${network}.adapter`), alpha: 8 });
  const bytes = trainingStep(adapted, OPTIMIZERS[kind], { loss: lossOf(name) });
  const trainer = await OrtTrainer.load(bytes, options);
  const { tensors } = readSafetensors(fileOf(`${network}.trained`));
  const losses: number[] = [];
  for (let step = 0; step < 20; step++) losses.push(await trainer.step(batchOf(name)));
  requireNear(losses, tensors.get(`${kind}/losses`)!.data as Float64Array, 1e-5);
  const params = Object.entries(await trainer.params());
  assertEquals(params.length, tensors.size / 2 - 1);
  for (const [param, { data, shape }] of params) {
    const wanted = tensors.get(`${kind}/${param.replace(".weight", "")}`)!;
    assertEquals(shape, wanted.shape);
    requireNear(data, wanted.data as Float32Array, 1e-5);
  }
  const [{ logits }, tuned] = [
    await trainer.evaluate({ x: batchOf(name).x }, ["logits"]),
    await trainer.model(),
  ];
  requireNear(await logitsOf(tuned, name), logits.data as Float32Array, 1e-5);
  await trainer.dispose();
  // But for the numbers of weights, it is the model that it was.
  const [before, after] = [model, tuned].map((each) => fromBinary(ModelProtoSchema, each));
  for (const { graph } of [before, after]) {
    for (const tensor of graph!.initializer) tensor.rawData = new Uint8Array();
  }
  assertEquals(toBinary(ModelProtoSchema, after), toBinary(ModelProtoSchema, before));
}

for (const name of ["mlp.plain", "mlp.tsplain", "gpt.tsplain", "gpt.batch"]) {
  for (const kind of Object.keys(OPTIMIZERS)) {
    Deno.test(`factors beside weights of ${name} train by ${kind} as PyTorch trains them`, async () => {
      await requireTrained(name, kind, {});
    });
  }
}

for (const name of ["mlp.tsplain", "gpt.batch"]) {
  gpuTest(
    `factors beside weights of ${name} train on a GPU as PyTorch trains them`,
    async (device) => {
      await requireTrained(name, "adamw", { executionProvider: "webgpu", device });
    },
  );
}

Deno.test("a model with fresh factors computes what it did, and A is drawn as PyTorch draws it", async () => {
  const name = "gpt.tsplain";
  const adapted = lora(modelNamed(name), { rank: 4 });
  assertEquals(await logitsOf(adapted, name), await logitsOf(modelNamed(name), name));
  const { initializer } = fromBinary(ModelProtoSchema, adapted).graph!;
  const factors = initializer.filter(({ name }) => name.endsWith("lora_A"));
  assertEquals(factors.length, 9);
  for (const { name, dims: [rank, read], rawData } of factors) {
    const [bound, numbers] = [
      1 / Math.sqrt(Number(read)),
      new Float32Array(rawData.slice().buffer),
    ];
    assertEquals([rank, numbers.length], [4n, 4 * Number(read)]);
    // The largest of n even draws is, but once in e^7, above 1 - 7/n.
    const most = Math.max(...Array.from(numbers, Math.abs));
    assert(most <= bound && most > bound * (1 - 7 / numbers.length), name);
    const mean = numbers.reduce((a, b) => a + b) / numbers.length;
    assert(Math.abs(mean) < 4 * bound / Math.sqrt(3 * numbers.length), name);
  }
  const firsts = factors.map(({ rawData }) => String(rawData.slice(0, 16)));
  assertEquals(new Set(firsts).size, firsts.length);
  assertEquals(lora(modelNamed(name), { rank: 4, seed: 0 }), adapted);
  assert(String(lora(modelNamed(name), { rank: 4, seed: 1 })) !== String(adapted));
});

Deno.test("an adapter goes into a file and back, with what was trained whole, and from one export to another", async () => {
  const [loss, batch] = [lossOf("gpt"), batchOf("gpt")];
  const coarse = lora(modelNamed("gpt.batch"), { rank: 2, alpha: 3, match: ["*.qkv.weight"] });
  const adapted = lora(coarse, { rank: 3, match: ["b.1.o.weight"] });
  const bytes = trainingStep(adapted, OPTIMIZERS.adamw, {
    loss,
    params: ["*.lora_*", "n.weight"],
  });
  const trainer = await OrtTrainer.load(bytes);
  for (let step = 0; step < 3; step++) await trainer.step(batch);
  const { logits } = await trainer.evaluate({ x: batch.x }, ["logits"]);
  const adapter = await trainer.adapter();
  await trainer.dispose();
  const { tensors, metadata } = readSafetensors(adapter);
  assertEquals(
    [...tensors.keys()].sort(),
    [
      ...["b.0.qkv", "b.1.o", "b.1.qkv"].flatMap((module) =>
        ["A", "B"].map((factor) => `base_model.model.${module}.lora_${factor}.weight`)
      ),
      "base_model.model.n.weight",
    ],
  );
  const { r, lora_alpha, rank_pattern, alpha_pattern, target_modules, modules_to_save } = JSON
    .parse(metadata.get("adapter_config")!);
  assertEquals([r, lora_alpha, target_modules.sort()], [2, 3, ["b.0.qkv", "b.1.o", "b.1.qkv"]]);
  assertEquals([rank_pattern, alpha_pattern, modules_to_save], [{ "b.1.o": 3 }, {}, ["n"]]);
  // Where the exporter has kept the weights as they are.
  const other = lora(modelNamed("gpt.tsplain"), { adapter });
  requireNear(await logitsOf(other, "gpt"), logits.data as Float32Array, 1e-5);
});

Deno.test("beside weights of float64 factors are float64, and a checkpoint goes on with them", async () => {
  const model = fromBinary(ModelProtoSchema, modelNamed("mlp.tsplain"));
  const { initializer, input, output } = model.graph!;
  for (const tensor of initializer) {
    const wide = Float64Array.from(new Float32Array(tensor.rawData.slice().buffer));
    [tensor.rawData, tensor.dataType] = [new Uint8Array(wide.buffer), DataType.DOUBLE];
  }
  for (const { type } of [...input, ...output]) {
    if (type?.value.case === "tensorType") type.value.value.elemType = DataType.DOUBLE;
  }
  const adapted = lora(toBinary(ModelProtoSchema, model), { rank: 2 });
  const step = trainingStep(adapted, OPTIMIZERS.adamw, { loss: lossOf("mlp") });
  const trainer = await OrtTrainer.load(step);
  const { x, y } = batchOf("mlp");
  const batch = { x: { ...x, data: Float64Array.from(x.data) }, y };
  const first = await trainer.step(batch);
  const checkpoint = await trainer.save();
  const second = await trainer.step(batch);
  assert(Math.abs(first - referenceOf("mlp").loss) < 1e-6 && second < first);
  await trainer.restore(checkpoint);
  assertEquals(await trainer.step(batch), second);
  for (const { data } of Object.values(await trainer.params())) {
    assert((data as ArrayBufferView) instanceof Float64Array);
  }
  await trainer.dispose();
});

Deno.test("what cannot have factors is refused by name", () => {
  const mlp = modelNamed("mlp.tsplain");
  const refusals: [() => unknown, string][] = [
    [() => lora(mlp, { match: ["l1.bias"] }), "operator Gemm at `/l1/Gemm` reads it"],
    [() => lora(mlp, { match: ["l4.*"] }), "it has no initializer `l4.*`"],
    [() => lora(mlp, { match: ["*.bias"] }), "it has `l1.weight`, `l2.weight`, `l3.weight`"],
    [() => lora(modelNamed("cnn.tsplain"), { match: ["c1.weight"] }), "operator Conv at"],
    [() => lora(modelNamed("gpt.tsplain"), { match: ["w.weight"] }), "operator Gather at"],
    [() => lora(lora(mlp), { match: ["l1.weight"] }), "it has factors already"],
    [() => lora(mlp, { rank: 0 }), "`rank` must be a whole number above 0: given 0"],
    [() => lora(mlp, { alpha: NaN }), "`alpha` must be a number above 0: given NaN"],
    [() => lora(mlp, { ranks: 2 } as never), "there is no option `ranks`"],
    [() => lora(mlp, { adapter: fileOf("mlp.adapter") }), "`alpha` must be given"],
    [() => lora(mlp, { adapter: fileOf("mlp.adapter"), rank: 4 }), "`rank` must be left out"],
    [
      () => lora(mlp, { adapter: fileOf("gpt.adapter"), alpha: 8 }),
      "the adapter has factors of `b.0.o`",
    ],
    [
      () => lora(mlp, { adapter: fileOf("mlp.trained"), alpha: 8 }),
      "the adapter has factors of `adamw/l1`",
    ],
    [() => lora(new Uint8Array(3)), "must be an ONNX model"],
  ];
  for (const [refused, reason] of refusals) assertThrows(refused, GradusError, reason);
});

Deno.test("a model without factors has no adapter", async () => {
  const trainer = await OrtTrainer.load(
    trainingStep(modelNamed("mlp.tsplain"), OPTIMIZERS.sgd, { loss: lossOf("mlp") }),
  );
  const error = await trainer.adapter().catch((error) => error);
  assert(/its model must have low-rank factors/.test(error.message), error);
  await trainer.dispose();
});
