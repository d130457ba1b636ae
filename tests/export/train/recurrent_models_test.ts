/** Recurrent models, trained as PyTorch trains them, and beside ONNX Runtime's own operators. */
import { fromBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema } from "onnx-buf";
import * as ort from "onnxruntime-web/wasm";
import { node, type NodeInit, valueInfo } from "../../../export/onnx/proto.ts";
import { crossEntropy, trainingStep, withGradients } from "../../../export/train/mod.ts";
import { adamw, GradusError, sgd } from "../../../mod.ts";
import { assert, assertEquals, assertThrows } from "../../assert.ts";
import {
  doubled,
  type Listed,
  lossesOf,
  modelNamed,
  opened,
  referenceOf,
  tensorOf,
} from "./driver.ts";
import { writtenModel } from "./written.ts";

const loss = crossEntropy({ logits: "logits" });

/** What PyTorch keeps as r, z, n, in ONNX's order z, r, n. */
function reordered([type, shape, values]: Listed): Listed {
  const third = values.length / 3;
  const [r, z, n] = [0, 1, 2].map((i) => values.slice(i * third, (i + 1) * third));
  return [type, shape, [...z, ...r, ...n]];
}

/** The gradients of the weights of the GRU, by input of the operator. */
function wantedOf(grads: Readonly<Record<string, Listed>>): readonly number[][] {
  const [w, r, b, c] = ["weight_ih", "weight_hh", "bias_ih", "bias_hh"]
    .map((name) => reordered(grads[`r.${name}_l0`])[2]);
  return [[], w, r, [...b, ...c]];
}

for (
  const [how, times] of [["torchscript", 1], ["dynamo", 1], ["batch", 1], ["batch", 2]] as const
) {
  Deno.test(`the gradients of gru.${how}, whose gates were joined, are PyTorch's at ${times} times the batch`, async () => {
    const { x, y, grads } = referenceOf("gru");
    const many = (listed: Listed) => tensorOf(times === 1 ? listed : doubled(listed));
    const bytes = modelNamed(`gru.${how}`);
    const session = await opened(withGradients(bytes, { loss, onWarning: () => {} }));
    const results = await session.run({ x: many(x), y: many(y) });
    await session.release();
    const { input } = fromBinary(ModelProtoSchema, bytes).graph!.node
      .find(({ opType }) => opType === "GRU")!;
    const wanted = wantedOf(grads);
    const scale = Math.max(...wanted.flat().map(Math.abs));
    for (const i of [1, 2, 3]) {
      const gradient = results[`grad/${input[i]}`];
      assertEquals(gradient.size, wanted[i].length);
      wanted[i].forEach((value, at) =>
        assert(Math.abs(Number(gradient.data[at]) - value) <= 1e-6 * scale, `${input[i]} at ${at}`)
      );
    }
  });
}

for (const how of ["plain", "tsplain", "batch", "torchscript", "dynamo"]) {
  Deno.test(`20 losses of gru.${how} are PyTorch's, of two optimizers`, async () => {
    const { x, y, ...reference } = referenceOf("gru");
    const optimizers = {
      sgd: sgd({ learningRate: 0.05, momentum: 0.9 }),
      adamw: adamw({ learningRate: 0.003, weightDecay: 0.01 }),
    };
    for (const name of ["sgd", "adamw"] as const) {
      const step = trainingStep(modelNamed(`gru.${how}`), optimizers[name], {
        loss,
        precision: "float64",
        onWarning: () => {},
      });
      const { losses } = reference[name];
      const made = await lossesOf(step, { x: tensorOf(x), y: tensorOf(y) }, losses.length);
      made.forEach((each, i) =>
        assert(Math.abs(each - losses[i]) <= 1e-6 * losses[i], `${name} at ${i}: ${each}`)
      );
    }
  });
}

const [LENGTH, WIDTH, HIDDEN, CLASSES] = [4, 3, 5, 2];

