/** Models that PyTorch exported, trained as PyTorch trains them. */
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema } from "onnx-buf";
import {
  crossEntropy,
  type Loss,
  meanSquaredError,
  trainingStep,
  withGradients,
} from "../../../export/train/mod.ts";
import { adamw, type Optimizer, sgd } from "../../../mod.ts";
import { assert, assertEquals } from "../../assert.ts";
import {
  doubled,
  type Listed,
  lossesOf,
  modelNamed,
  opened,
  type Reference,
  referenceOf,
  tensorOf,
  turned,
} from "./driver.ts";

/** How each was exported; all of its parameters have their own names in `plain` and `tsplain`. */
const MODELS: Readonly<Record<string, readonly string[]>> = {
  mlp: ["plain", "tsplain", "batch", "torchscript", "dynamo"],
  cnn: ["plain", "tsplain"],
  gru: ["plain", "tsplain"],
  vit: ["plain", "tsplain", "batch", "torchscript"],
  gpt: ["plain", "tsplain", "batch", "torchscript", "dynamo"],
};

const OPTIMIZERS: Readonly<Record<"sgd" | "adamw" | "mse", Optimizer>> = {
  sgd: sgd({ learningRate: 0.05, momentum: 0.9 }),
  adamw: adamw({ learningRate: 0.003, weightDecay: 0.01 }),
  mse: sgd({ learningRate: 0.05 }),
};

const onWarning = () => {};

function lossOf(model: string): Loss {
  return crossEntropy({ logits: "logits", axis: model === "gpt" ? -1 : 1 });
}

/** What a parameter is called in PyTorch, and its gradient there as the file has it. */
function wantedOf(model: string, how: string, reference: Reference): Map<string, Listed> {
  const file = new URL(`./models/${model}.${how}.params.json`, import.meta.url);
  let names: Record<string, string>;
  try {
    names = JSON.parse(Deno.readTextFileSync(file));
  } catch {
    names = Object.fromEntries(Object.keys(reference.grads).map((name) => [name, name]));
  }
  const all = Object.entries(names).flatMap(([own, name]): [string, Listed][] => {
    const isTurned = name.endsWith("^T");
    const gradient = reference.grads[isTurned ? name.slice(0, -2) : name];
    return gradient === undefined ? [] : [[own, isTurned ? turned(gradient) : gradient]];
  });
  return new Map(all);
}

async function requireGradients(
  model: string,
  how: string,
  [x, y]: readonly [Listed, Listed],
): Promise<void> {
  const reference = referenceOf(model);
  const bytes = withGradients(modelNamed(`${model}.${how}`), { loss: lossOf(model), onWarning });
  const session = await opened(bytes);
  const results = await session.run({ x: tensorOf(x), y: tensorOf(y) });
  await session.release();
  assert(Math.abs(Number(results.loss.data[0]) - reference.loss) < 1e-6 * reference.loss);
  const scale = Math.max(
    ...Object.values(reference.grads).flatMap(([, , all]) => all.map(Math.abs)),
  );
  let compared = 0;
  for (const [name, [, shape, values]] of wantedOf(model, how, reference)) {
    const gradient = results[`grad/${name}`];
    if (gradient === undefined) continue;
    compared++;
    assertEquals([...gradient.dims], shape, name);
    values.forEach((value, i) => {
      const apart = Math.abs(Number(gradient.data[i]) - value);
      assert(apart <= 1e-6 * scale, `${name} at ${i} is ${apart} apart`);
    });
  }
  const isPlain = how.endsWith("plain");
  const all = Object.keys(reference.grads).length;
  assert(isPlain ? compared === all : compared > all / 2, `${compared} of ${all} were compared`);
}

for (const [model, hows] of Object.entries(MODELS)) {
  for (const how of hows) {
    Deno.test(`the gradients of ${model}.${how} are PyTorch's`, async () => {
      const { x, y } = referenceOf(model);
      await requireGradients(model, how, [x, y]);
    });
  }
  if (hows.includes("batch")) {
    Deno.test(`the gradients of ${model}.batch are PyTorch's at another batch size`, async () => {
      const { x, y } = referenceOf(model);
      await requireGradients(model, "batch", [doubled(x), doubled(y)]);
    });
  }
  const how = hows.includes("tsplain") ? "tsplain" : "plain";
  for (const [name, optimizer] of Object.entries(OPTIMIZERS)) {
    Deno.test(`20 losses of ${model}.${how} by ${name} are PyTorch's`, async () => {
      const reference = referenceOf(model);
      const { losses, ...other } = reference[name as "sgd" | "adamw" | "mse"];
      const target = "target" in other ? other.target : undefined;
      const loss = target === undefined ? lossOf(model) : meanSquaredError({ output: "logits" });
      const precision = "float64";
      const bytes = trainingStep(modelNamed(`${model}.${how}`), optimizer, { loss, precision });
      const batch = { x: tensorOf(reference.x), y: tensorOf(target ?? reference.y) };
      // Where a step moves far, its last digits grow: those of the convolutional network are 1e-5 apart in any order of sums.
      const tolerance = model === "cnn" && name === "sgd" ? 1e-4 : 1e-5;
      const made = await lossesOf(bytes, batch, losses.length);
      made.forEach((each, i) =>
        assert(Math.abs(each - losses[i]) <= tolerance * losses[i], `at step ${i}: ${each}`)
      );
    });
  }
}

Deno.test("a model of an older or newer opset trains alike", async () => {
  const { x, y, sgd: { losses } } = referenceOf("mlp");
  const model = fromBinary(ModelProtoSchema, modelNamed("mlp.tsplain"));
  for (const opset of [13n, 22n, 23n]) {
    model.opsetImport[0].version = opset;
    const bytes = trainingStep(toBinary(ModelProtoSchema, model), OPTIMIZERS.sgd, {
      loss: lossOf("mlp"),
      precision: "float64",
    });
    const made = await lossesOf(bytes, { x: tensorOf(x), y: tensorOf(y) }, 3);
    made.forEach((each, i) => assert(Math.abs(each - losses[i]) <= 1e-5 * losses[i], `${each}`));
  }
});
