/** Networks of images, whose normalisation is by the batch or was folded away; and what a pool makes of equals. */
import { initializersOf } from "../../../export/onnx/mod.ts";
import { OrtTrainer } from "../../../export/ort/mod.ts";
import {
  crossEntropy,
  lossOutput,
  trainingStep,
  withGradients,
} from "../../../export/train/mod.ts";
import { GradusError, sgd } from "../../../mod.ts";
import { assert, assertEquals, assertThrows } from "../../assert.ts";
import { doubled, type Listed, modelNamed, opened, referenceOf, tensorOf } from "./driver.ts";
import { isSame, modelOf, trained, weights } from "./law.ts";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema, NodeProtoSchema, TensorProto_DataType as DataType } from "onnx-buf";
import { node } from "../../../export/onnx/proto.ts";

const loss = crossEntropy({ logits: "logits" });

/** What PyTorch made of the convolutional network with the statistics of each batch. */
interface Training {
  readonly losses: number[];
  readonly running_mean: Listed;
  readonly running_var: Listed;
}

Deno.test("a network that is normalised by its batch has PyTorch's losses and running statistics", async () => {
  const reference = referenceOf("cnn");
  const { losses, running_mean, running_var } = (reference as unknown as { train: Training }).train;
  const model = modelNamed("cnn.train");
  const optimizer = sgd({ learningRate: 0.05, momentum: 0.9 });
  const names = ["b1.running_mean", "b1.running_var"];
  // The export ran the model once, which moved its statistics: training began with those of the other file.
  const first = initializersOf(modelNamed("cnn.tsplain"), names);
  const trainer = await OrtTrainer.load(trainingStep(model, optimizer, { loss }), {
    params: first,
  });
  const { x: [, shape, x], y: [, , y] } = reference;
  const batch = { x: { data: Float32Array.from(x), shape }, y: BigInt64Array.from(y, BigInt) };
  for (const [i, wanted] of losses.entries()) {
    const made = await trainer.step(batch);
    assert(
      Math.abs(made - wanted) <= 1e-5 * Math.max(wanted, 0.1),
      `at step ${i}: ${made}, not ${wanted}`,
    );
  }
  const trainedModel = await trainer.model();
  await trainer.dispose();
  const [mean, variance] = names.map((name) => initializersOf(trainedModel, [name])[name].data);
  running_mean[2].forEach((value, i) => assert(Math.abs(mean[i] - value) < 1e-6, `${mean[i]}`));
  // PyTorch's is the unbiased variance of the 6·12·12 numbers of a channel, ONNX's the plain one.
  const count = 6 * 12 * 12;
  const kept = 0.9 ** losses.length;
  running_var[2].forEach((value, i) => {
    const before = kept * first["b1.running_var"].data[i];
    const wanted = before + (value - before) * (count - 1) / count;
    assert(Math.abs(variance[i] - wanted) < 1e-6, `${variance[i]}, not ${wanted}`);
  });
});

Deno.test("folded into a convolution, a frozen normalisation only scales its gradients, at any batch size", async () => {
  const { x, y, grads } = referenceOf("cnn");
  const params = initializersOf(modelNamed("cnn.tsplain"), ["b1.weight", "b1.running_var"]);
  const factors = Array.from(
    params["b1.weight"].data,
    (scale, i) => scale / Math.sqrt(params["b1.running_var"].data[i] + 1e-5),
  );
  const session = await opened(withGradients(modelNamed("cnn.batch"), { loss, onWarning() {} }));
  for (const [images, labels] of [[x, y], [doubled(x), doubled(y)]]) {
    const made = await session.run({ x: tensorOf(images), y: tensorOf(labels) });
    const names = Object.keys(made).filter((name) => name.startsWith("grad/"));
    assertEquals(names.length, 6);
    for (const name of names) {
      const [, shape, wanted] = grads[name.slice(5)];
      const each = wanted.length / shape[0];
      wanted.forEach((value, i) => {
        const factor = name.startsWith("grad/c1") ? factors[Math.floor(i / each)] : 1;
        const apart = Math.abs(Number(made[name].data[i]) * factor - value);
        assert(apart < 1e-6, `${name} at ${i} is ${apart} apart`);
      });
    }
  }
  await session.release();
});

Deno.test("of equals in a window, the gradient goes to the first", async () => {
  for (const [strides, wanted] of [[[2, 2], [2, 0, 0, 0]], [[1, 1], [2, 2, 0, 2, 2, 0, 0, 0, 0]]]) {
    const side = Math.sqrt(wanted.length);
    const all = { inputs: [trained([1, 1, side, side], () => 1)], type: DataType.FLOAT };
    const pool = modelOf(
      "MaxPool",
      { ...all, attributes: { kernel_shape: [2, 2], strides } },
      false,
      0,
    );
    const session = await opened(withGradients(pool, { loss: lossOutput("total") }));
    assertEquals((await session.run({}))["grad/p0"].data, Float32Array.from(wanted));
    await session.release();
  }
});