/** An LSTM of both directions whose last states are read by a layer, of any batch. */
function classifier(weights: Readonly<Record<string, number[]>>, length: number | string = LENGTH) {
  const shapes: Record<string, number[]> = {
    W: [2, 4 * HIDDEN, WIDTH],
    R: [2, 4 * HIDDEN, HIDDEN],
    B: [2, 8 * HIDDEN],
    f: [2 * HIDDEN, CLASSES],
  };
  const both: NodeInit = {
    ...node("LSTM", ["turned", "W", "R", "B"], "all"),
    opType: "LSTM",
    output: ["all", "last"],
    attribute: [
      { name: "hidden_size", type: 2, i: BigInt(HIDDEN) },
      { name: "direction", type: 3, s: new TextEncoder().encode("bidirectional") },
    ],
  } as NodeInit;
  return writtenModel({
    input: [valueInfo("x", "float32", ["batch", length, WIDTH])],
    output: [valueInfo("logits", "float32", ["batch", CLASSES])],
    initializers: Object.fromEntries(
      Object.entries(shapes).map(([name, shape]) => {
        const size = shape.reduce((a, b) => a * b, 1);
        const values = weights[name] ??
          Array.from({ length: size }, (_, i) => 0.5 * Math.sin(1 + 7 * i + size));
        return [name, { shape, values }];
      }),
    ),
    node: [
      node("Transpose", ["x"], "turned", { perm: [1, 0, 2] }),
      both,
      node("Transpose", ["last"], "byExample", { perm: [1, 0, 2] }),
      node("Flatten", ["byExample"], "flat"),
      node("MatMul", ["flat", "f"], "logits"),
    ],
  });
}

Deno.test("an LSTM of an open batch has the gradients of its own operator, at two batch sizes", async () => {
  const session = await opened(withGradients(classifier({}), { loss }));
  for (const batch of [2, 3]) {
    const x = Float32Array.from({ length: batch * LENGTH * WIDTH }, (_, i) => Math.cos(3 * i));
    const feeds = {
      x: new ort.Tensor("float32", x, [batch, LENGTH, WIDTH]),
      y: new ort.Tensor("int64", BigInt64Array.from({ length: batch }, (_, i) => BigInt(i % 2)), [
        batch,
      ]),
    };
    const results = await session.run(feeds);
    for (const name of ["W", "R", "B"]) {
      const { data } = results[`grad/${name}`];
      const values = (size: number) =>
        Array.from({ length: size }, (_, i) => 0.5 * Math.sin(1 + 7 * i + size));
      const direction = Array.from(data as Float32Array, (_, i) => Math.sin(5 * i + 1));
      const lossAt = async (h: number) => {
        const moved = values(direction.length).map((value, i) => value + h * direction[i]);
        const own = await opened(classifier({ [name]: moved }));
        const { logits } = await own.run({ x: feeds.x });
        await own.release();
        const all = Array.from(logits.data as Float32Array);
        const each = Array.from({ length: batch }, (_, i) => {
          const row = all.slice(i * CLASSES, (i + 1) * CLASSES);
          return Math.log(row.reduce((sum, each) => sum + Math.exp(each), 0)) - row[i % 2];
        });
        return each.reduce((a, b) => a + b, 0) / batch;
      };
      const slope = (await lossAt(0.01) - await lossAt(-0.01)) / 0.02;
      const given = direction.reduce((sum, d, i) => sum + d * Number(data[i]), 0);
      assert(Math.abs(given - slope) < 1e-3 * (1 + Math.abs(slope)), `${name}: ${given}, ${slope}`);
    }
  }
  await session.release();
});

Deno.test("a sequence of open length is refused by name", () => {
  assertThrows(
    () => withGradients(classifier({}, "length"), { loss }),
    GradusError,
    "operator LSTM at `all`: the length of its sequence must be known: given length",
  );
});

Deno.test("a sequence of more steps than can be written out is refused", () => {
  assertThrows(
    () => withGradients(classifier({}, 10_000_000), { loss }),
    GradusError,
    "must have at most 4096 steps",
  );
});
