/** What exporters do to parameters is said, and what they call a buffer is left alone. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema, NodeProtoSchema, TensorProtoSchema } from "onnx-buf";
import { crossEntropy, withGradients } from "../../../export/train/mod.ts";
import { assertEquals } from "../../assert.ts";
import { modelNamed } from "./driver.ts";

function written(model: Uint8Array): { readonly said: string[]; readonly trained: string[] } {
  const said: string[] = [];
  const loss = crossEntropy({ logits: "logits" });
  const bytes = withGradients(model, { loss, onWarning: (warning) => said.push(warning) });
  const { graph } = fromBinary(ModelProtoSchema, bytes);
  const trained = graph!.output.flatMap(({ name }) =>
    name.startsWith("grad/") ? [name.slice(5)] : []
  );
  return { said: said.flatMap((each) => each.split(/[:;] /)), trained };
}

Deno.test("a model whose parameters have their own names is trained in silence", () => {
  for (const name of ["mlp.plain", "vit.plain", "vit.tsplain", "cnn.plain", "gru.tsplain"]) {
    assertEquals(written(modelNamed(name)).said, [], name);
  }
});

Deno.test("what the newer exporter folded is told by what it was made of", () => {
  const { said } = written(modelNamed("vit.dynamo"));
  assertEquals(said.slice(0, 3), [
    "The exporter has changed parameters",
    "`expand` of 4x1x16 was made of `c`",
    "`val_12` of 16x48 was made of `b.qkv.weight`",
  ]);
  assertEquals(written(modelNamed("cnn.dynamo")).said.slice(1, 2), [
    "a normalisation was folded into the convolution by `c1.weight`",
  ]);
});

Deno.test("what the older exporter folded is told by the bias that is left", () => {
  const { said } = written(modelNamed("vit.torchscript"));
  assertEquals(said.slice(1, 3), [
    "`b.qkv.weight` is not there",
    "`onnx::MatMul_143` of 16x48 may be it, transposed",
  ]);
});

Deno.test("normalisations that were equal are trained apart by the names that PyTorch kept", () => {
  const { said, trained } = written(modelNamed("gpt.equal"));
  assertEquals(said, []);
  const norms = ["b.0.n1", "b.0.n2", "b.1.n1", "b.1.n2", "n"];
  const wanted = norms.flatMap((name) => [`${name}.bias`, `${name}.weight`]);
  assertEquals(trained.filter((name) => wanted.includes(name)).sort(), wanted.sort());
});

Deno.test("normalisations that share their parameters in a file of another maker are told", () => {
  const model = fromBinary(ModelProtoSchema, modelNamed("gpt.equal"));
  model.producerName = "another";
  const { said } = written(toBinary(ModelProtoSchema, model));
  assertEquals(said.slice(1, 3), [
    "`b.0.n1.weight` is read by 5 LayerNormalization",
    "`b.0.n1.bias` is read by 5 LayerNormalization",
  ]);
});

Deno.test("what the exporter calls a buffer is not trained unless it is named", () => {
  const model = fromBinary(ModelProtoSchema, modelNamed("mlp.plain"));
  const [signature] = model.graph!.metadataProps;
  signature.value = signature.value.replace(
    "PARAMETER target='l2.bias'",
    "BUFFER target='l2.bias'",
  );
  const { trained } = written(toBinary(ModelProtoSchema, model));
  assertEquals(trained, ["l1.weight", "l1.bias", "l2.weight", "l3.weight", "l3.bias"]);
});

Deno.test("a mask that is added to scores is no parameter", () => {
  const model = fromBinary(ModelProtoSchema, modelNamed("mlp.tsplain"));
  const { node, initializer, output: [{ name }] } = model.graph!;
  node.find(({ output }) => output.includes(name))!.output = ["scores"];
  const [bias] = initializer.filter(({ dims }) => dims.length === 1).slice(-1);
  const mask = new Float32Array(Number(bias.dims[0]));
  mask[0] = -10_000;
  initializer.push(
    create(TensorProtoSchema, {
      name: "mask",
      dataType: 1,
      dims: bias.dims,
      rawData: new Uint8Array(mask.buffer),
    }),
  );
  node.push(create(NodeProtoSchema, { opType: "Add", input: ["scores", "mask"], output: [name] }));
  const { trained } = written(toBinary(ModelProtoSchema, model));
  assertEquals(trained, written(modelNamed("mlp.tsplain")).trained);
});
