/** Dropout: what is drawn, when, and that gradients go the way of what was kept. */
import { fromBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema } from "onnx-buf";
import * as ort from "onnxruntime-web/wasm";
import { node, valueInfo } from "../../../export/onnx/proto.ts";
import {
  lossOutput,
  OrtTrainer,
  type TrainerOptions,
  trainingStep,
  withGradients,
} from "../../../export/train/mod.ts";
import { GradusError, sgd } from "../../../mod.ts";
import { assert, assertAlmostEquals, assertEquals, assertThrows } from "../../assert.ts";
import { gpuTest } from "../gpu.ts";
import { opened } from "./driver.ts";
import { writtenModel } from "./written.ts";

const WIDE = 50;

/** The mean of dropout(x·w) over all elements, of a parameter that is 1. */
function dropping(
  ratio: number,
  isTraining: boolean,
  batch: number | string = "batch",
): Uint8Array {
  return writtenModel({
    input: [valueInfo("x", "float32", [batch, WIDE])],
    output: [valueInfo("loss", "float32", []), valueInfo("y", "float32", [batch, WIDE])],
    initializers: {
      w: { shape: [WIDE], values: Array(WIDE).fill(1) },
      ratioConstant: { shape: [], values: [ratio] },
      isTraining: { shape: [], values: [Number(isTraining)], type: "bool" },
    },
    node: [
      node("Mul", ["x", "w"], "xw"),
      node("Dropout", ["xw", "ratioConstant", "isTraining"], "y"),
      node("ReduceMean", ["y"], "loss", { keepdims: 0 }),
    ],
  });
}

const loss = lossOutput("loss");
const params = ["w"];
const ones = { data: new Float32Array(20 * WIDE).fill(1), shape: [20, WIDE] };

async function lossesOf(
  seed: number,
  steps: number,
  options: TrainerOptions = {},
): Promise<number[]> {
  const bytes = trainingStep(dropping(0.25, true), sgd({ learningRate: 0 }), {
    loss,
    seed,
    params,
  });
  const trainer = await OrtTrainer.load(bytes, options);
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) losses.push(await trainer.step({ x: ones }));
  await trainer.dispose();
  return losses;
}

Deno.test("a run with dropout can be repeated, another seed is another run, and the mean is kept", async () => {
  const losses = await lossesOf(7, 40);
  assertEquals(await lossesOf(7, 5), losses.slice(0, 5));
  assert((await lossesOf(8, 1))[0] !== losses[0]);
  assert(new Set(losses).size > 10, "each step draws its own");
  // Of 40 000 elements, √(p/(1 - p)/40 000) = 0.003.
  assertAlmostEquals(losses.reduce((a, b) => a + b, 0) / losses.length, 1, 0.012);
});

gpuTest("dropout draws the same on a GPU", async (device) => {
  const [host, gpu] = [
    await lossesOf(7, 3),
    await lossesOf(7, 3, { executionProvider: "webgpu", device }),
  ];
  host.forEach((loss, i) => assertAlmostEquals(gpu[i], loss, 1e-5));
});

Deno.test("gradients go the way of what was kept", async () => {
  const session = await opened(withGradients(dropping(0.25, true, 2), { loss, params }));
  assertEquals([...session.inputNames].sort(), ["mask/y", "x"]);
  const x = Float32Array.from({ length: 2 * WIDE }, (_, i) => 1 + (i % 7));
  const mask = Float32Array.from({ length: 2 * WIDE }, (_, i) => i % 3 === 0 ? 0 : 4 / 3);
  const { "grad/w": gradient } = await session.run({
    x: new ort.Tensor("float32", x, [2, WIDE]),
    "mask/y": new ort.Tensor("float32", mask, [2, WIDE]),
  });
  await session.release();
  for (let i = 0; i < WIDE; i++) {
    const wanted = (x[i] * mask[i] + x[i + WIDE] * mask[i + WIDE]) / (2 * WIDE);
    assertAlmostEquals(Number(gradient.data[i]), wanted, 1e-7);
  }
});

Deno.test("nothing is dropped where a model is used: by evaluate, by the model given back, or for ratio 0", async () => {
  const bytes = trainingStep(dropping(0.25, true), sgd({ learningRate: 0 }), { loss, params });
  const trainer = await OrtTrainer.load(bytes);
  await trainer.step({ x: ones });
  const { y } = await trainer.evaluate({ x: ones }, ["y"]);
  assert((y.data as Float32Array).every((each) => each === 1));
  const { loss: mean } = await trainer.evaluate({ x: ones }, ["loss"]);
  assertEquals(Number(mean.data[0]), 1);
  const model = await trainer.model();
  await trainer.dispose();
  const session = await opened(model);
  const results = await session.run({ x: new ort.Tensor("float32", ones.data, ones.shape) });
  await session.release();
  assert((results.y.data as Float32Array).every((each) => each === 1));
  for (const plain of [dropping(0.25, false), dropping(0, true)]) {
    const { graph } = fromBinary(ModelProtoSchema, withGradients(plain, { loss, params }));
    assertEquals(graph!.input.map(({ name }) => name), ["x"]);
    assertEquals(graph!.node.some(({ opType }) => opType === "Dropout"), false);
  }
});

Deno.test("what is dropped may have sizes that are products of those of inputs", async () => {
  const model = writtenModel({
    input: [valueInfo("x", "float32", ["batch", 4])],
    output: [valueInfo("loss", "float32", [])],
    initializers: {
      w: { shape: [4], values: [1, 1, 1, 1] },
      pairs: { shape: [2], values: [-1, 2], type: "int64" },
      ratioConstant: { shape: [], values: [0.5] },
      isTraining: { shape: [], values: [1], type: "bool" },
    },
    node: [
      node("Mul", ["x", "w"], "xw"),
      node("Reshape", ["xw", "pairs"], "flat"),
      node("Dropout", ["flat", "ratioConstant", "isTraining"], "y"),
      node("ReduceSum", ["y"], "loss", { keepdims: 0 }),
    ],
  });
  const trainer = await OrtTrainer.load(
    trainingStep(model, sgd({ learningRate: 0 }), { loss, params }),
  );
  const losses: number[] = [];
  for (const batch of [3, 300]) {
    const x = { data: new Float32Array(4 * batch).fill(1), shape: [batch, 4] };
    losses.push(await trainer.step({ x }) / (4 * batch));
  }
  await trainer.dispose();
  assertAlmostEquals(losses[1], 1, 0.12);
});

Deno.test("dropout of all, or by no whole seed, is refused by name", () => {
  const of = (model: Uint8Array, seed: number) => () =>
    withGradients(model, { loss, params, seed });
  assertThrows(of(dropping(1, true), 0), GradusError, "operator Dropout at `y`: it must drop");
  assertThrows(of(dropping(0.5, true), 0.5), GradusError, "`seed` must be a whole number");
});
