/** Parameters that the exporter has made one because they were equal are trained apart, as PyTorch does. */
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema } from "onnx-buf";
import { initializersOf } from "../../../export/onnx/mod.ts";
import { OrtTrainer } from "../../../export/ort/mod.ts";
import { meanSquaredError, trainingStep } from "../../../export/train/mod.ts";
import { sgd } from "../../../mod.ts";
import { node, valueInfo } from "../../../export/onnx/proto.ts";
import { assert, assertEquals } from "../../assert.ts";
import { type Numbers, writtenModel } from "./written.ts";

const ONES: Numbers = { shape: [3], values: [1, 1, 1] };
const ZEROS: Numbers = { shape: [3], values: [0, 0, 0] };
const NAMES = ["n.weight", "n.bias", "n.running_mean", "n.running_var"];

/** A normalisation by running statistics; as PyTorch writes it, or with initializers of their own. */
function normalisation(isMerged: boolean): Uint8Array {
  const [scale, bias, mean, variance] = NAMES;
  const own = { [scale]: ONES, [bias]: ZEROS };
  const copies = [node("Identity", [bias], mean), node("Identity", [scale], variance)];
  const model = fromBinary(
    ModelProtoSchema,
    writtenModel({
      input: [valueInfo("x", "float32", [4, 3])],
      output: [valueInfo("y0", "float32", [4, 3])],
      initializers: isMerged ? own : { ...own, [mean]: ZEROS, [variance]: ONES },
      node: [...(isMerged ? copies : []), node("BatchNormalization", ["x", ...NAMES], "y0")],
      opset: 17,
    }),
  );
  model.producerName = "pytorch";
  return toBinary(ModelProtoSchema, model);
}

/** The losses of some steps, and the trained model. */
async function trained(model: Uint8Array): Promise<{ losses: number[]; model: Uint8Array }> {
  const bytes = trainingStep(model, sgd({ learningRate: 0.1 }), {
    loss: meanSquaredError({ output: "y0" }),
  });
  const trainer = await OrtTrainer.load(bytes);
  const x = Float32Array.from({ length: 12 }, (_, i) => Math.sin(i));
  const y = Float32Array.from({ length: 12 }, (_, i) => Math.cos(2 * i));
  const losses: number[] = [];
  for (let step = 0; step < 4; step++) losses.push(await trainer.step({ x, y }));
  const after = await trainer.model();
  await trainer.dispose();
  return { losses, model: after };
}

Deno.test("a bias that was equal to a running mean moves without it", async () => {
  const [merged, apart] = [await trained(normalisation(true)), await trained(normalisation(false))];
  assertEquals(merged.losses, apart.losses);
  const [ours, wanted] = [merged, apart].map(({ model }) => initializersOf(model, NAMES));
  assertEquals(ours, wanted);
  assertEquals(Array.from(ours["n.running_mean"].data), ZEROS.values);
  assert(ours["n.bias"].data.some((each) => each !== 0));
});
