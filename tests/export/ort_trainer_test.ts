/** Joined models trained on ONNX Runtime: what the library itself computes of the same gradients. */
import { toBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema } from "onnx-buf";
import * as ort from "onnxruntime-web/wasm";
import { attachOptimizer, initializersOf } from "../../export/onnx/mod.ts";
import { type Batch, OrtTrainer, type TrainerOptions } from "../../export/ort/mod.ts";
import { load } from "../../export/safetensors/mod.ts";
import {
  adamw,
  chain,
  clipByGlobalNorm,
  GradusError,
  lion,
  type Optimizer,
  schedule,
  scheduleFreeSgd,
  sgd,
  type State,
  type Tensor,
} from "../../mod.ts";
import { assert, assertEquals, assertRejects } from "../assert.ts";
import { gpuTest } from "./gpu.ts";
import { linearModel } from "./linear_model.ts";
import { maskedModel, PROBABILITY } from "./masked_model.ts";
import { decodeModel, loadModel, type Values } from "./models.ts";

const X = Float32Array.of(1, 2, -1, 0.5, 3, -2, 0.25, 1);
const Y = Float32Array.of(3, -1, 2, 0);
const batch = { x: X, y: Y };
const names = { params: ["w", "b"], grads: { w: "dw", b: "db" }, loss: "loss" };
const params = initializersOf(linearModel(), ["w", "b"]);

function linear(optimizer: Optimizer, options: TrainerOptions = {}, inputs: string[] = []) {
  const precision = options.executionProvider === "webgpu" ? "float32" : "float64";
  const bytes = attachOptimizer(linearModel(), optimizer, { ...names, inputs, precision });
  return OrtTrainer.load(bytes, { params, ...options });
}

/** What ONNX Runtime computes of the model alone. */
async function computed(given: Record<string, Tensor>): Promise<Values> {
  const model = decodeModel(linearModel());
  for (const tensor of model.graph!.initializer) {
    if (!Object.hasOwn(given, tensor.name)) continue;
    tensor.rawData = new Uint8Array(Float32Array.from(given[tensor.name].data).buffer);
  }
  const session = await loadModel(toBinary(ModelProtoSchema, model));
  const results = await session.run({
    x: new ort.Tensor("float32", X, [4, 2]),
    y: new ort.Tensor("float32", Y, [4, 1]),
  });
  await session.release();
  return results as Values;
}

/** A state as it is to be compared: with what its last step used. */
async function stateOf(trainer: OrtTrainer): Promise<State> {
  const state = await trainer.state();
  const used: State["hyper"] = {};
  for (const name in state.hyper) used[name] = state.hyper[name];
  return { ...state, hyper: used };
}

async function gradientsOf(given: Record<string, Tensor>): Promise<Record<string, Tensor>> {
  const { dw, db } = await computed(given);
  return {
    w: { data: dw.data as Float32Array, shape: [2, 1] },
    b: { data: db.data as Float32Array, shape: [1] },
  };
}

const OPTIMIZERS: Readonly<Record<string, Optimizer>> = {
  sgd: sgd({ learningRate: 0.1, momentum: 0.9 }),
  adamw: adamw({ learningRate: schedule("0.1/t"), mask: { w: true, b: false } }),
  clipped: chain(clipByGlobalNorm({ maxNorm: 1 }), lion({ learningRate: 0.01 })),
  averaged: scheduleFreeSgd({ learningRate: 0.1 }),
};

/** Steps of a trainer beside those of the library; how far apart numbers may be by their largest. */
async function requireAlong(
  optimizer: Optimizer,
  options: TrainerOptions,
  near: number,
): Promise<void> {
  const trainer = await linear(optimizer, options);
  const own = initializersOf(linearModel(), ["w", "b"]);
  const state = optimizer.init(own);
  for (let t = 0; t < 5; t++) {
    const wanted = Number((await computed(own)).loss.data[0]);
    const loss = await trainer.step(batch);
    assert(Math.abs(loss - wanted) <= near * wanted, `${loss} is not ${wanted}`);
    optimizer.step(own, await gradientsOf(own), state);
    for (const [name, { data }] of Object.entries(await trainer.params())) {
      data.forEach((value, i) =>
        assert(Math.abs(value - own[name].data[i]) <= near, `${name}: ${value} at step ${t}`)
      );
    }
  }
  assertEquals(trainer.count, 5);
  await trainer.dispose();
}

for (const [name, optimizer] of Object.entries(OPTIMIZERS)) {
  Deno.test(`the library makes the same steps of ${name}, bit for bit`, async () => {
    // Its own kernels make both.
    await requireAlong(optimizer, {}, 0);
  });
  gpuTest(`on WebGPU too the library makes the same steps of ${name}`, async (device) => {
    await requireAlong(optimizer, { executionProvider: "webgpu", device }, 1e-5);
  });
}

