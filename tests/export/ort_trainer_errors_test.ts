/** What a trainer refuses: files that are none of its own, batches that do not fit, and whatever comes after. */
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { type ModelProto, ModelProtoSchema } from "onnx-buf";
import { attachOptimizer, initializersOf, toOnnx } from "../../export/onnx/mod.ts";
import { type Batch, OrtTrainer, type TrainerOptions } from "../../export/ort/mod.ts";
import { save } from "../../export/safetensors/mod.ts";
import { GradusError, lion, sgd } from "../../mod.ts";
import { assert, assertEquals, assertRejects, assertThrows } from "../assert.ts";
import { linearModel } from "./linear_model.ts";
import { maskedModel } from "./masked_model.ts";

const names = { params: ["w", "b"], grads: ["dw", "db"] };
const optimizer = sgd({ learningRate: 0.1, momentum: 0.9 });
const params = initializersOf(linearModel(), names.params);
const joined = attachOptimizer(linearModel(), optimizer, names);
const batch = {
  x: Float32Array.of(1, 2, -1, 0.5, 3, -2, 0.25, 1),
  y: Float32Array.of(3, -1, 2, 0),
};

function changed(change: (model: ModelProto) => void): Uint8Array {
  const model = fromBinary(ModelProtoSchema, joined);
  change(model);
  return toBinary(ModelProtoSchema, model);
}

async function refuse(bytes: unknown, options: unknown, ...parts: string[]): Promise<void> {
  const loading = () => OrtTrainer.load(bytes as Uint8Array, options as TrainerOptions);
  await assertRejects(loading, GradusError, "Cannot load a training step", ...parts);
}

Deno.test("what is no joined model, or not whole, is refused when it is loaded", async () => {
  await refuse(undefined, {}, "its bytes are required: given undefined");
  await refuse(joined.slice(0, joined.length - 9), { params }, "the bytes must be an ONNX model");
  await refuse(new Uint8Array(0), {}, "given one without `gradus.joined`");
  await refuse(linearModel(), {}, "given one without `gradus.joined`");
  await refuse(toOnnx(optimizer, { w: [2] }), {}, "`attachOptimizer` or `trainingStep`");
  const gone = changed(({ graph }) => graph!.node.pop());
  await refuse(gone, { params }, "nodes were changed since");
  const told = changed(({ metadataProps }) => {
    metadataProps.find(({ key }) => key === "gradus.joined")!.value = '{"inputs":["__proto__"]}';
  });
  await refuse(told, { params }, "must tell inputs, outputs and gradients");
});

Deno.test("options that are none, and first values that do not fit, are refused", async () => {
  await refuse(joined, 3, "its options must be an object: given 3");
  await refuse(
    joined,
    { params, thread: 2 },
    "there is no option `thread`; did you mean `threads`?",
  );
  await refuse(joined, { params, threads: 0 }, "`threads` must be a whole number from 1: given 0");
  await refuse(joined, { params, threads: 2 }, "`threads` must be 1 in Deno");
  await refuse(joined, { params, executionProvider: "gpu" }, 'must be "wasm" or "webgpu"');
  await refuse(joined, { params, device: {} }, "`device` is for");
  await refuse(joined, { params, hyper: { rate: 1 } }, "`rate` is no hyperparameter input");
  await refuse(joined, { params, loss: "los" }, "did you mean `loss`?");
  await refuse(
    joined,
    {},
    "`params` must have the first value of `w`",
    "`initializersOf` reads it",
  );
  await refuse(joined, { params: { w: params.w } }, "must have the first value of `b`");
  await refuse(joined, { params: { ...params, bb: params.b } }, "`bb`", "did you mean `b`?");
  await refuse(joined, { params: { ...params, w: params.b } }, "must be float32 of shape [2, 1]");
  await refuse(joined, { params: { ...params, w: [1, 2] } }, "`w` as `{ data, shape }`");
  const told = attachOptimizer(linearModel(), optimizer, { ...names, loss: "loss" });
  assert((await OrtTrainer.load(told, { params })).count === 0);
  assertThrows(
    () => attachOptimizer(linearModel(), optimizer, { ...names, loss: "dw" }),
    GradusError,
    "`loss` must be an output that is no gradient",
  );
});

