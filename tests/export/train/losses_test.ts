/** Losses are what PyTorch documents them to be, and so are their gradients. */
import { create, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { ModelProtoSchema, TensorProto_DataType as DataType } from "onnx-buf";
import * as ort from "onnxruntime-web/wasm";
import { node, valueInfo } from "../../../export/onnx/proto.ts";
import {
  binaryCrossEntropy,
  crossEntropy,
  type CrossEntropyOptions,
  type Loss,
  lossOutput,
  meanSquaredError,
  withGradients,
} from "../../../export/train/mod.ts";
import { GradusError } from "../../../mod.ts";
import { assert, assertAlmostEquals, assertEquals, assertThrows } from "../../assert.ts";
import { opened } from "./driver.ts";

const size = (shape: readonly number[]) => shape.reduce((count, each) => count * each, 1);

/** A model whose output `scores` is its float64 parameter `p`. */
function given(shape: readonly number[], values: readonly number[]): Uint8Array {
  const rawData = new Uint8Array(Float64Array.from(values).buffer);
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: 10n,
      opsetImport: [{ domain: "", version: 20n }],
      graph: {
        name: "given",
        output: [valueInfo("scores", "float64", shape)],
        initializer: [{ name: "p", dataType: DataType.DOUBLE, dims: shape.map(BigInt), rawData }],
        node: [node("Identity", ["p"], "scores")],
      },
    }),
  );
}

async function run(
  loss: Loss | readonly Loss[],
  shape: readonly number[],
  values: readonly number[],
  targets: Record<string, ort.Tensor>,
): Promise<{ loss: number; gradient: number[] }> {
  const session = await opened(withGradients(given(shape, values), { loss, params: ["p"] }));
  const { loss: made, "grad/p": gradient } = await session.run(targets);
  await session.release();
  assertEquals([...gradient.dims], [...shape]);
  return { loss: Number(made.data[0]), gradient: Array.from(gradient.data as Float64Array) };
}

/** The gradient of `f` by central differences. */
function slopes(f: (values: readonly number[]) => number, values: readonly number[]): number[] {
  return values.map((value, i) =>
    (f(values.with(i, value + 1e-5)) - f(values.with(i, value - 1e-5))) / 2e-5
  );
}

const numbers = (length: number) =>
  fc.array(fc.integer({ min: -300, max: 300 }).map((i) => i / 100), {
    minLength: length,
    maxLength: length,
  });

/** The cross entropy of [N, C, D] scores, from its definition. */
function defined(
  scores: readonly number[],
  [n, c, d]: readonly number[],
  labels: readonly number[],
  { weight, reduction = "mean", ignore = -100, smoothing = 0 }: Partial<CrossEntropyOptions>,
): number {
  let [total, count] = [0, 0];
  for (let i = 0; i < n * d; i++) {
    const [row, column] = [Math.floor(i / d), i % d];
    if (labels[i] === ignore) continue;
    const own = Array.from({ length: c }, (_, k) => scores[(row * c + k) * d + column]);
    const log = Math.log(own.reduce((sum, x) => sum + Math.exp(x), 0));
    own.forEach((x, k) => {
      const wanted = (1 - smoothing) * Number(k === labels[i]) + smoothing / c;
      total -= (weight?.[k] ?? 1) * wanted * (x - log);
    });
    count += weight?.[labels[i]] ?? 1;
  }
  return reduction === "sum" ? total : total / count;
}

Deno.test("a cross entropy and its gradient are what the definition says", async () => {
  const drawn = fc.tuple(
    fc.integer({ min: 1, max: 3 }),
    fc.integer({ min: 2, max: 4 }),
    fc.integer({ min: 1, max: 3 }),
  ).chain(([n, c, d]) =>
    fc.record({
      shape: fc.constant([n, c, d]),
      scores: numbers(n * c * d),
      labels: fc.array(fc.integer({ min: 0, max: c - 1 }), { minLength: n * d, maxLength: n * d }),
      isIgnored: fc.boolean(),
      weight: fc.option(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: c, maxLength: c }), {
        nil: undefined,
      }),
      smoothing: fc.constantFrom(0, 0, 0.1, 0.5),
      reduction: fc.constantFrom("mean" as const, "sum" as const),
      isLast: fc.boolean(),
    })
  );
  await fc.assert(
    fc.asyncProperty(drawn, async ({ shape, scores, labels, isIgnored, isLast, ...options }) => {
      const [n, , d] = shape;
      // At least one example counts.
      const all = isIgnored ? labels.map((label, i) => i % 2 === 1 ? 7 : label) : labels;
      const ignore = isIgnored ? 7 : undefined;
      const rest = isLast && d === 1 ? [shape.slice(0, 2), [n]] : [shape, [n, d]];
      const loss = crossEntropy({ logits: "scores", labels: "t", ...options, ignore });
      const made = await run(loss, rest[0], scores, {
        t: new ort.Tensor("int64", BigInt64Array.from(all, BigInt), rest[1]),
      });
      const f = (values: readonly number[]) => defined(values, shape, all, { ...options, ignore });
      assertAlmostEquals(made.loss, f(scores), 1e-9 * (1 + Math.abs(f(scores))));
      slopes(f, scores).forEach((slope, i) => assertAlmostEquals(made.gradient[i], slope, 1e-7));
    }),
    { seed: 1, numRuns: 30 },
  );
});

