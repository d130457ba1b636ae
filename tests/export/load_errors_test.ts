/** What `OrtOptimizer.load` refuses: bytes of any kind must do no more than that. */
import { create, toBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema } from "onnx-buf";
import { GradusError, lion } from "../../mod.ts";
import { fromOnnx, METADATA, toOnnx } from "../../export/onnx/mod.ts";
import { cast, node, scalarOf, valueInfo, writeModel } from "../../export/onnx/proto.ts";
import { OrtOptimizer, type OrtOptions } from "../../export/ort/mod.ts";
import { assert, assertEquals } from "../assert.ts";
import { randomWords } from "../numbers.ts";
import { decodeModel } from "./models.ts";
import { assertRefused } from "../refused.ts";
import { assertRejected } from "./rejected.ts";

const whole = toOnnx(lion({ learningRate: 1 }), { w: [2] }, { inputs: ["learningRate"] });
const LOADING = "Cannot load an optimizer: the bytes must be an ONNX model written by `toOnnx`";

async function refuse(bytes: unknown, ...parts: readonly string[]): Promise<GradusError> {
  return await assertRejected(() => OrtOptimizer.load(bytes as Uint8Array), [bytes], ...parts);
}

/** The model with something changed. */
function changed(change: (model: ReturnType<typeof decodeModel>) => void): Uint8Array {
  const model = decodeModel(whole);
  change(model);
  return toBinary(ModelProtoSchema, model);
}

Deno.test("the whole model is loaded, which the rest of this file spoils", async () => {
  const exported = await OrtOptimizer.load(changed(() => {}));
  assert(exported.program === lion.program);
  await exported.dispose();
});

Deno.test("no bytes are refused", async () => {
  await refuse(new Uint8Array(), LOADING, "gradus.program");
});

Deno.test("every beginning of a model is refused", async () => {
  for (let length = 0; length < whole.length; length++) {
    await refuse(whole.slice(0, length), LOADING);
  }
});

Deno.test("random bytes are refused", async () => {
  const next = randomWords(11);
  for (let i = 0; i < 500; i++) {
    const bytes = Uint8Array.from({ length: 1 + next() % 200 }, () => next());
    await refuse(bytes, LOADING);
  }
});

Deno.test("what is no array of bytes is refused", async () => {
  for (const given of [undefined, null, 3, "model", {}, [8, 10], new ArrayBuffer(8)]) {
    await refuse(given, LOADING);
  }
});

Deno.test("a model that Gradus did not write is refused by what it lacks", async () => {
  const foreign = toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: 10n,
      opsetImport: [{ domain: "", version: 21n }],
      metadataProps: [{ key: "author", value: "another" }],
      graph: {
        name: "foreign",
        input: [valueInfo("x", "float32", [1])],
        output: [valueInfo("y", "float32", [1])],
        node: [node("Neg", ["x"], "y")],
      },
    }),
  );
  await refuse(foreign, LOADING, "without `gradus.program` in its metadata");
});

for (const key of Object.values(METADATA)) {
  Deno.test(`a model without ${key} is refused by that name`, async () => {
    const bytes = changed((model) => {
      model.metadataProps = model.metadataProps.filter((each) => each.key !== key);
    });
    await refuse(bytes, LOADING, `without \`${key}\``);
  });

  Deno.test(`a model whose ${key} is spoilt is refused before it can be used`, async () => {
    for (const value of ["", "{", "null", "3", "[]", '"text"', '{"m": {}}', '{"m": null}', "\0"]) {
      const bytes = changed((model) => {
        model.metadataProps.find((each) => each.key === key)!.value = value;
      });
      await refuse(bytes, "Cannot load");
    }
  });
}

Deno.test("a program in the metadata that is none is refused with what is wrong in it", async () => {
  const bytes = changed((model) => {
    const metadata = model.metadataProps.find(({ key }) => key === METADATA.program)!;
    metadata.value = metadata.value.replace("sign(c)", "sing(c)");
  });
  await refuse(bytes, "Cannot", "there is no function `sing`", "line 20, column 54");
});

const SPOILT: Readonly<Record<string, (model: ReturnType<typeof decodeModel>) => void>> = {
  "no graph": (model) => delete model.graph,
  "a graph without nodes": (model) => model.graph!.node = [],
  "a graph without inputs": (model) => model.graph!.input = [],
  "a graph without outputs": (model) => model.graph!.output = [],
  "no gradient among the inputs": (model) =>
    model.graph!.input = model.graph!.input.filter(({ name }) => name !== "g/w"),
  "no state among the inputs": (model) =>
    model.graph!.input = model.graph!.input.filter(({ name }) => name !== "m/w"),
  "no next parameter among the outputs": (model) =>
    model.graph!.output = model.graph!.output.filter(({ name }) => name !== "next/w/w"),
  "no next state among the outputs": (model) =>
    model.graph!.output = model.graph!.output.filter(({ name }) => name !== "next/m/w"),
  "an operator of its own": (model) => model.graph!.node[0].opType = "Explode",
  "a domain of its own": (model) => model.graph!.node[0].domain = "elsewhere",
  "an operand that nothing defines": (model) => model.graph!.node[0].input[0] = "nothing",
  "an opset of the future": (model) => model.opsetImport[0].version = 99n,
  "an IR of the future": (model) => model.irVersion = 99n,
  "a parameter of whole numbers": (model) =>
    model.graph!.input = model.graph!.input.map((each) =>
      each.name === "w/w"
        ? create(ModelProtoSchema, { graph: { input: [valueInfo("w/w", "int64", [2])] } }).graph!
          .input[0]
        : each
    ),
};

