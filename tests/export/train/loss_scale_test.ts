/** Models that compute in float16 train by a scaled loss. */
import { node, valueInfo } from "../../../export/onnx/proto.ts";
import { attachOptimizer } from "../../../export/onnx/mod.ts";
import { meanSquaredError, OrtTrainer, trainingStep } from "../../../export/train/mod.ts";
import { dynamicLossScale, type Optimizer, partition, sgd } from "../../../mod.ts";
import { assert, assertEquals } from "../../assert.ts";
import { assertRefused } from "../../refused.ts";
import { gpuTest } from "../gpu.ts";
import { writtenModel } from "./written.ts";

const [FLOAT, FLOAT16] = [1, 10];

/** x·w in float16, of weights in float32: an example is 1e-4, and a gradient of 2e-8 is 0 in float16. */
const model = writtenModel({
  input: [valueInfo("x", "float32", [4, 1])],
  output: [valueInfo("p", "float32", [4, 1])],
  initializers: { w: { shape: [1, 1], values: [1] } },
  node: [
    node("Cast", ["x"], "x16", { to: FLOAT16 }),
    node("Cast", ["w"], "w16", { to: FLOAT16 }),
    node("MatMul", ["x16", "w16"], "p16"),
    node("Cast", ["p16"], "p", { to: FLOAT }),
  ],
});
const plain = writtenModel({
  input: [valueInfo("x", "float32", [4, 1])],
  output: [valueInfo("p", "float32", [4, 1])],
  initializers: { w: { shape: [1, 1], values: [1] } },
  node: [node("MatMul", ["x", "w"], "p")],
});
const scaledFrom = (initScale: number) =>
  dynamicLossScale(sgd({ learningRate: 0.01 }), { initScale, growthInterval: 1000 });
const loss = meanSquaredError({ output: "p" });
const batch = { x: new Float32Array(4).fill(1e-4), y: new Float32Array(4) };
const inner = sgd({ learningRate: 1e7 });

async function trained(optimizer: Optimizer, steps: number, device: GPUDevice) {
  const bytes = trainingStep(model, optimizer, { loss });
  const trainer = await OrtTrainer.load(bytes, { executionProvider: "webgpu", device });
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) losses.push(await trainer.step(batch));
  const [{ w: { data: [w] } }, state] = [await trainer.params(), await trainer.state()];
  await trainer.dispose();
  return { w, losses, scale: state.lossScale };
}

// On WebAssembly, ONNX Runtime computes in float32 between what is float16 in a file.
gpuTest("a scaled loss keeps gradients that float16 would lose", async (device) => {
  if (!device.features.has("shader-f16")) {
    console.log("skipped: the device has no float16");
    return;
  }
  assertEquals((await trained(inner, 2, device)).w, 1, "gradients vanish");
  const scaled = dynamicLossScale(inner, { growthInterval: 2 });
  const { w, losses, scale } = await trained(scaled, 2, device);
  // w loses 1e7·2e-8·w at each step; the loss is told as it is.
  assert(Math.abs(w - 0.64) < 2e-3, `${w}`);
  assert(Math.abs(losses[0] - 1e-8) < 1e-11, `${losses[0]}`);
  assertEquals(scale, 2 ** 16);
  const over = await trained(dynamicLossScale(inner, { initScale: 2 ** 45 }), 3, device);
  assertEquals([over.w, over.scale], [1, 2 ** 42], "an overflow changes but the scale");
});

Deno.test("a step of a scaled loss is that of the loss, bit for bit, and none where gradients overflow", async () => {
  const large = { ...batch, x: new Float32Array(4).fill(4) };
  const runs = [
    { optimizer: sgd({ learningRate: 0.01 }), overflows: 0 },
    { optimizer: scaledFrom(2 ** 125), overflows: 3 },
  ];
  const made = [];
  for (const precision of ["float32", "float64"] as const) {
    for (const { optimizer, overflows } of runs) {
      const trainer = await OrtTrainer.load(trainingStep(plain, optimizer, { loss, precision }));
      for (let step = 0; step < overflows; step++) assertEquals(await trainer.step(large), 16);
      const losses = [await trainer.step(large), await trainer.step(large)];
      const { loss: { data } } = await trainer.evaluate(large, ["loss"]);
      made.push({ losses, w: (await trainer.params()).w, evaluated: data[0] });
      await trainer.dispose();
    }
  }
  assertEquals(made[1], made[0]);
  assertEquals(made[3], made[2]);
});

Deno.test("a gradient that is not finite is named where the loss is scaled too", async () => {
  const bytes = trainingStep(model, dynamicLossScale(inner), { loss });
  const trainer = await OrtTrainer.load(bytes, { refuseNonFinite: true });
  const error = await trainer.step({ ...batch, x: batch.x.with(0, NaN) }).catch((error) => error);
  assert(/the first parameter whose gradient is not finite is `?"?w/.test(error.message), error);
  await trainer.dispose();
});

Deno.test("a model that takes the scale itself is given that of the optimizer", async () => {
  const scaled = writtenModel({
    input: [valueInfo("x", "float32", [1]), valueInfo("lossScale", "float32", [])],
    output: [valueInfo("loss", "float32", []), valueInfo("dw", "float32", [1])],
    initializers: {
      w: { shape: [1], values: [2] },
      axes: { shape: [1], values: [0], type: "int64" },
    },
    node: [
      node("Mul", ["x", "w"], "xw"),
      node("ReduceSum", ["xw", "axes"], "loss", { keepdims: 0 }),
      node("Mul", ["x", "lossScale"], "dw"),
    ],
  });
  const bytes = attachOptimizer(scaled, dynamicLossScale(sgd({ learningRate: 1 })), {
    params: ["w"],
    grads: ["dw"],
    precision: "float32",
  });
  const trainer = await OrtTrainer.load(bytes, {
    params: { w: { data: Float32Array.of(2), shape: [1] } },
  });
  assertEquals(await trainer.step({ x: Float32Array.of(0.5) }), 1);
  assertEquals((await trainer.params()).w.data, Float32Array.of(1.5));
  await trainer.dispose();
});

Deno.test("scales of parts of the parameters are refused", () => {
  const parts = partition({ a: dynamicLossScale(inner), b: inner }, { w: "a" });
  assertRefused(
    () => trainingStep(model, parts, { loss }),
    "the optimizer keeps one for a part of the parameters, `lossScale_a`",
  );
  assertRefused(() => dynamicLossScale(dynamicLossScale(inner)), "has a state `lossScale` already");
});
