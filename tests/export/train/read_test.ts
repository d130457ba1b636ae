/** Models that are broken or hostile are each refused for what is wrong. */
import { clone, create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  type ModelProto,
  ModelProtoSchema,
  TensorProto_DataLocation as Location,
  TensorProtoSchema,
} from "onnx-buf";
import { node } from "../../../export/onnx/proto.ts";
import {
  byName,
  crossEntropy,
  type ModelSource,
  trainingStep,
  withGradients,
} from "../../../export/train/mod.ts";
import { adamw, GradusError, type Optimizer } from "../../../mod.ts";
import { assert, assertEquals, assertThrows } from "../../assert.ts";
import { modelNamed } from "./driver.ts";

const loss = crossEntropy({ logits: "logits" });
const mlp = fromBinary(ModelProtoSchema, modelNamed("mlp.tsplain"));

function changed(change: (model: ModelProto) => void): Uint8Array {
  const model = clone(ModelProtoSchema, mlp);
  change(model);
  return toBinary(ModelProtoSchema, model);
}

function refused(model: ModelSource, message: string, params?: readonly string[]): void {
  assertThrows(() => withGradients(model, { loss, params }), GradusError, message);
}

function add(model: ModelProto, ...nodes: ReturnType<typeof node>[]): void {
  model.graph!.node.push(...create(ModelProtoSchema, { graph: { node: nodes } }).graph!.node);
}

Deno.test("what is no whole model is refused", () => {
  const bytes = modelNamed("mlp.tsplain");
  refused(bytes.subarray(0, bytes.length - 7), "cut off");
  refused(new Uint8Array(), "with a graph");
  refused("model" as unknown as Uint8Array, "its bytes are required");
  refused({ model: bytes } as ModelSource, "its bytes are required");
});

Deno.test("a graph that could not be run is refused", () => {
  refused(changed((model) => model.opsetImport[0].version = 12n), "from 13 to 23: given 12");
  refused(changed((model) => model.opsetImport = []), "from 13 to 23: given 0");
  refused(
    changed((model) => add(model, node("Relu", ["logits"], "logits"))),
    "makes `logits` twice",
  );
  refused(
    changed((model) => add(model, node("Add", ["b", "logits"], "a"), node("Relu", ["a"], "b"))),
    "must have no circle",
  );
  refused(changed((model) => add(model, node("Relu", ["nothing"], "a"))), "is made nowhere");
  refused(changed((model) => model.graph!.output[0].name = "lost"), "`lost` is made nowhere");
});

Deno.test("initializers that are not there, or not of their shape, are refused", () => {
  const tensor = (model: ModelProto) => model.graph!.initializer[0];
  refused(
    changed((model) => tensor(model).rawData = new Uint8Array(8)),
    "`l1.weight` of shape [16, 8] must have 512 bytes: given 8",
  );
  refused(changed((model) => tensor(model).dims = [2n ** 40n, 2n ** 40n]), "as an array can have");
  refused(changed((model) => tensor(model).dims = [-16n, -8n]), "as an array can have");
  const listed = changed((model) => {
    tensor(model).rawData = new Uint8Array();
    tensor(model).floatData = [1, 2];
  });
  refused(listed, "`l1.weight` of shape [16, 8] must have 128 numbers: given 2");
});

Deno.test("weights outside the file are read from the files beside it", () => {
  let data = new Uint8Array();
  const outside = (offset: string, length: string) =>
    changed((model) => {
      const tensor = model.graph!.initializer[0];
      data = new Uint8Array([0, 0, 0, 0, ...tensor.rawData]);
      tensor.rawData = new Uint8Array();
      tensor.dataLocation = Location.EXTERNAL;
      tensor.externalData = create(TensorProtoSchema, {
        externalData: [
          { key: "location", value: "w.bin" },
          { key: "offset", value: offset },
          { key: "length", value: length },
        ],
      }).externalData;
    });
  const model = outside("4", "512");
  refused(model, "`l1.weight` lies outside the model, in `w.bin`");
  refused({ model, data: { "w.bim": data } }, "did you mean `w.bim`?");
  refused({ model: outside("8", "512"), data: { "w.bin": data } }, "must lie within `w.bin`");
  refused({ model: outside("-4", "512"), data: { "w.bin": data } }, "must lie within `w.bin`");
  const made = fromBinary(
    ModelProtoSchema,
    withGradients({ model, data: { "w.bin": data } }, { loss }),
  ).graph!.initializer.find(({ name }) => name === "l1.weight")!;
  assertEquals(made.rawData, mlp.graph!.initializer[0].rawData);
});

Deno.test("an operator without a gradient is refused with the way from a parameter to the loss", () => {
  const model = changed((model) => {
    const [first, ...rest] = model.graph!.node;
    const [between] = create(ModelProtoSchema, {
      graph: { node: [node("Hardmax", [first.output[0]], "hard")] },
    }).graph!.node;
    rest[0].input = ["hard"];
    model.graph!.node = [first, between, ...rest];
  });
  refused(model, "operator Hardmax at `hard`");
  refused(model, "`l1.weight` → `/l1/Gemm` → `hard` → `/Relu");
  // Nothing goes through it if what is before it is frozen.
  assert(withGradients(model, { loss, params: ["l2.*", "l3.*"] }).length > 0);
});