Deno.test("a batch that does not fit is refused by its input, and changes nothing", async () => {
  const trainer = await OrtTrainer.load(joined, { params });
  const before = await trainer.params();
  const refuse = (batch: unknown, ...parts: string[]) =>
    assertRejects(
      () => trainer.step(batch as Batch),
      GradusError,
      'Cannot train by "sgd"',
      ...parts,
    );
  const { x, y } = batch;
  await refuse(null, "the batch must be an object");
  await refuse({ x }, "the batch must have the input `y`: it is missing");
  await refuse({ x, label: y }, "no input `label`");
  await refuse({ x, y, X: x }, "no input `X`", "did you mean `x`?");
  await refuse({ x: [1, 2], y }, "input `x` must be an array or `{ data, shape }`");
  await refuse({ x: Float64Array.from(x), y }, "is float32", "given a Float64Array");
  await refuse({ x: x.slice(1), y }, "`x` must have 8 elements for its shape [4, 2]: given 7");
  await refuse({ x: { data: x, shape: [2, 4] }, y }, "must have the shape [4, 2]: given [2, 4]");
  await refuse({ x: { data: x.slice(2), shape: [4, 2] }, y }, "must have 8 elements");
  await assertRejects(() => trainer.stepWith(batch, ["w"]), GradusError, "no output `w`");
  await assertRejects(() => trainer.evaluate(batch, ["lose"]), GradusError, "did you mean `loss`?");
  await assertRejects(
    () => trainer.step(batch, {}, { refuse: true } as object),
    GradusError,
    "there is no option `refuse`",
  );
  assertEquals([await trainer.params(), trainer.count], [before, 0]);
  {
    await using _ = trainer;
  }
  await assertRejects(() => trainer.step(batch), GradusError, "nothing may follow `dispose`");
});

Deno.test("open extents are those of one batch, and labels are in the range of their type", async () => {
  const attached = attachOptimizer(maskedModel("int32"), lion({ learningRate: 0.1 }), {
    params: ["w"],
    grads: ["dw"],
    loss: "loss",
  });
  const { w } = initializersOf(maskedModel(), ["w"]);
  const mean = { data: Float32Array.of(0, 0), shape: [2] };
  await refuse(attached, { params: { w } }, "must have the first value of `mean`");
  const trainer = await OrtTrainer.load(attached, { params: { w, mean } });
  const refuseBatch = (x: unknown, y: unknown, ...parts: string[]) =>
    assertRejects(() => trainer.step({ x, y } as Batch), GradusError, ...parts);
  const x = Float32Array.of(1, 2, 3, 4);
  await refuseBatch(x.slice(1), Int32Array.of(0, 1), "must fit the shape [N, 2]: given 3 elements");
  await refuseBatch(
    x,
    Int32Array.of(0, 1, 2),
    "`y` must have 2 elements for its shape [2]: given 3",
  );
  await refuseBatch(
    x,
    BigInt64Array.of(0n, 2n ** 31n),
    "`y` is int32 and must be from -2147483648 to 2147483647: given 2147483648",
  );
  await refuseBatch(x, Float32Array.of(0, 1), "must be an array of whole numbers");
  assertEquals(trainer.count, 0);
  assert(Number.isFinite(await trainer.step({ x, y: Uint8Array.of(0, 1) })));
  await trainer.dispose();
});

Deno.test("a checkpoint of another optimizer or other parameters is refused with nothing changed", async () => {
  const trainer = await OrtTrainer.load(joined, { params });
  await trainer.step(batch);
  const before = [await trainer.params(), trainer.count];
  const other = lion({ learningRate: 0.1 });
  const tree = { w: { data: new Float32Array(2), shape: [2, 1] } };
  const saved = [
    save({ optimizer: other, params, state: other.init(params) }),
    save({ optimizer, params: tree, state: optimizer.init(tree) }),
    new Uint8Array(3),
  ];
  for (const bytes of saved) await assertRejects(() => trainer.restore(bytes), GradusError);
  assertEquals([await trainer.params(), trainer.count], before);
  await trainer.step(batch);
  await trainer.dispose();
});
