/** Activations that are made again: the same numbers in less memory. */
import { node, type NodeInit, valueInfo } from "../../../export/onnx/proto.ts";
import {
  crossEntropy,
  type Loss,
  lossOutput,
  trainingStep,
  withGradients,
} from "../../../export/train/mod.ts";
import { madeAgain } from "../../../export/train/kept.ts";
import { adamw, GradusError } from "../../../mod.ts";
import { assert, assertEquals, assertThrows } from "../../assert.ts";
import { lossesOf, modelNamed, opened, referenceOf, tensorOf } from "./driver.ts";
import { mostBytes } from "./liveness.ts";
import { type Numbers, writtenModel } from "./written.ts";

const onWarning = () => {};
const lossOf = (name: string) =>
  crossEntropy({ logits: "logits", axis: name.startsWith("gpt") ? -1 : 1 });

function batchOf(name: string) {
  const { x, y } = referenceOf(name.split(".")[0]);
  return { x: tensorOf(x), y: tensorOf(y) };
}

for (const name of ["mlp.plain", "cnn.train", "gru.plain", "vit.tsplain", "gpt.batch"]) {
  Deno.test(`losses of ${name} are the same bits where activations are made again`, async () => {
    const made: number[][] = [];
    for (const remat of [false, true]) {
      const optimizer = adamw({ learningRate: 1e-3 });
      const options = { loss: lossOf(name), precision: "float64" as const, remat, onWarning };
      const bytes = trainingStep(modelNamed(name), optimizer, options);
      made.push(await lossesOf(bytes, batchOf(name), 4));
    }
    assertEquals(made[1], made[0]);
    assert(made[0][3] < made[0][0]);
  });
}

/** Blocks of `x + conv(silu(norm(x)))`, whose output is the loss. */
function residual(blocks: number): Uint8Array {
  const [channels, side] = [8, 8];
  const spread = (length: number) => Array.from({ length }, (_, i) => Math.sin(7 * i) / 4);
  const initializers: Record<string, Numbers> = {
    x0: { shape: [2, channels, side, side], values: spread(2 * channels * side ** 2) },
  };
  const nodes: NodeInit[] = [];
  for (let i = 0; i < blocks; i++) {
    initializers[`scale${i}`] = { shape: [channels], values: Array(channels).fill(1) };
    initializers[`bias${i}`] = { shape: [channels], values: spread(channels) };
    initializers[`w${i}`] = {
      shape: [channels, channels, 3, 3],
      values: spread(9 * channels ** 2),
    };
    nodes.push(
      node("InstanceNormalization", [`x${i}`, `scale${i}`, `bias${i}`], `n${i}`),
      node("Sigmoid", [`n${i}`], `s${i}`),
      node("Mul", [`n${i}`, `s${i}`], `a${i}`),
      node("Conv", [`a${i}`, `w${i}`], `c${i}`, { pads: [1, 1, 1, 1] }),
      node("Add", [`x${i}`, `c${i}`], `x${i + 1}`),
    );
  }
  nodes.push(
    node("Mul", [`x${blocks}`, `x${blocks}`], "square"),
    node("ReduceMean", ["square"], "total", { keepdims: 0 }),
  );
  const output = [valueInfo("total", "float32", [])];
  return writtenModel({ output, initializers, node: nodes });
}

/** Models with their losses, batches, and how much of the memory is left at most. */
const MEMORY: Readonly<Record<string, readonly [Uint8Array, Loss, object, left: number]>> = {
  "a transformer": [modelNamed("gpt.tsplain"), lossOf("gpt"), batchOf("gpt"), 0.75],
  "a residual network": [residual(8), lossOutput("total"), {}, 0.65],
};

for (const [name, [model, loss, batch, left]] of Object.entries(MEMORY)) {
  Deno.test(`gradients of ${name} are the same in less memory where activations are made again`, async () => {
    const most: number[] = [];
    const made: object[] = [];
    for (const remat of [false, true]) {
      const bytes = withGradients(model, { loss, remat, onWarning });
      most.push(await mostBytes(bytes, { ...batch }));
      const session = await opened(bytes);
      const results = await session.run({ ...batch });
      await session.release();
      made.push(Object.entries(results).map(([name, { data }]) => [name, data]));
    }
    assertEquals(made[1], made[0]);
    assert(most[1] <= left * most[0], `${most[1]} of ${most[0]} bytes`);
  });
}

Deno.test("what is kept is the least from which all that is needed can be made", () => {
  // a, made of nothing cheap, is 4; b and c are made of a; d, which is small, of b and c.
  const values = new Map([
    ["a", { bytes: 4, from: undefined }],
    ["b", { bytes: 4, from: ["a"] }],
    ["c", { bytes: 3, from: ["a"] }],
    ["d", { bytes: 1, from: ["b", "c"] }],
  ]);
  const made = (...needed: string[]) => [...madeAgain(values, needed)];
  assertEquals(made("b", "c"), ["b", "c"]); // of a, which is 4
  assertEquals(made("c"), []); // 3 is less than 4
  assertEquals(made("b"), []); // as much as a, and nothing to make
  assertEquals(made("d"), []);
  assertEquals(made("a", "b", "c", "d"), ["b", "c", "d"]); // a is kept anyway
});

Deno.test("whether activations are made again is true or false", () => {
  const options = { loss: lossOf("mlp"), remat: 1 as unknown as boolean };
  assertThrows(
    () => withGradients(modelNamed("mlp.plain"), options),
    GradusError,
    "`remat` must be true or false: given 1",
  );
});