Deno.test("a run that was saved and restored equals one that never stopped, bit for bit", async () => {
  for (const optimizer of Object.values(OPTIMIZERS)) {
    const whole = await linear(optimizer);
    for (let t = 0; t < 3; t++) await whole.step(batch);
    const saved = await whole.save();
    const halved = await linear(optimizer);
    await halved.step(batch);
    await halved.restore(saved);
    for (let t = 0; t < 3; t++) assertEquals(await halved.step(batch), await whole.step(batch));
    assertEquals(await halved.params(), await whole.params());
    assertEquals(await stateOf(halved), await stateOf(whole));
    assertEquals(await halved.save(), await whole.save());
    await whole.dispose();
    await halved.dispose();
  }
});

Deno.test("the library goes on from what a trainer saved, and a trainer from what it saves", async () => {
  const optimizer = adamw({ learningRate: schedule("0.1/t"), mask: { w: true, b: false } });
  const trainer = await linear(optimizer);
  for (let t = 0; t < 3; t++) await trainer.step(batch);
  const loaded = load<Record<string, Tensor>>(await trainer.save());
  assertEquals(loaded.params, await trainer.params());
  assertEquals(loaded.state.count, 3);
  loaded.optimizer.step(loaded.params, await gradientsOf(loaded.params), loaded.state);
  await trainer.step(batch);
  for (const [name, { data }] of Object.entries(await trainer.params())) {
    data.forEach((value, i) => assert(Math.abs(value - loaded.params[name].data[i]) < 1e-7));
  }
  await trainer.dispose();
});

for (const name of ["sgd", "averaged"]) {
  const requireModel = async (options: TrainerOptions) => {
    const trainer = await linear(OPTIMIZERS[name], options);
    for (let t = 0; t < 3; t++) await trainer.step(batch);
    const { loss } = await trainer.evaluate(batch, ["loss"]);
    const session = await ort.InferenceSession.create(await trainer.model());
    assertEquals([...session.inputNames], ["x", "y"]);
    const feeds = {
      x: new ort.Tensor("float32", X, [4, 2]),
      y: new ort.Tensor("float32", Y, [4, 1]),
    };
    const results = await session.run(feeds);
    const apart = Math.abs(Number(results.loss.data[0]) - Number(loss.data[0]));
    assert(apart <= 1e-6, `${apart}`);
    const next = await trainer.step(batch);
    const isAverage = name === "averaged";
    assertEquals(Math.abs(next - Number(loss.data[0])) > 1e-3, isAverage);
    await session.release();
    await trainer.dispose();
  };
  Deno.test(`the model trained by ${name} gives what evaluating gives`, async () => {
    await requireModel({});
  });
  gpuTest(`the model trained by ${name} on WebGPU gives what evaluating gives`, async (device) => {
    await requireModel({ executionProvider: "webgpu", device });
  });
}

Deno.test("hyperparameters that are inputs are given when loading or written between steps", async () => {
  const rate = (count: number) => count === 0 ? 0.5 : 0.25;
  const trainer = await linear(sgd({ learningRate: rate }), { hyper: { learningRate: rate } });
  const same = await linear(sgd({ learningRate: 0.125 }), {}, ["learningRate"]);
  await trainer.step(batch);
  same.hyper.learningRate = 0.5;
  await same.step(batch);
  assertEquals(await trainer.params(), await same.params());
  assertEquals([trainer.hyper.learningRate, same.hyper.learningRate], [0.5, 0.5]);
  same.hyper.learningRate = 0;
  const before = await same.params();
  await same.step(batch);
  assertEquals(await same.params(), before);
  assertEquals(load(await same.save()).state.hyper.learningRate, 0);
  // A schedule that is a function is in no file.
  await assertRejects(
    () => linear(sgd({ learningRate: rate })).then((t) => t.step(batch)),
    GradusError,
  );
  await trainer.dispose();
  await same.dispose();
});

Deno.test("a loss that is not finite is refused with nothing changed, and the gradient named", async () => {
  for (const executionProvider of ["wasm", "webgpu"] as const) {
    if (executionProvider === "webgpu" && !await navigator.gpu?.requestAdapter()) {
      console.log("Not tested on WebGPU: there is no GPU");
      continue;
    }
    const trainer = await linear(OPTIMIZERS.sgd, { executionProvider, refuseNonFinite: true });
    await trainer.step(batch);
    const before = [await trainer.params(), await stateOf(trainer)];
    const bad: Batch = { x: X.map(() => 1e30), y: Y };
    await assertRejects(
      () => trainer.step(bad),
      GradusError,
      "the loss of step 2 must be finite: given Infinity; the first parameter whose gradient is not " +
        "finite is `w`",
    );
    assertEquals([await trainer.params(), await stateOf(trainer)], before);
    assert(Number.isFinite(await trainer.step(batch)));
    assertEquals(await trainer.step(bad, {}, { refuseNonFinite: false }), Infinity);
    await trainer.dispose();
  }
});