Deno.test("a cross entropy by the last axis is that of the scores with the axis second", async () => {
  const scores = [0.1, 2, -1, 0.5, 0.3, 1, 2, -2, 0, 0.7, 1.5, 0.2];
  const t = { t: new ort.Tensor("int64", BigInt64Array.of(2n, 0n, 1n, 1n), [2, 2]) };
  const made = await run(
    crossEntropy({ logits: "scores", labels: "t", axis: -1 }),
    [2, 2, 3],
    scores,
    t,
  );
  const second = [0, 1, 2, 3].map((row) => scores.slice(3 * row, 3 * row + 3));
  const wanted = [2, 0, 1, 1].reduce(
    (sum, label, row) => sum + defined(second[row], [1, 3, 1], [label], {}) / 4,
    0,
  );
  assertAlmostEquals(made.loss, wanted, 1e-12);
});

Deno.test("large scores overflow in no loss", async () => {
  const y = { y: new ort.Tensor("int64", BigInt64Array.of(0n), [1]) };
  const made = await run(crossEntropy({ logits: "scores" }), [1, 3], [-1000, 1000, -Infinity], y);
  assertEquals(made, { loss: 2000, gradient: [-1, 1, 0] });
  const target = { y: new ort.Tensor("float64", Float64Array.of(0, 1), [2]) };
  const two = await run(binaryCrossEntropy({ logits: "scores" }), [2], [1000, 1000], target);
  assertEquals(two, { loss: 500, gradient: [0.5, 0] });
});

Deno.test("a label that is no class makes a cross entropy NaN, unless it is ignored", async () => {
  const lossOf = async (label: bigint) => {
    const y = { y: new ort.Tensor("int64", BigInt64Array.of(0n, label), [2]) };
    return (await run(crossEntropy({ logits: "scores" }), [2, 2], [0, 0, 0, 0], y)).loss;
  };
  assertEquals(await lossOf(2n), NaN);
  assertEquals(await lossOf(-1n), NaN);
  assertEquals(await lossOf(2n ** 32n), NaN);
  assertAlmostEquals(await lossOf(-100n), Math.log(2), 1e-12);
});

Deno.test("mean squared and binary cross errors are what the definitions say, and a list adds them", async () => {
  await fc.assert(
    fc.asyncProperty(numbers(6), numbers(6), async (x, raw) => {
      const y = raw.map((value) => (value + 3) / 6);
      const targets = { y: new ort.Tensor("float64", Float64Array.from(y), [2, 3]) };
      const squared = (values: readonly number[]) =>
        values.reduce((sum, value, i) => sum + (value - y[i]) ** 2 / 6, 0);
      const binary = (values: readonly number[]) =>
        values.reduce((sum, value, i) => {
          const p = 1 / (1 + Math.exp(-value));
          return sum - (y[i] * Math.log(p) + (1 - y[i]) * Math.log(1 - p)) / 6;
        }, 0);
      const both = (values: readonly number[]) => squared(values) + binary(values);
      const losses = [
        meanSquaredError({ output: "scores" }),
        binaryCrossEntropy({ logits: "scores" }),
      ];
      for (
        const [loss, f] of [[losses[0], squared], [losses[1], binary], [losses, both]] as const
      ) {
        const made = await run(loss, [2, 3], x, targets);
        assertAlmostEquals(made.loss, f(x), 1e-9);
        slopes(f, x).forEach((slope, i) => assertAlmostEquals(made.gradient[i], slope, 1e-7));
      }
    }),
    { seed: 1, numRuns: 10 },
  );
});

Deno.test("losses that a model cannot have are refused", () => {
  const model = given([2, 3], Array(size([2, 3])).fill(0));
  const refused = (loss: Loss, message: string) =>
    assertThrows(() => withGradients(model, { loss }), GradusError, message);
  refused(crossEntropy({ logits: "score" }), "no output `score`; did you mean `scores`?");
  refused(crossEntropy({ logits: "scores", axis: 2 }), "axis 2");
  refused(crossEntropy({ logits: "scores", weight: [1, 2] }), "each of 3 classes");
  const taken = meanSquaredError({ output: "scores", target: "scores" });
  refused(taken, "a value `scores` already: call the loss's input otherwise");
  refused(lossOutput("scores"), "must be one number: given a shape [2, 3]");
  assertThrows(() => crossEntropy({ logits: "x", smoothing: 2 }), GradusError, "from 0 to 1");
  assertThrows(() => meanSquaredError({ output: "" }), GradusError, "name of an output");
  const none = {} as Loss;
  assertThrows(() => withGradients(model, { loss: none }), GradusError, "`loss` must be a loss");
  assert(withGradients(model, { loss: meanSquaredError({ output: "scores" }) }).length > 0);
});
