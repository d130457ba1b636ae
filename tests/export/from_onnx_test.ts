/** Programs read back from models. */
import { create, toBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema } from "onnx-buf";
import { lion } from "../../mod.ts";
import { fromOnnx, METADATA, toOnnx } from "../../export/onnx/mod.ts";
import { assert } from "../assert.ts";
import { randomWords } from "../numbers.ts";
import { assertRefused } from "../refused.ts";
import { IN_NO_GRAPH, wrapped, zooOptimizers } from "./everything.ts";
import { decodeModel } from "./models.ts";

const READING = "Cannot read an optimizer: the bytes must be an ONNX model written by `toOnnx`";
const params = { b: [4], w: [2, 3] };

for (const [name, make] of Object.entries({ ...zooOptimizers, ...wrapped })) {
  if (IN_NO_GRAPH.has(name)) continue;
  Deno.test(`${name} comes back from ONNX as the same program`, () => {
    const opt = make();
    for (const precision of ["float32", "float64"] as const) {
      assert(fromOnnx(toOnnx(opt, params, { precision })) === opt.program);
    }
  });
}

Deno.test("every beginning of a model is refused, whichever of its parts is cut", () => {
  for (const inlineFunctions of [false, true]) {
    const whole = toOnnx(lion({ learningRate: 1 }), { w: [2] }, { inlineFunctions });
    for (let length = 0; length < whole.length; length++) {
      assertRefused(() => fromOnnx(whole.subarray(0, length)), READING);
    }
  }
});

Deno.test("bytes of any kind are refused", () => {
  const next = randomWords(3);
  for (let i = 0; i < 300; i++) {
    const bytes = Uint8Array.from({ length: next() % 300 }, () => next());
    assertRefused(() => fromOnnx(bytes), READING);
  }
  for (const given of [undefined, null, "model", {}]) {
    assertRefused(() => fromOnnx(given as unknown as Uint8Array), READING);
  }
});

Deno.test("a model of another's is refused by what it lacks", () => {
  const foreign = toBinary(ModelProtoSchema, create(ModelProtoSchema, { irVersion: 10n }));
  assertRefused(() => fromOnnx(foreign), READING, "without `gradus.program` in its metadata");
});

Deno.test("a program that was changed into none is refused with what is wrong in it", () => {
  const model = decodeModel(toOnnx(lion({ learningRate: 1 }), { w: [2] }));
  const program = model.metadataProps.find(({ key }) => key === METADATA.program)!;
  program.value = program.value.replace("sign(c)", "sing(c)");
  const bytes = toBinary(ModelProtoSchema, model);
  assertRefused(() => fromOnnx(bytes), READING, "gradus.program", "no function `sing`");
});