Deno.test("weights that read large images have the sum over all windows as their gradient", async () => {
  const side = 48;
  const inputs = [trained([2, 1, side, side], (value) => value / 4), weights([2, 1, 2, 2])];
  const model = modelOf("Conv", { inputs, type: DataType.FLOAT }, false, 5);
  const session = await opened(withGradients(model, { loss: lossOutput("total") }));
  const made = (await session.run({}))["grad/p1"].data;
  await session.release();
  const { p0: { data: x }, p1: { data: w } } = initializersOf(model, ["p0", "p1"]);
  const places = [0, 1, side, side + 1];
  const wanted = Array.from(w, () => 0);
  for (const channel of [0, 1]) {
    for (let at = 0; at < x.length - side - 1; at++) {
      const isWindow = at % side < side - 1 && at % (side * side) < side * (side - 1);
      if (!isWindow) continue;
      const y = places.reduce((sum, place, k) => sum + x[at + place] * w[4 * channel + k], 0);
      places.forEach((place, k) => wanted[4 * channel + k] += 2 * y * x[at + place]);
    }
  }
  wanted.forEach((value, i) =>
    assert(
      Math.abs(Number(made[i]) - value) < 1e-4 * (1 + Math.abs(value)),
      `${made[i]}, not ${value}`,
    )
  );
});

Deno.test("two normalisations cannot move the same running statistics", () => {
  const [scale, mean] = [weights([2]), { type: DataType.FLOAT, shape: [2], values: [0, 1] }];
  const drawn = {
    inputs: [trained([2, 2, 3]), scale, scale, mean, mean],
    attributes: { training_mode: 1 },
  };
  const model = fromBinary(
    ModelProtoSchema,
    modelOf("BatchNormalization", { ...drawn, type: DataType.FLOAT }, false, 0),
  );
  for (const node of model.graph!.node) {
    node.input = node.input.map((name) => name === "c4" ? "c3" : name);
  }
  assertThrows(
    () =>
      withGradients(toBinary(ModelProtoSchema, model) as Uint8Array<ArrayBuffer>, {
        loss: lossOutput("total"),
      }),
    GradusError,
    "`c3` must be read by one operator alone",
  );
});

Deno.test("what is normalised by the channels around is what the operator makes", async () => {
  for (const size of [1, 3, 5]) {
    const floats = { alpha: 0.3, beta: 0.6, bias: 1.5 };
    const inputs = [trained([2, 5, 2, 3])];
    await isSame("LRN", { inputs, attributes: { size }, floats, type: DataType.FLOAT }, size);
  }
});

Deno.test("a pool without a gradient is refused by its name", () => {
  const drawn = { inputs: [trained([1, 1, 2, 2])], attributes: { kernel_shape: [2, 2] } };
  const model = modelOf("LpPool", drawn, false, 0);
  assertThrows(
    () => withGradients(model, { loss: lossOutput("total") }),
    GradusError,
    "operator LpPool at `tried`: it has no gradient",
  );
});

Deno.test("a network that is normalised by its batch is the same from opset 14 on", () => {
  const model = fromBinary(ModelProtoSchema, modelNamed("cnn.train"));
  const written = (version: bigint) => {
    model.opsetImport[0].version = version;
    return withGradients(toBinary(ModelProtoSchema, model), { loss });
  };
  assertEquals(written(14n), written(17n));
  assertThrows(() => written(13n), GradusError, "is another one since opset 14");
});

Deno.test("a normalisation by the batch that keeps no running statistics carries none", async () => {
  const made = (statistics: readonly string[]) => {
    const model = fromBinary(ModelProtoSchema, modelNamed("cnn.train"));
    const nodes = model.graph!.node;
    const at = nodes.findIndex(({ opType }) => opType === "BatchNormalization");
    const normal = nodes[at];
    normal.input = [...normal.input.slice(0, 3), ...statistics];
    const axes = { axes: [0, 2, 3], keepdims: 0 };
    const taken = ["m", "v"].map((name) => node("ReduceMean", [normal.input[0]], name, axes));
    if (statistics[0] === "m") {
      nodes.splice(
        at,
        0,
        ...taken.map((each) => create(NodeProtoSchema, each)),
      );
    }
    return withGradients(toBinary(ModelProtoSchema, model), { loss });
  };
  const { x, y } = referenceOf("cnn");
  const feeds = { x: tensorOf(x), y: tensorOf(y) };
  const results = await Promise.all(
    [["b1.running_mean", "b1.running_var"], ["m", "v"]].map(async (statistics) => {
      const session = await opened(made(statistics));
      const names = session.outputNames.filter((name) => !name.startsWith("next/"));
      const result = await session.run(feeds);
      await session.release();
      return {
        carried: session.outputNames.length - names.length,
        values: names.map((name) => result[name].data),
      };
    }),
  );
  assertEquals(results.map(({ carried }) => carried), [2, 0]);
  assertEquals(results[1].values, results[0].values);
});