const masked = {
  params: ["w"],
  grads: ["dw"],
  loss: "loss",
};
const examples = {
  x: Float32Array.from({ length: 200 }, (_, i) => 1 + i % 3),
  y: Int32Array.from({ length: 100 }, (_, i) => i % 2),
};
const beginning = {
  w: initializersOf(maskedModel(), ["w"]).w,
  mean: { data: Float32Array.of(8, 4), shape: [2] },
};

async function trainMasked(options: TrainerOptions): Promise<void> {
  const bytes = attachOptimizer(maskedModel(), lion({ learningRate: 0.01 }), masked);
  const trainer = await OrtTrainer.load(bytes, { params: beginning, ...options });
  const first = await trainer.stepWith(examples, ["seen"]);
  assertEquals(first.outputs.seen.shape, [100, 2]);
  const kept = Math.fround(1 / (1 - PROBABILITY));
  const seen = Array.from(first.outputs.seen.data as Float32Array);
  const dropped = seen.filter((value) => value === 0).length;
  assert(dropped > 30 && dropped < 70, `${dropped} of 200 are 0`);
  seen.forEach((value, i) =>
    assert(value === 0 || Math.abs(value - kept * examples.x[i]) < 1e-6, `${value}`)
  );
  const saved = await trainer.save();
  assertEquals(
    [...load(saved).buffers.mean.data].map((value) => value.toFixed(4)),
    ["6.4975", "3.5000"],
  );
  const second = await trainer.stepWith(examples, ["seen"]);
  const isOther = (value: number | bigint, i: number) => value !== seen[i];
  assert(Array.from<number | bigint>(second.outputs.seen.data as Float32Array).some(isOther));
  const again = await OrtTrainer.load(bytes, { params: beginning, ...options });
  await again.restore(saved);
  const repeated = await again.stepWith(examples, ["seen"]);
  assertEquals(repeated.outputs, second.outputs);
  assertEquals(load(await again.save()).buffers, load(await trainer.save()).buffers);
  await trainer.dispose();
  await again.dispose();
}

Deno.test("masks are drawn anew for each step, and running statistics are carried along", async () => {
  await trainMasked({});
});

gpuTest("masks are drawn on WebGPU too, and running statistics carried", async (device) => {
  await trainMasked({ executionProvider: "webgpu", device });
});

Deno.test("labels may be of either type of whole numbers, and batches of any size", async () => {
  const losses = [];
  for (const type of ["int64", "int32"] as const) {
    const bytes = attachOptimizer(maskedModel(type), sgd({ learningRate: 0.01 }), masked);
    const trainer = await OrtTrainer.load(bytes, { params: beginning });
    const y = BigInt64Array.from(examples.y, BigInt);
    losses.push(await trainer.step({ x: { data: examples.x, shape: [100, 2] }, y }));
    losses.push(await trainer.step({ x: examples.x.slice(0, 20), y: examples.y.slice(0, 10) }));
    await trainer.dispose();
  }
  assertEquals(losses.slice(2), losses.slice(0, 2));
});

Deno.test("steps that are begun before others have ended run one after another", async () => {
  const [one, other] = [await linear(OPTIMIZERS.sgd), await linear(OPTIMIZERS.sgd)];
  const half = { x: X.map((value) => value / 2), y: Y };
  const losses = [await one.step(batch), await one.step(half), await one.step(batch)];
  const begun = [batch, half, batch].map((each) => other.step(each));
  const evaluated = other.evaluate(batch, ["loss"]);
  assertEquals(await Promise.all(begun), losses);
  assertEquals(await evaluated, await one.evaluate(batch, ["loss"]));
  await one.dispose();
  await other.dispose();
});

gpuTest("a step on a device that was lost is refused, and changes nothing", async (device) => {
  const trainer = await linear(OPTIMIZERS.sgd, { executionProvider: "webgpu", device });
  await trainer.step(batch);
  const saved = await trainer.save();
  device.destroy();
  await device.lost;
  await assertRejects(() => trainer.step(batch), GradusError, "Cannot train", "it was lost");
  assertEquals(trainer.count, 1);
  await trainer.dispose();
  const again = await linear(OPTIMIZERS.sgd);
  await again.restore(saved);
  assertEquals(again.count, 1);
  assert(Number.isFinite(await again.step(batch)));
  await again.dispose();
}, ["shader-f16"]);