Deno.test("parameters are chosen by names and patterns", () => {
  const trained = (params?: readonly string[]) =>
    fromBinary(ModelProtoSchema, withGradients(modelNamed("mlp.tsplain"), { loss, params }))
      .graph!.output.flatMap(({ name }) => name.startsWith("grad/") ? [name.slice(5)] : []);
  const all = ["l1.weight", "l1.bias", "l2.weight", "l2.bias", "l3.weight", "l3.bias"];
  assertEquals(trained(), all);
  assertEquals(trained(["l2.bias"]), ["l2.bias"]);
  assertEquals(trained(["*.bias", "!l1.*"]), ["l2.bias", "l3.bias"]);
  assertEquals(trained(["!*weight"]), ["l1.bias", "l2.bias", "l3.bias"]);
  const model = modelNamed("mlp.tsplain");
  refused(model, "no initializer `l1.wight`; did you mean `l1.weight`?", ["l1.wight"]);
  refused(model, "no initializer `x*`", ["x*"]);
  refused(model, "given none of an array of 2", ["l1.bias", "!*"]);
  refused(model, "a list of names or patterns", "l1.bias" as unknown as string[]);
  assertEquals(byName({ "*.bias": 0, "*": 2 }), { match: [["*.bias", 0], ["*", 2]] });
});

Deno.test("a training step needs an optimizer that is ready, and names of its own", () => {
  const model = modelNamed("mlp.tsplain");
  const step = (optimizer: unknown) => trainingStep(model, optimizer as Optimizer, { loss });
  assertThrows(() => step(adamw), GradusError, "call it with its options first");
  const opt = adamw({ learningRate: 1e-3, mask: byName({ "*.bias": false, "*": true }) });
  assert(step(opt).length > 0);
});

Deno.test("a slice to the largest of int64 stays one to the end", () => {
  const model = changed((model) => {
    const last = model.graph!.node.at(-1)!;
    last.output = ["whole"];
    add(model, node("Unsqueeze", ["far", "zero"], "end"));
    add(model, node("Slice", ["whole", "one", "end", "one"], "logits"));
    const list = (name: string, value: bigint, ...dims: bigint[]) =>
      model.graph!.initializer.push(create(TensorProtoSchema, {
        name,
        dataType: 7,
        dims,
        rawData: new Uint8Array(BigInt64Array.of(value).buffer),
      }));
    list("far", 2n ** 63n - 1n);
    list("zero", 0n, 1n);
    list("one", 1n, 1n);
  });
  const { graph } = fromBinary(ModelProtoSchema, withGradients(model, { loss }));
  const gradient = graph!.node.find(({ opType }) => opType === "Pad")!;
  const pads = graph!.initializer.find(({ name }) => name === gradient.input[1])!;
  assertEquals([...new BigInt64Array(pads.rawData.slice().buffer)], [0n, 1n, 0n, 0n]);
  // The end is not rounded to what int64 has not.
  assert(graph!.node.some(({ opType }) => opType === "Unsqueeze"));
});

Deno.test("a value inside that is called as an output would be is refused", () => {
  const model = changed((model) => {
    const [first, second] = model.graph!.node;
    [first.output, second.input] = [["loss"], ["loss"]];
  });
  refused(model, "a value `loss` inside");
});

Deno.test("functions of a model are written out, with their attributes", () => {
  const { graph } = fromBinary(ModelProtoSchema, modelNamed("mlp.tsplain"));
  const [, relu] = graph!.node;
  const leaky = (
    alpha: number,
    ref: string,
  ) => [{ name: "alpha", type: 1, f: alpha, refAttrName: ref }];
  const withFunction = (deep: boolean) =>
    changed((model) => {
      const functions = create(ModelProtoSchema, {
        functions: [{
          domain: "own",
          name: "Leaky",
          input: ["a"],
          output: ["b"],
          attribute: ["slope"],
          opsetImport: [{ domain: "", version: 17n }],
          node: [
            { opType: "Identity", input: ["a"], output: ["c"] },
            { opType: "LeakyRelu", input: ["c"], output: ["b"], attribute: leaky(0, "slope") },
            ...(deep ? [{ opType: "Leaky", domain: "own", input: ["b"], output: ["d"] }] : []),
          ],
        }],
      }).functions;
      model.functions = functions;
      model.opsetImport.push(
        ...create(ModelProtoSchema, {
          opsetImport: [{ domain: "own", version: 1n }],
        }).opsetImport,
      );
      const call = create(ModelProtoSchema, {
        graph: {
          node: [{
            opType: "Leaky",
            domain: "own",
            input: relu.input,
            output: relu.output,
            attribute: [{ name: "slope", type: 1, f: 0.25 }],
          }],
        },
      }).graph!.node[0];
      model.graph!.node[1] = call;
    });
  const plain = changed((model) => {
    model.graph!.node[1].opType = "LeakyRelu";
    model.graph!.node[1].attribute = create(ModelProtoSchema, {
      graph: { node: [{ attribute: leaky(0.25, "") }] },
    }).graph!.node[0].attribute;
  });
  const operators = (model: Uint8Array) =>
    fromBinary(ModelProtoSchema, withGradients(model, { loss })).graph!.node
      .map(({ opType }) => opType).filter((opType) => opType !== "Identity");
  assertEquals(operators(withFunction(false)), operators(plain));
  refused(withFunction(true), "its functions must not call themselves: given `Leaky`");
});
