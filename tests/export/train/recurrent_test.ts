/** Recurrent operators, written out step by step: by law, beside ONNX Runtime's own, and as PyTorch trains them. */
import { fromBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { ModelProtoSchema, TensorProto_DataType as DataType } from "onnx-buf";
import { crossEntropy, trainingStep, withGradients } from "../../../export/train/mod.ts";
import { adamw, sgd } from "../../../mod.ts";
import { assert, assertEquals } from "../../assert.ts";
import {
  doubled,
  type Listed,
  lossesOf,
  modelNamed,
  opened,
  referenceOf,
  tensorOf,
} from "./driver.ts";
import { type Drawn, holds, isSame, trained } from "./law.ts";

const GATES = { LSTM: 4, GRU: 3, RNN: 1 };
type Op = keyof typeof GATES;
const small = (value: number) => value / 3;

/** What of an operator is left out, and how it goes. */
const ways = fc.record({
  length: fc.integer({ min: 1, max: 4 }),
  batch: fc.integer({ min: 1, max: 3 }),
  width: fc.integer({ min: 1, max: 3 }),
  hidden: fc.integer({ min: 1, max: 3 }),
  direction: fc.constantFrom("forward", "reverse", "bidirectional"),
  isBiased: fc.boolean(),
  hasFirst: fc.boolean(),
  hasPeepholes: fc.boolean(),
  resetsAfter: fc.boolean(),
  isRelu: fc.boolean(),
  layout: fc.nat(1),
});

type Way = typeof ways extends fc.Arbitrary<infer T> ? T : never;

function drawnOf(op: Op, way: Way): Drawn {
  const { length, batch, width, hidden, direction, isBiased, hasFirst, hasPeepholes } = way;
  const [count, gates] = [direction === "bidirectional" ? 2 : 1, GATES[op]];
  const isTurned = way.layout === 1;
  const first = trained(isTurned ? [batch, count, hidden] : [count, batch, hidden], small);
  const activations = Array(count).fill(way.isRelu ? "Relu" : "Tanh");
  return {
    inputs: [
      trained(isTurned ? [batch, length, width] : [length, batch, width], small),
      trained([count, gates * hidden, width], small),
      trained([count, gates * hidden, hidden], small),
      isBiased ? trained([count, 2 * gates * hidden], small) : null,
      null,
      hasFirst ? first : null,
      ...(op === "LSTM" ? [hasFirst ? first : null] : []),
      ...(op === "LSTM" && hasPeepholes ? [trained([count, 3 * hidden], small)] : []),
    ],
    attributes: {
      hidden_size: hidden,
      direction,
      layout: way.layout,
      ...(op === "GRU" ? { linear_before_reset: Number(way.resetsAfter) } : {}),
      ...(op === "RNN" ? { activations } : {}),
    },
    outputs: op === "LSTM" ? 3 : 2,
  };
}

for (const op of ["LSTM", "GRU", "RNN"] as const) {
  Deno.test(`gradients of ${op} are what central differences are`, async () => {
    await fc.assert(
      fc.asyncProperty(ways, fc.nat(), async (way, seed) => {
        assert(await holds(op, drawnOf(op, way), false, seed));
      }),
      { seed: 1, numRuns: 25, endOnFailure: false },
    );
  });

  Deno.test(`${op} written out computes what the operator computes`, async () => {
    await fc.assert(
      fc.asyncProperty(ways, fc.nat(), async (way, seed) => {
        // ONNX Runtime has neither float64 nor the batch first.
        await isSame(op, { ...drawnOf(op, { ...way, layout: 0 }), type: DataType.FLOAT }, seed);
      }),
      { seed: 2, numRuns: 25, endOnFailure: false },
    );
  });
}

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
