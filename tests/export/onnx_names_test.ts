/** Names that are hard on a graph: those it uses itself, and text of any kind. */
import { lion, type Optimizer, optimizer, parseJson } from "../../mod.ts";
import { METADATA, toOnnx } from "../../export/onnx/mod.ts";
import { OrtOptimizer } from "../../export/ort/mod.ts";
import { assert, assertEquals } from "../assert.ts";
import { assertRefused } from "../refused.ts";
import { decodeModel, faultsOf, inputNames, metadataOf } from "./models.ts";
import { differences, statesOf } from "./trees.ts";

type Params = Readonly<Record<string, Float32Array>> | Float32Array;

/** Fails unless two steps of the exported optimizer have every bit of the library's. */
async function assertRuns(opt: Optimizer, start: Params, inputs: Record<string, number> = {}) {
  const bytes = toOnnx(opt, start);
  assertEquals(faultsOf(bytes), []);
  const exported = await OrtOptimizer.load(bytes);
  const [ours, theirs] = [structuredClone(start), structuredClone(start)];
  const [state, theirState] = [opt.init(ours), exported.init(theirs)];
  for (let step = 0; step < 2; step++) {
    opt.step(ours, start, state, inputs);
    await exported.step(theirs, start, theirState, inputs);
  }
  assertEquals(differences(theirs, ours), []);
  assertEquals(differences(statesOf(theirState), statesOf(state)), []);
  await exported.dispose();
}

/** Everything that a graph might call a value of its own. */
const OWN = ["step", "float32", "float64", "int64", "bool", "float16"];
const OPERATORS = ["Add", "Mul", "Where", "Less", "Pow"].flatMap((op) =>
  [0, 1, 2, 3, 4, 5].map((i) => `${op}_${i}`)
);

/** An optimizer with states of these names. */
function withStates(...names: readonly string[]): Optimizer {
  return optimizer({
    name: "named",
    hyper: { decay: 0.5 },
    state: Object.fromEntries(names.map((name) => [name, 0])),
    step: [
      ...names.map((name) => `${name} = decay^t*${name} + 0.25*g`),
      `u = -0.5*(${names.join(" + ")})`,
    ].join("\n"),
  })();
}

Deno.test("states may have the names that a graph gives to values of its own", async () => {
  await assertRuns(withStates("next", ...OWN, ...OPERATORS), Float32Array.of(1, -2));
});

Deno.test("parameters and states may together spell any name of the graph's own", async () => {
  const keys = [
    ...["count", "w", "g", "m", "next", "hyper", "decay", "0.5", "0.25", "-0.5", "1"],
    ...["float64/count", "count/next", "w/w", "step/Add_0", "Add_0", "Pow_1", "Mul_2"],
  ];
  await assertRuns(
    withStates(...OWN, ...OPERATORS),
    Object.fromEntries(keys.map((key, i) => [key, Float32Array.of(i + 1)])),
  );
});

Deno.test("a state may be called `next`, unless that makes an input of an output", async () => {
  await assertRuns(withStates("next"), { next: Float32Array.of(1), w: Float32Array.of(2) });
  for (const params of [{ count: [1] }, { w: { x: [1] }, x: [1] }]) {
    assertRefused(() => toOnnx(withStates("next"), params), 'Cannot export "named" to ONNX');
  }
});

Deno.test("a further input may have the name of a value of the graph's own", async () => {
  const inputs = Object.fromEntries(OPERATORS.map((name) => [name, "scalar" as const]));
  const opt = optimizer({
    name: "inputs",
    inputs,
    step: `u = g*(${OPERATORS.join(" + ")})`,
  })();
  const values = Object.fromEntries(OPERATORS.map((name, i) => [name, 0.125 * (i + 1)]));
  await assertRuns(opt, Float32Array.of(1, -2), values);
});

const TEXTS: Readonly<Record<string, string>> = {
  "an empty key": "",
  "a blank": " ",
  "quotes and backslashes": "\"'`\\",
  "a line break": "a\nb\r\n",
  "marks of markup": "</x>&amp;",
  "marks of a format": "%s%n{0}",
  "letters of another script": "βάρος",
  "what takes two units": "😀",
  "what looks like a path from the root": "/a",
  "what looks like a path upwards": "..",
  "a name that objects inherit": "constructor",
  "the name of the prototype": "__proto__",
  "a thousand letters": "k".repeat(1000),
  "a soft hyphen and a change of direction": "\u00ad\u202e",
};

for (const [what, key] of Object.entries(TEXTS)) {
  Deno.test(`a key may be ${what}`, async () => {
    const params = Object.fromEntries([[key, Float32Array.of(1, -2)], ["k", Float32Array.of(3)]]);
    const names = inputNames(toOnnx(lion({ learningRate: 1 }), params));
    assert(names.includes(key === "" ? "w" : `w/${key}`));
    await assertRuns(lion({ learningRate: 0.25 }), params);
  });
}

// Names in a graph are text in UTF-8, and ONNX Runtime's end at a zero.
for (
  const [what, keys] of Object.entries({
    "a zero": ["a\0b"],
    "two that are alike up to a zero": ["a\0b", "a\0c"],
    "half of a pair": ["\ud800"],
    "two halves of pairs": ["\ud800", "\udc00"],
  })
) {
  Deno.test(`keys with ${what} are refused, since no name in a graph can hold them`, () => {
    const params = Object.fromEntries(keys.map((key, i) => [key, Float32Array.of(i)]));
    assertRefused(
      () => toOnnx(lion({ learningRate: 1 }), params),
      'Cannot export "lion" to ONNX',
    );
  });
}

Deno.test("notes of any text are held by the document and by the metadata", async () => {
  const doc = `"quoted" \\ {"json": 1}\n</graph> <!-- &amp; %s \u202e 😀`;
  const factory = optimizer({ name: "noted", doc, source: doc, step: "u = g" });
  const bytes = toOnnx(factory(), [2]);
  const model = decodeModel(bytes);
  assertEquals([model.docString, model.graph!.docString], [doc, doc]);
  assert(parseJson(metadataOf(bytes)[METADATA.program]) === factory.program);
  await assertRuns(factory(), Float32Array.of(1, -2));
});

Deno.test("notes that are no text in UTF-8 still leave the program whole", async () => {
  const doc = "half a pair \ud800, a zero \0 and the other half \udc00";
  const factory = optimizer({ name: "noted", doc, source: doc, step: "u = g" });
  const exported = await OrtOptimizer.load(toOnnx(factory(), [2]));
  assert(exported.program === factory.program);
  await exported.dispose();
});

Deno.test("paths that are one when joined are refused, whichever comes first", () => {
  const opt = lion({ learningRate: 1 });
  for (
    const params of [
      { "a/b": [1], a: { b: [2] } },
      { a: { "b/c": [1] }, "a/b": { c: [1] } },
      { "a/0": [1], a: [[2]] },
      { "": { a: [1] }, a: [2] },
    ]
  ) {
    assertRefused(() => toOnnx(opt, params), 'Cannot export "lion" to ONNX', "two parameters");
  }
});

Deno.test("a key may contain a slash where no other path is the same", async () => {
  await assertRuns(lion({ learningRate: 0.25 }), {
    "a/b": Float32Array.of(1),
    a: Float32Array.of(2),
    "a/": Float32Array.of(3),
  });
});