for (const [what, spoil] of Object.entries(SPOILT)) {
  Deno.test(`a model with ${what} is refused when it is loaded`, async () => {
    await refuse(changed(spoil), "Cannot load");
  });
}

Deno.test("a model with any one byte changed loads and steps, or is refused", async () => {
  const next = randomWords(5);
  let refused = 0;
  for (let at = 0; at < whole.length; at += 4) {
    const bytes = whole.slice();
    bytes[at] ^= 1 << (next() % 8);
    let exported: OrtOptimizer | undefined;
    try {
      exported = await OrtOptimizer.load(bytes);
      const params = { w: Float32Array.of(1, 2) };
      await exported.step(params, params, exported.init(params));
    } catch (error) {
      assert(error instanceof GradusError, `byte ${at}: ${error}`);
      refused++;
    }
    await exported?.dispose();
  }
  assert(refused > 50, `only ${refused} were refused`);
});

const lies: Readonly<Record<string, (model: ReturnType<typeof decodeModel>) => void>> = {
  functions: ({ functions: [own] }) => {
    for (const each of own.node) {
      if (each.opType === "Greater") each.opType = "Less";
      else if (each.opType === "Less") each.opType = "Greater";
    }
  },
  nodes: ({ graph }) => graph!.node[0].name += "?",
  initializers: ({ graph }) => {
    const [first] = graph!.initializer;
    first.rawData = first.rawData.map((byte, i) => i === 0 ? byte ^ 1 : byte);
  },
  inputs: ({ graph }) => graph!.input.reverse(),
  outputs: ({ graph }) => graph!.output.reverse(),
  operators: ({ opsetImport }) => opsetImport[0].version--,
  metadata: ({ metadataProps }) => {
    const program = metadataProps.find(({ key }) => key === METADATA.program)!;
    program.value = program.value.replace("b1*m", "b2*m");
  },
};

for (const [part, lie] of Object.entries(lies)) {
  Deno.test(`a model of which the ${part} were changed is refused for that`, async () => {
    const bytes = changed(lie);
    await refuse(bytes, LOADING, `its ${part} were changed since, as \`gradus.digest\` tells`);
    assertRefused(() => fromOnnx(bytes), "Cannot read an optimizer", `its ${part} were changed`);
  });
}

Deno.test("what others write into the metadata, and their texts, change nothing", async () => {
  const bytes = changed((model) => {
    model.metadataProps.push(
      create(ModelProtoSchema, {
        metadataProps: [{ key: "author", value: "another" }],
      }).metadataProps[0],
    );
    model.docString = "mine";
    model.metadataProps.reverse();
  });
  assert(fromOnnx(bytes) === lion.program);
  await (await OrtOptimizer.load(bytes)).dispose();
});

Deno.test("what ONNX Runtime does not run on is refused", async () => {
  const load = (executionProvider: unknown) =>
    OrtOptimizer.load(whole, { executionProvider } as unknown as OrtOptions);
  const required = '`executionProvider` must be "wasm" or "webgpu"';
  await assertRejected(() => load("webnn"), [], required, 'given "webnn"');
  await assertRejected(() => load(3), [], required, "given 3");
  const device = {} as GPUDevice;
  const onWasm = () => OrtOptimizer.load(whole, { device });
  await assertRejected(onWasm, [], '`device` is for `executionProvider` "webgpu"');
});

Deno.test("a value for what is no input of the graph is refused, with what may be meant", async () => {
  const load = (hyper: OrtOptions["hyper"]) => OrtOptimizer.load(whole, { hyper });
  await assertRejected(() => load({ learningrate: 1 }), [], "`learningrate`", "`learningRate`");
  await assertRejected(() => load({ b1: 0.5 }), [], 'Cannot load "lion"', "`b1`");
});

Deno.test("a model that was refused leaves the runtime able to load the next", async () => {
  await refuse(changed((model) => model.graph!.node[0].opType = "Explode"), "Cannot load");
  const exported = await OrtOptimizer.load(whole);
  const [ours, theirs] = [{ w: Float32Array.of(1, -2) }, { w: Float32Array.of(1, -2) }];
  const opt = lion({ learningRate: 1 });
  opt.step(ours, { w: Float32Array.of(3, 4) }, opt.init(ours));
  await exported.step(theirs, { w: Float32Array.of(3, 4) }, exported.init(theirs));
  assertEquals(theirs, ours);
  await exported.dispose();
});

Deno.test("a model of many thousand nodes is a model", async () => {
  const nodes = Array.from(
    { length: 3000 },
    (_, i) => node("Neg", [i === 0 ? "x" : `n${i}`], `n${i + 1}`),
  );
  const bytes = writeModel({
    name: "long",
    doc: "",
    inputs: [valueInfo("x", "float32", [1])],
    outputs: [valueInfo("y", "float32", [1])],
    constants: [scalarOf("one", "float32", 1)],
    nodes: [...nodes, cast("n3000", "y", "float32")],
    functions: [],
    metadata: {},
  }, 21);
  await refuse(bytes, LOADING, "gradus.program");
});
